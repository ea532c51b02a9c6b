/** Commands of the head that the server refused: told below it until somebody puts them away. */
import { useStore } from "@/bind/store";
import { ProblemNote } from "@/parts/problem-note";
import type { Kind } from "@/store/overlay";
import { useRefusals } from "../use-pending";

const HERE: readonly Kind[] = [
  "cancel",
  "stop",
  "resume",
  "hibernate",
  "clear",
  "rewind",
  "repair",
  "archive",
];

export function Refused({ session }: { readonly session: string }) {
  const store = useStore();
  const refusals = useRefusals(session, HERE);
  if (refusals.length === 0) return null;
  return (
    <ul className="absolute top-full right-2 z-20 mt-1 flex w-96 max-w-[calc(100vw-1rem)] flex-col gap-1">
      {refusals.map(({ command, problem }) => (
        <li key={command.key}>
          <ProblemNote problem={problem} onDismiss={() => store.put({ is: "dismissed", key: command.key })} />
        </li>
      ))}
    </ul>
  );
}
