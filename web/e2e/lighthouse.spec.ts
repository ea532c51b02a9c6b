/**
 * Lighthouse in its own preset, a phone on a slow line. With CONVENE_STRICT=1 its performance is 95 at least, as the median of three runs,
 * which wants a machine with nothing else to do: what other work takes from the browser counts four times. Without, it is what a crowded
 * machine keeps too, at the first or second try. Accessibility is 95 at least everywhere.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { test } from "node:test";

const strict = process.env.CONVENE_STRICT === "1";
const LEAST = strict ? "95" : "50";
const RUNS = strict ? "3" : "1";
const TRIES = strict ? 1 : 2;

test(`Lighthouse gives ${LEAST} at least`, async (t) => {
  let found = await measured();
  for (let tried = 1; tried < TRIES && found.code !== 0; tried += 1) found = await measured();
  for (const line of found.output.split("\n").filter((one) => /performance \d/.test(one))) t.diagnostic(line);
  assert.equal(found.code, 0, found.output);
});

async function measured(): Promise<{ readonly code: number | null; readonly output: string }> {
  const script = path.join(import.meta.dirname, "../scripts/lighthouse.mjs");
  const child = spawn(process.execPath, [script, "--least", LEAST, "--runs", RUNS], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (bytes) => (output += String(bytes)));
  child.stderr.on("data", (bytes) => (output += String(bytes)));
  const code = await new Promise<number | null>((then) => child.once("close", then));
  return { code, output };
}
