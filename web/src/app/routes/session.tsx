/** `/s/ID` and `/s/ID/TAB`: one session, or several side by side. */
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { SessionTab } from "@/bind/nav";
import { SessionView } from "@/features/session/session-view";
import { usePhone } from "@/ui/use-media";
import { tabOf } from "../places";
import { useNoticeOf } from "../use-notice-of";

export function SessionRoute() {
  const { id = "", tab } = useParams({ strict: false });
  const { at, split, via } = useSearch({ strict: false });
  const navigate = useNavigate();
  useNoticeOf(via === "notice" ? id : null);
  // A phone has room for one; the address keeps the others.
  const phone = usePhone();
  const beside = (phone ? undefined : split)?.split(",").filter((other) => other !== id) ?? [];
  const close = (other: string) => {
    const left = beside.filter((one) => one !== other).join(",");
    void navigate({ to: ".", search: (held) => ({ ...held, split: left === "" ? undefined : left }) });
  };
  const show = (next: SessionTab) => {
    const path = { id, tab: next === "talk" ? undefined : next };
    void navigate({ to: "/s/$id/{-$tab}", params: path, search: (held) => ({ ...held, at: undefined }) });
  };
  return (
    <div className="flex min-h-0 flex-1">
      <SessionView
        key={id}
        id={id}
        tab={tabOf(tab)}
        at={at ?? null}
        onTab={show}
        room={beside.length > 0 ? "shared" : "alone"}
      />
      {beside.map((other) => (
        <SessionView key={other} id={other} tab="talk" at={null} room="shared" onClose={() => close(other)} />
      ))}
    </div>
  );
}
