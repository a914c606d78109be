import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { secretInQuery, withoutCredentials } from "./url-credentials.ts";

describe("credentials in URLs", () => {
  test.each([
    ["https://user:secret@host/a?b#c", "https://host/a?b#c"],
    ["https://secret@host/a", "https://host/a"],
    ["ssh://git@host/a.git", "ssh://git@host/a.git"],
    ["git+ssh://git:secret@host/a.git", "git+ssh://git@host/a.git"],
    ["https://host/a@b", "https://host/a@b"],
    ["https://host/a.zip?token=secret", "https://host/a.zip"],
    ["https://host/a.zip?ref=main&private_token=secret#sha256=ab", "https://host/a.zip?ref=main#sha256=ab"],
    [
      "https://host/a.whl?X-Amz-Date=1&X-Amz-Credential=secret&X-Amz-Signature=secret",
      "https://host/a.whl?X-Amz-Date=1",
    ],
    ["https://host/a?acc%65ss_token=secret&x=1", "https://host/a?x=1"],
    ["https://host/a?keyboard=qwerty", "https://host/a?keyboard=qwerty"],
  ])("%s is stored as %s", (url, stored) => {
    expect(withoutCredentials(url)).toBe(stored);
    expect(withoutCredentials(stored)).toBe(stored);
    expect(stored).not.toContain("secret");
  });

  test("which parameter it is can be said", () => {
    expect(secretInQuery("https://host/a?ref=1&access-token=s")).toBe("access-token");
    expect(secretInQuery("https://host/a#?token=s")).toBeUndefined();
  });

  test("leaving out again changes nothing, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.webUrl({ withQueryParameters: true, withFragments: true })),
        (url) => {
          const once = withoutCredentials(url);
          expect(withoutCredentials(once).length).toBeLessThanOrEqual(once.length);
          expect(secretInQuery(once)).toBeUndefined();
        },
      ),
    );
  });
});
