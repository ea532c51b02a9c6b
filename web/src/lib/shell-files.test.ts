/** The worker keeps away from the API. */
import { expect, it } from "vitest";
import { kindOf, linkedIn } from "./shell-files";

const origin = "http://127.0.0.1:4747";
const kind = (path: string, mode = "navigate", method = "GET") =>
  kindOf({ url: new URL(path, origin).href, mode, method }, origin);

it.each(["/v1/sessions", "/v1", "/healthz", "/readyz", "/metrics", "/openapi.json"])(
  "never touches %s",
  (path) => {
    expect(kind(path)).toBe("other");
    expect(kind(path, "cors")).toBe("other");
  },
);

it("answers places with the shell", () => {
  expect(kind("/")).toBe("place");
  expect(kind("/s/ses_1?at=4")).toBe("place");
  expect(kind("/v1things")).toBe("place");
  expect(kind("/s/ses_1", "cors")).toBe("other");
});

it("keeps the page's own files", () => {
  expect(kind("/assets/index-abc.js", "cors")).toBe("hashed");
  expect(kind("/boot.js", "no-cors")).toBe("file");
  expect(kind("/favicon-attention.svg", "no-cors")).toBe("file");
  expect(kind("/sw.js", "same-origin")).toBe("other");
});

it("leaves other methods and other servers alone", () => {
  expect(kind("/", "navigate", "POST")).toBe("other");
  expect(kind("https://x.example/assets/a.js", "cors")).toBe("other");
});

it("finds what the shell links to, once each", () => {
  const html =
    '<script src="/boot.js"></script><script type="module" crossorigin src="/assets/i-1.js"></script>' +
    '<link rel="stylesheet" href="/assets/i-1.css"><link href="/boot.js"><a href="//x.example/y">';
  expect(linkedIn(html)).toEqual(["/boot.js", "/assets/i-1.js", "/assets/i-1.css"]);
});
