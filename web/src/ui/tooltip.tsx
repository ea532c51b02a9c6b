/** A short text for the hand and the keyboard on what it wraps. It never says what is already written there. */
import type { ReactElement } from "react";
import * as Radix from "radix-ui/tooltip";
import { Kbd } from "./kbd";

type TooltipProps = {
  readonly text: string;
  readonly keys?: string | undefined;
  readonly side?: "top" | "bottom" | "left" | "right";
  readonly children: ReactElement;
};

/** Once, around the page. */
export const TooltipProvider = Radix.Provider;

export function Tooltip({ text, keys, side = "bottom", children }: TooltipProps) {
  return (
    <Radix.Root delayDuration={400} disableHoverableContent>
      <Radix.Trigger asChild>{children}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          side={side}
          sideOffset={4}
          collisionPadding={8}
          className="animate-in z-50 flex max-w-80 items-center gap-2 rounded-sm border border-line bg-surface-3 px-2 py-1 text-sm text-1 break-words"
        >
          {text}
          {keys !== undefined && <Kbd keys={keys} />}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
