import { expect, test } from "bun:test";
import { sourceOfUrl } from "./source-of-url.ts";

test.each([
  ["git+https://127.0.0.1/a.git", { url: "https://127.0.0.1/a.git" }],
  ["git+https://127.0.0.1/a.git@v1", { url: "https://127.0.0.1/a.git", rev: "v1" }],
  ["git+https://127.0.0.1/a.git@feature/x", { url: "https://127.0.0.1/a.git", rev: "feature/x" }],
  ["git+https://me:secret@127.0.0.1/a.git", { url: "https://me:secret@127.0.0.1/a.git" }],
  ["git+ssh://git@127.0.0.1:22/a.git", { url: "ssh://git@127.0.0.1:22/a.git" }],
  [
    "git+ssh://git@127.0.0.1/a.git@v1#subdirectory=b&egg=c",
    { url: "ssh://git@127.0.0.1/a.git", rev: "v1", subdirectory: "b" },
  ],
  ["git+file:///a/b@main", { url: "file:///a/b", rev: "main" }],
])("the repository and the revision of %s", (url, expected) => {
  expect(sourceOfUrl(url)).toEqual({ kind: "git", ...expected });
});

test.each(["./lib", "../lib", "lib", "/lib", "C"])("%s is a path, and no URL", (path) => {
  expect(() => sourceOfUrl(path)).toThrow("is not a URL");
});
