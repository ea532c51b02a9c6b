/** What the scripted agents of these tests do. */
import type { Script } from "./stage.ts";

/** Says a sentence and is done. */
export const hello: Script = { turns: [{ steps: [{ say: { text: "Hello from the script." } }] }] };
