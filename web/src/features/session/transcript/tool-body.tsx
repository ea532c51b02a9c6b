/** What stands below an opened tool call: what went in, what came out, what it changed. */
import { memo, useMemo } from "react";
import { t } from "@/i18n";
import { Ansi } from "@/parts/ansi/ansi";
import { CodeBlock } from "@/parts/code/code-block";
import { CommandText } from "@/parts/command-text";
import { Diff } from "@/parts/diff/diff";
import { Path } from "@/parts/path";
import type { ItemOf } from "@/store/items";
import { OtherBlock } from "./other-block";
import { useCalm } from "./calm";
import { diffsOf, inputOf, likelyDiffHeight, outputOf, type ToolDiff } from "./tool-content";
import { commandOf, kindOf, relative } from "./tool-words";

type ToolBodyProps = { readonly item: ItemOf<"tool">; readonly cwd: string };

export const ToolBody = memo(function ToolBody({ item, cwd }: ToolBodyProps) {
  const { call } = item;
  const diffs = diffsOf(call);
  const { text, others } = outputOf(call);
  const command = kindOf(call) === "execute" ? (commandOf(call) ?? call.title ?? null) : null;
  // The change itself says what went in.
  const input = diffs.length > 0 || command !== null ? "" : inputOf(call);
  const places = call.locations ?? [];
  const terminals = (call.content ?? []).filter((one) => one.type === "terminal").length;
  const nothing =
    diffs.length === 0 && text === "" && others.length === 0 && input === "" && command === null;
  return (
    <div className="ml-3 flex flex-col gap-2 border-l border-line py-1 pl-3">
      {command !== null && <CommandText command={command} />}
      {places.length > 0 && (
        <p className="flex flex-wrap gap-x-3 text-sm">
          <span className="sr-only">{t("transcript.tool.places")}</span>
          {places.map(({ path, line }) => (
            <Path key={`${path}:${line ?? ""}`} path={path} line={line} shown={relative(path, cwd)} />
          ))}
        </p>
      )}
      {input !== "" && (
        <Part label={t("transcript.tool.input")}>
          <CodeBlock code={input} language="json" />
        </Part>
      )}
      {diffs.map((diff, at) => (
        <ToolChange key={at} diff={diff} cwd={cwd} />
      ))}
      {text !== "" && (
        <Part label={t("transcript.tool.output")}>
          <Ansi text={text} />
        </Part>
      )}
      {others.map((block, at) => (
        <OtherBlock key={at} block={block} />
      ))}
      {terminals > 0 && text === "" && <p className="text-3">{t("transcript.tool.terminal")}</p>}
      {nothing && terminals === 0 && places.length === 0 && (
        <p className="text-3">{t("transcript.tool.none")}</p>
      )}
    </div>
  );
});

function Part({ label, children }: { readonly label: string; readonly children: React.ReactNode }) {
  return (
    <div role="group" aria-label={label}>
      <p className="mb-0.5 text-xs text-3">{label}</p>
      {children}
    </div>
  );
}

function ToolChange({ diff, cwd }: { readonly diff: ToolDiff; readonly cwd: string }) {
  const { path, before, after } = diff;
  const change = useMemo(() => ({ is: "texts", before, after }) as const, [before, after]);
  const height = useMemo(() => likelyDiffHeight(diff), [diff]);
  const calm = useCalm();
  return (
    <div className="overflow-hidden rounded-md border border-line">
      <p className="border-b border-line bg-surface-1 px-2 py-0.5 text-sm">
        <Path path={path} shown={relative(path, cwd)} />
      </p>
      {calm ? <Diff path={path} change={change} height={height} /> : <div aria-hidden style={{ height }} />}
    </div>
  );
}
