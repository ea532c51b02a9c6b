/** Asks for what a new session needs, and makes it. What was typed survives everything but being sent. */
import { useCallback, useDeferredValue, useRef, useState, type KeyboardEvent } from "react";
import { useQuestion } from "@/bind/questions";
import { sameItems, useSelect, useStore } from "@/bind/store";
import { createSession } from "@/commands/create-session";
import { t } from "@/i18n";
import { LoadingNote } from "@/parts/loading-note";
import { ProblemNote } from "@/parts/problem-note";
import type { State } from "@/store/state";
import type { Problem, Session } from "@/store/types";
import { Button } from "@/ui/button";
import { Checkbox } from "@/ui/checkbox";
import { Field } from "@/ui/field";
import { Kbd } from "@/ui/kbd";
import { RadioGroup } from "@/ui/radio-group";
import { Select } from "@/ui/select";
import { TextArea } from "@/ui/text-area";
import { AgentChoice } from "./agent-choice";
import { DirectoryField } from "./directory-field";
import { bodyOf, emptyForm, fieldOf, type FieldName, type Form } from "./form";
import { useFormDraft } from "./draft";
import { MoreOptions } from "./more-options";

export type NewSessionProps = { readonly onMade: (id: string) => void; readonly onClose: () => void };

const agentsOf = (state: State) => [...state.list.agents.values()];
const workersOf = (state: State) => [...state.list.workers.values()].filter((worker) => worker.connected);
/** Agents come one after the other; with none of them and all else there, there are none. */
const agentsKnown = (state: State) => state.list.agents.size > 0 || state.link.is === "live";
const lastSession = (state: State): Session | null => {
  let last: Session | null = null;
  for (const one of state.list.sessions.values()) if (last === null || one.id > last.id) last = one;
  return last;
};

const MODES = ["deny", "ask", "reads", "all"] as const;

