/** A session in which everything that a transcript can show is shown once. */
import type { Script } from "./stage.ts";

export const rich: Script = {
  title: "Mend the cart",
  commands: [{ name: "review", description: "Look at the changes" }],
  modes: {
    current: "code",
    available: [
      { id: "code", name: "Code" },
      { id: "plan", name: "Plan" },
    ],
  },
  turns: [
    {
      match: "mend",
      steps: [
        { think: { text: "The cart is emptied too early. I should look at the test first." } },
        {
          plan: {
            entries: [
              { content: "Read the test", priority: "high", status: "completed" },
              { content: "Mend the cart", priority: "high", status: "in_progress" },
              { content: "Run the tests", priority: "medium", status: "pending" },
            ],
          },
        },
        {
          tool_call: {
            id: "r1",
            title: "Read cart.test.ts",
            kind: "read",
            status: "completed",
            text: "expect(cart.items).toHaveLength(1)",
          },
        },
        {
          tool_call: {
            id: "r2",
            title: "Read cart.ts",
            kind: "read",
            status: "completed",
            text: "export class Cart {}",
          },
        },
        {
          tool_call: {
            id: "r3",
            title: "Search for `clear`",
            kind: "search",
            status: "completed",
            text: "cart.ts:12",
          },
        },
        {
          say: {
            text: "The cart was **cleared too early**, so its items were gone:\n\n```ts\nthis.items = [];\n```\n\n* I keep them until the order is placed.\n* The test stays as it is.\n\n| file | change |\n|---|---|\n| cart.ts | keeps its items |\n",
          },
        },
        {
          write_file: {
            path: "cart.ts",
            text: "export class Cart {\n  clear() {\n    if (this.placed) this.items = [];\n  }\n}\n",
          },
        },
        {
          tool_call: {
            id: "e1",
            title: "Edit cart.ts",
            kind: "edit",
            status: "completed",
            diff: {
              path: "cart.ts",
              old_text: "export class Cart {\n  clear() {\n    this.items = [];\n  }\n}\n",
              new_text: "export class Cart {\n  clear() {\n    if (this.placed) this.items = [];\n  }\n}\n",
            },
          },
        },
        {
          tool_call: {
            id: "f1",
            title: "npm run lint",
            kind: "execute",
            status: "failed",
            text: "error: 1 problem",
          },
        },
        { usage: { used: 12000, size: 200000 } },
      ],
    },
    {
      match: "test",
      steps: [
        { say: { text: "Let me run the tests." } },
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
                steps: [{ say: { text: "All tests pass." } }],
              },
              { id: "always", name: "Always allow npm test", kind: "allow_always", steps: [] },
              { id: "no", name: "Reject", kind: "reject_once", steps: [{ say: { text: "Then not." } }] },
            ],
          },
        },
      ],
    },
  ],
};
