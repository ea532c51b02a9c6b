/** A link is an address that may be opened, a path that may be copied, or nothing. */
import { describe, expect, it } from "vitest";
import { addressOf, disguised } from "./address";

it("opens web and mail addresses, in their whole form", () => {
  expect(addressOf("https://example.com/a b?q=1")).toEqual({
    is: "outside",
    url: "https://example.com/a%20b?q=1",
    host: "example.com",
  });
  expect(addressOf("//example.com/x")).toMatchObject({ is: "outside", url: "https://example.com/x" });
  expect(addressOf("mailto:ann@example.com")).toMatchObject({ is: "outside", host: "ann@example.com" });
});

it("shows a host as it is spelled on the wire", () => {
  expect(addressOf("https://еxample.com/")).toMatchObject({ host: "xn--xample-2of.com" });
});

it.each([
  "javascript:alert(1)",
  "JavaScript:alert(1)",
  "data:text/html,x",
  "vbscript:x",
  "https://",
  "ssh://host/x",
])("refuses %s", (href) => {
  expect(addressOf(href).is).toBe("refused");
});

it.each([
  ["src/main.rs:12", "src/main.rs", 12],
  ["main.rs:12", "main.rs", 12],
  ["main.rs:12:4", "main.rs", 12],
  ["/home/ann/a%20b.md", "/home/ann/a b.md", null],
  ["file:///tmp/x.rs#L7", "/tmp/x.rs", 7],
  ["../x.ts#L7-L9", "../x.ts", 7],
  ["C:\\code\\x.cs", "C:\\code\\x.cs", null],
])("takes %s for a path", (href, path, line) => {
  expect(addressOf(href)).toEqual({ is: "path", path, line });
});

it("leads nowhere inside the text", () => {
  expect(addressOf("#footnote")).toEqual({ is: "nowhere" });
  expect(addressOf(" ")).toEqual({ is: "nowhere" });
});

describe("disguised", () => {
  it("tells a link whose text names another host", () => {
    expect(disguised("https://bank.com/login", "https://evil.example/")).toBe(true);
    expect(disguised("bank.com", "https://bank.com.evil.example/")).toBe(true);
  });
  it("leaves honest links and plain words alone", () => {
    expect(disguised("https://example.com/docs", "https://www.example.com/docs")).toBe(false);
    expect(disguised("the docs", "https://example.com/")).toBe(false);
    expect(disguised("notes.md", "https://example.com/notes.md")).toBe(false);
  });
});
