import { expect, it } from "vitest";
import { contentOf } from "../composer/attachments";
import { returned } from "./returned";

it("gives back what was written and what was pasted beside it", () => {
  const file = { id: 1, name: "Pasted text 1", text: "a\nb" };
  const content = contentOf("Read this", [file], "resource");
  expect(returned(content)).toEqual({
    text: "Read this",
    files: [{ name: "Pasted text 1", text: "a\nb" }],
    others: 0,
  });
});

it("counts what cannot be put into a field", () => {
  const picture = { type: "image", data: "AAAA", mime_type: "image/png" } as const;
  expect(returned([{ type: "text", text: "Look" }, picture])).toEqual({ text: "Look", files: [], others: 1 });
});
