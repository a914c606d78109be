import { describe, expect, test } from "bun:test";
import { createCredentials, withoutCredentials } from "./credentials.ts";
import { type IndexSettingsInput, parseIndex, resolveIndexSettings } from "./index-settings.ts";

const interpreter = { basePrefix: "/nowhere", defaultIndex: "https://pip.test/simple/" };
const resolve = (input: Partial<IndexSettingsInput> = {}) => {
  const quiet = { HOME: "/nowhere", XDG_CONFIG_DIRS: "/nowhere", PIP_CONFIG_FILE: "/dev/null" };
  return resolveIndexSettings({ interpreter, ...input, env: { ...quiet, ...input.env } });
};
const urls = (input: Partial<IndexSettingsInput>) => resolve(input).indexes.map(({ url }) => url);

describe("where packages come from", () => {
  test("nothing said: what the interpreter's pip says", () => {
    expect(resolve().indexes).toEqual([
      { url: "https://pip.test/simple", default: true, origin: "the interpreter's pip" },
    ]);
    const bare = { interpreter: { basePrefix: "/nowhere" } };
    expect(() => resolve(bare)).toThrow(expect.objectContaining({ code: "DXPY_NO_DEFAULT_INDEX" }));
    expect(urls({ ...bare, fallbackIndex: "https://other.test" })).toEqual(["https://other.test"]);
  });

  test("flags, pyproject, DX_PY_*, the config file, UV_*, PIP_*: each before the next", () => {
    const layers: [string, Partial<IndexSettingsInput>][] = [
      ["https://pip-env.test", { env: { PIP_INDEX_URL: "https://pip-env.test" } }],
      ["https://uv.test", { env: { UV_DEFAULT_INDEX: "https://uv.test/" } }],
      ["https://config.test", { configFile: { indexes: [{ url: "https://config.test", default: true }] } }],
      ["https://dx.test", { env: { DX_PY_DEFAULT_INDEX: "https://dx.test" } }],
      ["https://project.test", { pyproject: { indexes: [{ url: "https://project.test", default: true }] } }],
      ["https://flag.test", { flags: { indexes: [{ url: "https://flag.test", default: true }] } }],
    ];
    let all: Partial<IndexSettingsInput> = {};
    for (const [url, layer] of layers) {
      all = { ...all, ...layer, env: { ...all.env, ...layer.env } };
      expect(urls(all)).toEqual([url]);
    }
  });

  test("further indexes add up, a name once, the default last", () => {
    const settings = resolve({
      pyproject: {
        indexes: [
          { name: "a", url: "https://a.test" },
          { name: "b", url: "https://b.test", explicit: true },
        ],
      },
      env: {
        UV_INDEX: "a=https://other-a.test c=https://c.test",
        PIP_EXTRA_INDEX_URL: "https://d.test\nhttps://e.test",
      },
    });
    expect(settings.indexes.map(({ name, url }) => name ?? url)).toEqual([
      "a",
      "b",
      "c",
      "https://d.test",
      "https://e.test",
      "https://pip.test/simple",
    ]);
  });

  test("no index, find-links, folders relative to where they are said", () => {
    const settings = resolve({
      pyproject: { findLinks: ["./wheels", "https://x.test/links.html"], folder: "/project" },
      env: { PIP_FIND_LINKS: "/opt/w file:///opt/v", UV_NO_INDEX: "1" },
    });
    expect(settings.findLinks).toEqual(["/project/wheels", "https://x.test/links.html", "/opt/w", "/opt/v"]);
    expect(settings).toMatchObject({ indexes: [], noIndex: true });
    expect(urls({ flags: { indexes: [{ url: "../simple", default: true }], folder: "/a/b" } })).toEqual([
      "file:///a/simple",
    ]);
  });

  test.each(["ftp://x.test", "https://", "http://[::1"])("%p is no index", (url) => {
    expect(() => resolve({ flags: { indexes: [{ url, default: true }] } })).toThrow(
      expect.objectContaining({ code: "DXPY_BAD_INDEX_URL", exitCode: 2 }),
    );
  });

  test("certificates of pip's settings count where SSL_CERT_FILE is not set", () => {
    expect(resolve({ env: { PIP_CERT: "/ca.pem" } }).certificates).toBe("/ca.pem");
    expect(resolve({ env: { PIP_CERT: "/ca.pem", SSL_CERT_FILE: "/x.pem" } }).certificates).toBeUndefined();
  });

  test("a strategy that is not offered is an error", () => {
    expect(() => resolve({ env: { UV_INDEX_STRATEGY: "newest" } })).toThrow(
      expect.objectContaining({ code: "DXPY_UNSUPPORTED_STRATEGY" }),
    );
  });

  test("name=url", () => {
    expect(parseIndex("in-house=https://x.test/simple?a=b")).toEqual({
      name: "in-house",
      url: "https://x.test/simple?a=b",
    });
    expect(parseIndex("https://x.test/simple?a=b")).toEqual({ url: "https://x.test/simple?a=b" });
  });
});

describe("credentials", () => {
  test("stay with the origin that they were given for", () => {
    const credentials = createCredentials([{ url: "https://me:pass@x.test/simple" }], { HOME: "/nowhere" });
    const expected = `Basic ${btoa("me:pass")}`;
    expect(credentials.forUrl("https://x.test/files/a.whl")).toBe(expected);
    for (const url of [
      "http://x.test/simple",
      "https://x.test:444/simple",
      "https://y.test",
      "https://x.test.evil.test",
    ]) {
      expect(credentials.forUrl(url)).toBeUndefined();
    }
  });

  test.each([
    ["https://me:pass@x.test/a@b", "https://x.test/a@b"],
    ["https://me@x.test", "https://x.test"],
    ["https://a:b@c@x.test/", "https://x.test/"],
    ["https://x.test/a@b?c@d", "https://x.test/a@b?c@d"],
    ["https://a\\@x.test", "https://a\\@x.test"],
    ["/a/folder", "/a/folder"],
  ])("%p is shown as %p", (url, shown) => {
    expect(withoutCredentials(url)).toBe(shown);
  });
});
