/** What was said and done, and the box to go on with. */
import { useCallback, useState } from "react";
import { useSelect, useStore } from "@/bind/store";
import { decidePermission } from "@/commands/decide-permission";
import { sendPrompt } from "@/commands/send-prompt";
import type { State } from "@/store/state";
import type { Session } from "@/store/types";
import { Button } from "@/ui/button";

export function Talk({
  session,
}: {
  readonly session: Session;
  readonly at: number | null;
  readonly keys: "on" | "off";
}) {
  const store = useStore();
  const [text, setText] = useState("");
  const items = useSelect(
    useCallback((state: State) => state.logs.get(session.id)?.transcript.items ?? null, [session.id]),
  );
  return (
    <>
      <div className="min-h-0 flex-1 overflow-auto p-3">
        {items?.map((item) => (
          <pre key={item.id} className="whitespace-pre-wrap">
            {item.kind === "message" ? item.text : item.kind === "tool" ? item.call.title : item.kind}
          </pre>
        ))}
      </div>
      {session.pending_permissions.map((asked) => (
        <div key={asked.request} className="flex gap-2 border-t border-line p-3">
          <span>{asked.tool_call.title}</span>
          {asked.options.map((option) => (
            <Button
              key={option.id}
              onClick={() => void decidePermission(store, session.id, asked.request, option.id)}
            >
              {option.name}
            </Button>
          ))}
        </div>
      ))}
      <form
        className="flex gap-2 border-t border-line p-3"
        onSubmit={(event) => {
          event.preventDefault();
          void sendPrompt(store, session.id, text).then((sent) => {
            if (sent.ok) setText("");
          });
        }}
      >
        <textarea
          value={text}
          onChange={(event) => setText(event.target.value)}
          className="flex-1 border border-line p-2"
        />
        <Button type="submit" look="primary" icon="arrow-up" aria-label="Send" />
      </form>
    </>
  );
}
