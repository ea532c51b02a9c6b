/** The way in: the link of `convene serve` is taken from the address; without one, this page says how to get one. */
import { useState, type FormEvent } from "react";
import { logIn } from "@/commands/log-in";
import { t } from "@/i18n";
import { Button } from "@/ui/button";
import { TextField } from "@/ui/text-field";

export function SignIn({
  detail,
  onSignedIn,
}: {
  readonly detail: string | null;
  readonly onSignedIn: () => void;
}) {
  const [token, setToken] = useState("");
  const [said, setSaid] = useState(detail);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const got = await logIn(token.replace(/^.*#t=/, "").trim());
    if (got.ok) onSignedIn();
    else setSaid([got.problem.detail, got.problem.hint].filter(Boolean).join(": "));
  };
  return (
    <main className="mx-auto flex max-w-md flex-col gap-4 px-4 py-16">
      <h1 className="text-xl font-semibold">{t("app.sign_in.title")}</h1>
      <p className="text-2">{t("app.sign_in.how")}</p>
      <pre className="rounded-md bg-surface-2 px-3 py-2 font-mono text-sm select-all">
        {t("app.sign_in.command")}
      </pre>
      <form onSubmit={(event) => void submit(event)} className="flex items-end gap-2">
        <label className="flex flex-1 flex-col gap-1">
          <span className="text-sm text-2">{t("app.sign_in.paste")}</span>
          <TextField value={token} onChange={setToken} autoComplete="off" />
        </label>
        <Button type="submit" look="primary" disabled={token.trim() === ""}>
          {t("app.sign_in.go")}
        </Button>
      </form>
      {said ? (
        <p role="alert" className="text-bad-ink">
          {said}
        </p>
      ) : null}
    </main>
  );
}
