/** Which of the agent's answers say no. */
import type { PermissionOption } from "@/api/gen";

export function isRejection({ kind }: PermissionOption): boolean {
  return kind === "reject_once" || kind === "reject_always";
}
