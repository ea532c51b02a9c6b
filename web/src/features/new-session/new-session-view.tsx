/** Asks for what a new session needs, and makes it. */
import { useState, type FormEvent } from "react";
import { useStore } from "@/bind/store";
import { createSession } from "@/commands/create-session";
import { t } from "@/i18n";
import type { Problem } from "@/store/types";
import { Button } from "@/ui/button";
import { TextArea } from "@/ui/text-area";
import { TextField } from "@/ui/text-field";

export type NewSessionProps = { readonly onMade: (id: string) => void; readonly onClose: () => void };

export function NewSessionView({ onMade }: NewSessionProps) {
  const store = useStore();
  const [prompt, setPrompt] = useState("");
  const [cwd, setCwd] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const made = await createSession(store, { prompt, cwd, agent: "builtin" });
    if (made.ok) onMade(made.data.session.id);
    else setProblem(made.problem);
  };
  return (
    <form onSubmit={(event) => void submit(event)} className="flex max-w-2xl flex-col gap-3 p-4">
      <h1 className="text-xl font-semibold">{t("app.nav.new")}</h1>
      <TextArea value={prompt} onChange={setPrompt} aria-label="Prompt" />
      <TextField value={cwd} onChange={setCwd} aria-label="Directory" />
      {problem ? <p role="alert">{problem.detail}</p> : null}
      <Button type="submit" look="primary">
        Start
      </Button>
    </form>
  );
}
