/** Begins: the connection first, then the page, when all that it shows at first is there. */
import { StrictMode, startTransition } from "react";
import type { Root } from "react-dom/client";
import { warmUp } from "@/i18n/format";
import { breath } from "@/lib/breath";
import { begin } from "./begin";
import { MainPart } from "./main-part";
import { router } from "./router";

export async function start(root: Root): Promise<void> {
  const sync = await begin();
  await breath();
  void warmUp(breath);
  // Its page is loaded before anything is drawn: until then the shell stands there, and then everything.
  await router.load();
  // Drawn in pieces, so that the browser answers between them.
  startTransition(() => {
    root.render(
      <StrictMode>
        <MainPart sync={sync} />
      </StrictMode>,
    );
  });
}
