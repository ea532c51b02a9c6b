/** Where something will stand soon. It shows after 150 ms, so that what is quick does not flicker. */
import { Skeleton } from "@/ui/skeleton";

type LoadingNoteProps = {
  /** What is being loaded: "Loading the last turns…". */
  readonly label: string;
  readonly rows?: number;
  readonly look?: "rows" | "line";
};

const widths = ["w-3/5", "w-4/5", "w-2/5", "w-3/4", "w-1/2"];

export function LoadingNote({ label, rows = 4, look = "rows" }: LoadingNoteProps) {
  return (
    <div role="status" className="animate-late text-3">
      <p className={look === "rows" ? "sr-only" : "py-1"}>{label}</p>
      {look === "rows" && (
        <div className="flex flex-col gap-3 p-4">
          {Array.from({ length: rows }, (_, row) => (
            <Skeleton key={row} className={widths[row % widths.length] ?? "w-full"} />
          ))}
        </div>
      )}
    </div>
  );
}
