/** What the scripted agents of these tests do. */
import type { Script } from "./stage.ts";

/** Says a sentence and is done. */
export const hello: Script = { turns: [{ steps: [{ say: { text: "Hello from the script." } }] }] };

/** Says words for half a minute. */
export const slow: Script = {
  turns: [{ steps: [{ say: { text: "word {{n}} ", repeat: 300, every_ms: 100 } }] }],
};

/** Asks before it runs something, and says what became of it. */
export const asks: Script = {
  turns: [
    {
      steps: [
        { say: { text: "Let me look." } },
        {
          ask: {
            id: "t1",
            title: "npm test",
            kind: "execute",
            options: [
              {
                id: "yes",
                name: "Allow once",
                kind: "allow_once",
                steps: [{ say: { text: "It was allowed." } }],
              },
              {
                id: "always",
                name: "Always allow npm test",
                kind: "allow_always",
                steps: [{ say: { text: "It was allowed for good." } }],
              },
              {
                id: "no",
                name: "Reject",
                kind: "reject_once",
                steps: [{ say: { text: "It was rejected." } }],
              },
            ],
          },
        },
      ],
    },
  ],
};
