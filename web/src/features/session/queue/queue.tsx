/** The prompts that wait, over the composer, in the order in which they will be taken. */
import { useCallback } from "react";
import { dropQueueEntry } from "@/commands/drop-queue-entry";
import { moveQueueEntry } from "@/commands/move-queue-entry";
import { sendQueuedNow } from "@/commands/send-queued-now";
import { useSelect, useStore } from "@/bind/store";
import { t } from "@/i18n";
import { ProblemNote } from "@/parts/problem-note";
import type { Kind } from "@/store/overlay";
import { queueOf, type QueueItem } from "@/store/queue";
import type { State } from "@/store/state";
import { useRefusals } from "../use-pending";
import { QueueEditor } from "./queue-editor";
import { QueueEntry } from "./queue-entry";
import { useQueueEdit, type QueueEdit } from "./use-queue-edit";

type QueueProps = {
  readonly session: string;
  readonly edit: QueueEdit;
  /** Puts a text into the message. */
  readonly onPut: (text: string) => void;
};

const HERE: readonly Kind[] = ["edit_queued", "move_queued", "drop_queued"];

export function Queue({ session, edit, onPut }: QueueProps) {
  const store = useStore();
  const items = useQueue(session);
  const refusals = useRefusals(session, HERE);
  const editing = useQueueEdit(session, items, edit);
  if (items.length === 0 && editing.is === "nothing" && refusals.length === 0) return null;
  return (
    <section
      aria-label={t("composer.queue_list.label", { count: items.length })}
      className="max-h-[30dvh] overflow-y-auto rounded-md border border-line bg-surface-1 px-2 py-1"
    >
      {items.length > 0 && (
        <h2 className="text-sm font-semibold text-2">
          {t("composer.queue_list.title", { count: items.length })}
        </h2>
      )}
      <ol>
        {items.map((item, index) =>
          editing.is === "editing" && editing.turn === item.turn ? (
            <li key={item.id}>
              <QueueEditor editing={editing} />
            </li>
          ) : (
            <QueueEntry
              key={item.id}
              item={item}
              place={{ index, count: items.length }}
              does={{
                edit: () => edit.begin(item),
                send: () => void (item.turn && sendQueuedNow(store, session, item.turn)),
                move: (to) => void (item.turn && moveQueueEntry(store, session, item.turn, to)),
                drop: () => void (item.turn && dropQueueEntry(store, session, item.turn)),
              }}
            />
          ),
        )}
      </ol>
      {editing.is === "taken" && <QueueEditor editing={editing} onPut={onPut} />}
      {refusals
        .filter(({ command }) => command.kind !== "edit_queued" || editing.is !== "taken")
        .map(({ command, problem }) => (
          <ProblemNote
            key={command.key}
            problem={problem}
            look="line"
            onDismiss={() => store.put({ is: "dismissed", key: command.key })}
          />
        ))}
    </section>
  );
}

function useQueue(session: string): readonly QueueItem[] {
  return useSelect(
    useCallback((state: State) => queueOf(state, session), [session]),
    sameQueue,
  );
}

function sameQueue(a: readonly QueueItem[], b: readonly QueueItem[]): boolean {
  return (
    a.length === b.length &&
    a.every((item, at) => {
      const other = b[at];
      return item.id === other?.id && item.content === other.content && item.doing === other.doing;
    })
  );
}
