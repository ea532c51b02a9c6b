/** The generated client, set up for this page: same origin, the browser's cookie, answers as values and never as exceptions. */
import { client } from "./gen/client.gen";
import { BAD_ANSWER, isProblem, UNREACHABLE, type Answer, type Problem } from "./problem";

client.setConfig({ baseUrl: "", credentials: "same-origin" });

type Result<T> = { data?: T | undefined; error?: unknown; response?: Response | undefined };

/** Waits for a call of the generated client. */
export async function answer<T>(call: Promise<Result<T>>): Promise<Answer<NonNullable<T>>> {
  let result: Result<T>;
  try {
    result = await call;
  } catch (error) {
    return { ok: false, problem: unreachable(error) };
  }
  const { data, error, response } = result;
  if (response?.ok && data !== undefined && data !== null) return { ok: true, data };
  if (isProblem(error)) return { ok: false, problem: error };
  if (!response) return { ok: false, problem: unreachable(error) };
  const detail = `${response.status} ${response.statusText}`;
  return { ok: false, problem: { code: BAD_ANSWER, status: response.status, detail } };
}

/** What a response that is no success says. */
export async function problemOf(response: Response): Promise<Problem> {
  const detail = `${response.status} ${response.statusText}`;
  const said: unknown = await response.json().catch(() => null);
  return isProblem(said)
    ? { status: response.status, ...said }
    : { code: BAD_ANSWER, status: response.status, detail };
}

function unreachable(error: unknown): Problem {
  return { code: UNREACHABLE, detail: error instanceof Error ? error.message : String(error) };
}

/** A key for one command, which goes with it each time that it is sent. */
export function newKey(): string {
  // Not `randomUUID`: that is there only on https and localhost.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
