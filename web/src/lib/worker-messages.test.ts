/** A click on a notification leads to places of this page and nowhere else. */
import { expect, it } from "vitest";
import { isPlace, workerMessage } from "./worker-messages";

it("takes places of this page", () => {
  expect(workerMessage({ is: "open", href: "/s/ses_1?at=4" })).toEqual({ is: "open", href: "/s/ses_1?at=4" });
  expect(isPlace("/")).toBe(true);
});

it.each([null, 1, {}, { is: "open" }, { is: "open", href: "https://x.example" }, { is: "close", href: "/" }])(
  "makes nothing of %j",
  (data) => {
    expect(workerMessage(data)).toBeNull();
  },
);

it.each(["//x.example", "/\\x.example", "s/1", ""])("refuses the place %j", (href) => {
  expect(isPlace(href)).toBe(false);
});