export function NewSessionView({ onMade, onClose }: NewSessionProps) {
  const store = useStore();
  const agents = useSelect(agentsOf, sameItems);
  const workers = useSelect(workersOf, sameItems);
  const last = useSelect(lastSession);
  // In pieces, so that the browser answers between them.
  const known = useDeferredValue(useSelect(agentsKnown));
  const field = useRef<HTMLTextAreaElement>(null);
  const { typed, change: write, moved, sent } = useFormDraft(field);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [is, setIs] = useState<"open" | "sending">("open");
  const sending = useRef(false);
  const guess =
    agents.find((agent) => agent.installed && agent.name === last?.agent) ??
    agents.find((agent) => agent.installed);
  const form: Form = { ...emptyForm, agent: guess?.name ?? "", cwd: last?.cwd ?? "", ...typed };
  const change = useCallback(
    (part: Partial<Form>) => {
      write(part);
      setProblem(null);
    },
    [write],
  );
  const announced = useQuestion("agent", form.agent === "" ? null : [form.agent]);
  const options = announced.is === "ready" ? (announced.data.announced?.[0]?.config_options ?? []) : [];

  const at = problem === null ? null : fieldOf(problem);
  const errorOf = (field: FieldName) => (problem !== null && at === field ? sentence(problem) : undefined);

  const send = async (idle: boolean) => {
    // A second click comes before the first one is drawn.
    if (sending.current) return;
    sending.current = true;
    setIs("sending");
    const made = await createSession(store, bodyOf(form, options, idle));
    if (made.ok) {
      // It stays shut: until the page of what was made is there, another press would make a second one.
      sent();
      return onMade(made.data.session.id);
    }
    sending.current = false;
    setIs("open");
    setProblem(made.problem);
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey) || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send(false);
  };
  const worker = form.worker !== "" ? form.worker : (workers[0]?.name ?? "");
  return (
    <form
      aria-labelledby="new-session"
      onKeyDown={keys}
      onSubmit={(event) => {
        event.preventDefault();
        void send(false);
      }}
      className="min-h-0 flex-1 overflow-y-auto"
    >
      <div className="mx-auto flex max-w-2xl flex-col gap-5 p-4 pb-28">
        <h1 id="new-session" className="text-xl font-semibold">
          {t("new.title")}
        </h1>
        <Field label={t("new.prompt.label")} error={errorOf("prompt")}>
          {(ties) => (
            <TextArea
              {...ties}
              ref={field}
              rows={4}
              autoFocus
              onSelect={moved}
              value={form.prompt}
              onChange={(prompt) => change({ prompt })}
              placeholder={t("new.prompt.placeholder")}
            />
          )}
        </Field>
        {/* What stands below would move when the agents come, so it comes with them. */}
        {!known && <LoadingNote label={t("new.agent.loading")} rows={6} />}
        {known && (
          <>
            <AgentChoice
              agents={agents}
              value={form.agent}
              onChange={(agent) => change({ agent, config: {} })}
              error={errorOf("agent")}
            />
            <DirectoryField
              value={form.cwd}
              onChange={(cwd) => change({ cwd })}
              worker={worker}
              error={errorOf("cwd")}
            />
            {workers.length > 1 ? (
              <Field label={t("new.worker.label")} error={errorOf("worker")}>
                {(ties) => (
                  <Select
                    {...ties}
                    value={form.worker}
                    onChange={(name) => change({ worker: name })}
                    options={[
                      { id: "", label: t("new.worker.any") },
                      ...workers.map(({ name }) => ({ id: name, label: name })),
                    ]}
                  />
                )}
              </Field>
            ) : null}
            <div>
              <Checkbox
                label={t("new.worktree.label")}
                note={t("new.worktree.note")}
                checked={form.worktree}
                onChange={(worktree) => change({ worktree })}
              />
              {errorOf("worktree") === undefined ? null : (
                <p role="alert" className="mt-1 text-bad-ink">
                  {errorOf("worktree")}
                </p>
              )}
            </div>
            <fieldset className="flex flex-col gap-1">
              <legend className="mb-1 font-medium">{t("new.may.label")}</legend>
              <RadioGroup
                label={t("new.may.label")}
                look="row"
                value={form.permissions}
                onChange={(permissions) => change({ permissions })}
                options={MODES.map((mode) => ({ id: mode, label: t(`new.may.${mode}`) }))}
              />
              <p className="text-sm text-2">{t(`new.may.${form.permissions}_note`)}</p>
            </fieldset>
            <details
              className="group"
              open={
                at !== null &&
                ["title", "system_prompt", "mcp", "add_dirs", "timeout", "labels", "config"].includes(at)
                  ? true
                  : undefined
              }
            >
              <summary className="tap cursor-default py-1 text-2 hover:text-1">{t("new.more.label")}</summary>
              <div className="mt-3">
                <MoreOptions form={form} onChange={change} options={options} errorOf={errorOf} />
              </div>
            </details>
          </>
        )}
        {problem !== null && at === null ? (
          <ProblemNote problem={problem} onDismiss={() => setProblem(null)} />
        ) : null}
      </div>
      <div className="sticky bottom-0 border-t border-line bg-surface-0 px-4 py-3">
        <div className="mx-auto flex max-w-2xl flex-wrap items-center justify-end gap-2">
          <Button look="quiet" onClick={onClose}>
            {t("shared.cancel")}
          </Button>
          <Button onClick={() => void send(true)} disabled={is === "sending"}>
            {t("new.create_idle")}
          </Button>
          <Button
            type="submit"
            look="primary"
            working={is === "sending"}
            disabled={form.prompt.trim() === ""}
          >
            {t("new.start")} <Kbd keys="Mod+Enter" />
          </Button>
        </div>
      </div>
    </form>
  );
}

function sentence(problem: Problem): string {
  return [problem.detail ?? problem.title ?? problem.code, problem.hint].filter(Boolean).join(". ");
}
