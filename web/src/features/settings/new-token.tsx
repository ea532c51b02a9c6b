/** Makes a token. Its secret is shown once, here. */
import { useState, type FormEvent } from "react";
import type { CreateToken, Token } from "@/api/gen";
import { fact } from "@/api/problem";
import { useStore } from "@/bind/store";
import { createToken } from "@/commands/create-token";
import { t } from "@/i18n";
import { CommandText } from "@/parts/command-text";
import { ProblemNote } from "@/parts/problem-note";
import type { Problem } from "@/store/types";
import { Button } from "@/ui/button";
import { Field } from "@/ui/field";
import { Select } from "@/ui/select";
import { TextField } from "@/ui/text-field";

const SCOPES = [
  "read",
  "approve",
  "write",
  "admin",
  "worker",
] as const satisfies readonly CreateToken["scope"][];

export function NewToken({ onMade }: { readonly onMade: (token: Token) => void }) {
  const store = useStore();
  const [name, setName] = useState("");
  const [scope, setScope] = useState<(typeof SCOPES)[number]>("read");
  const [secret, setSecret] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const made = await createToken(store, { name, scope });
    if (!made.ok) return setProblem(made.problem);
    setProblem(null);
    setName("");
    setSecret(made.data.secret);
    onMade(made.data.token);
  };
  const ofName = problem !== null && fact(problem, "field") === "name" ? problem.detail : undefined;
  return (
    <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-3">
      <div className="flex flex-wrap items-end gap-3">
        <Field label={t("settings.tokens.name")} error={ofName}>
          {(ties) => <TextField {...ties} value={name} onChange={setName} autoComplete="off" />}
        </Field>
        <Field label={t("settings.tokens.scope")}>
          {(ties) => (
            <Select
              {...ties}
              value={scope}
              onChange={setScope}
              options={SCOPES.map((id) => ({ id, label: t(`settings.tokens.scopes.${id}`) }))}
            />
          )}
        </Field>
        <Button type="submit" disabled={name.trim() === ""}>
          {t("settings.tokens.make")}
        </Button>
      </div>
      {problem !== null && ofName === undefined ? <ProblemNote problem={problem} /> : null}
      {secret === null ? null : (
        <div role="status" className="flex flex-col gap-1">
          <p>{t("settings.tokens.secret")}</p>
          <CommandText command={secret} />
        </div>
      )}
    </form>
  );
}
