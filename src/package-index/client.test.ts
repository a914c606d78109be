import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { pathToFileURL } from "node:url";
import { type IndexServer, type IndexServerOptions, startIndexServer } from "../../test/index-server.ts";
import { makeSdist, makeWheel, sha256Of } from "../../test/make-wheel.ts";
import { homeFolders } from "../platform/home.ts";
import { parseVersion } from "../standards/version.ts";
import { createPackageIndex } from "./client.ts";
import type { DistributionFile } from "./distribution.ts";
import type { IndexSettings } from "./index-settings.ts";

let root = "";
let servers: IndexServer[] = [];
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/package-index-`);
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  servers = [];
  rmSync(root, { recursive: true });
});

function serve(options: IndexServerOptions): IndexServer {
  const server = startIndexServer(options);
  servers.push(server);
  return server;
}

type Change = Partial<IndexSettings> & { env?: Record<string, string>; warn?: (message: string) => void };

function open(server: IndexServer | undefined, change: Change = {}) {
  const { env = {}, warn, ...settings } = change;
  const url = server?.url.replace(/\/$/, "");
  return createPackageIndex(
    {
      indexes: url === undefined ? [] : [{ url, default: true }],
      findLinks: [],
      noIndex: false,
      strategy: "first-index",
      offline: false,
      refresh: false,
      ...settings,
    },
    { home: homeFolders({ DX_PY_HOME: root }), env: { HOME: root, ...env }, ...(warn ? { warn } : {}) },
  );
}

const spam = (version: string, more = {}) =>
  makeWheel({ name: "spam", version, requires: ["ham>=1"], ...more });

describe("pages", () => {
  test.each(["html", "json"] as const)(
    "%s: versions in order, files with all that the index says",
    async (format) => {
      const early = { ...spam("1.10", { requiresPython: ">=3.8" }), yanked: "broken" };
      const sdist = makeSdist({ name: "spam", version: "1.10" });
      const late = spam("2.0rc1");
      const server = serve({ files: [late, spam("1.9"), early, sdist], format });
      const page = await open(server).page("Spam");
      expect(page?.name).toBe("spam");
      expect(page?.versions.map((version) => version.text)).toEqual(["1.9", "1.10", "2.0rc1"]);
      expect(page?.position(parseVersion("1.10.0"))).toBe(1);
      expect(page?.position(parseVersion("3"))).toBe(-1);
      expect([0, 1, 2].map((i) => page?.isPrerelease(i))).toEqual([false, false, true]);
      const [wheel, source] = page?.files(1) ?? [];
      expect(wheel).toMatchObject({
        filename: early.filename,
        kind: "wheel",
        url: `${server.origin}/files/${early.filename}`,
        hashes: { sha256: sha256Of(early.bytes) },
        requiresPython: ">=3.8",
        yanked: "broken",
        metadataHashes: { sha256: sha256Of(new TextEncoder().encode(early.metadata)) },
        index: server.url.replace(/\/$/, ""),
      });
      expect(source).toMatchObject({ filename: sdist.filename, kind: "sdist", yanked: false });
      if (format === "json") expect(wheel?.size).toBe(early.bytes.length);
    },
  );

  test("a project that is not there is undefined, and so is a name that could not be one", async () => {
    const server = serve({ files: [] });
    const index = open(server);
    expect(await index.page("spam")).toBeUndefined();
    expect(await index.page("../../etc")).toBeUndefined();
    expect(server.requests.map((request) => request.path)).toEqual(["/simple/spam/"]);
  });

  test("while a page is fresh nothing is asked, by any process; --refresh asks", async () => {
    const server = serve({ files: [spam("1.0")] });
    await open(server).page("spam");
    const second = open(server);
    expect(second.pageIfCached("spam")?.versionText(0)).toBe("1.0");
    expect((await second.page("spam"))?.files(0)).toHaveLength(1);
    expect(server.requests).toHaveLength(1);
    expect(open(server, { refresh: ["spam"] }).pageIfCached("spam")).toBeUndefined();
    await open(server, { refresh: ["ham"] }).page("spam");
    expect(server.requests).toHaveLength(1);
    await open(server, { refresh: true }).page("spam");
    expect(server.requests).toHaveLength(2);
  });

  test("a long page is kept compressed, and is the same page to whoever fetched it, read it or looked at its head", async () => {
    const versions = Array.from({ length: 800 }, (_, i) => spam(`${i}.0`));
    const server = serve({ files: versions, format: "json" });
    const first = open(server);
    const fetched = await first.page("spam");
    const newest = fetched!.files(799)[0]!;
    // Learnt before the page is in its file.
    const metadata = await first.metadata(newest);
    await first.close();
    const reader = open(server);
    const read = reader.pageIfCached("spam");
    for (const i of [0, 399, 799]) expect(read?.files(i)).toEqual(fetched!.files(i) as DistributionFile[]);
    expect(reader.metadataIfCached(newest)).toEqual(metadata);
    const readings = await first.readings();
    expect(readings).toEqual([[0, "spam", expect.stringMatching(/^[0-9a-f]{32}$/)]]);
    expect(await reader.readings()).toEqual(readings!);
    expect(await open(server).unchanged(readings!)).toBe(true);
    expect(server.requests.filter(({ path }) => path.startsWith("/simple/"))).toHaveLength(1);
    const [folder] = readdirSync(`${root}/index`).filter((name) => /^[0-9a-f]{16}$/.test(name));
    const entries = versions.length * JSON.stringify(fetched!.files(0)).length;
    expect(statSync(`${root}/index/${folder}/spam.dxi`).size).toBeLessThan(entries / 2);
  });

  test("a stale page is revalidated, and replaced when it changed", async () => {
    const server = serve({ files: [spam("1.0")], cacheControl: "max-age=0" });
    await open(server).page("spam");
    const second = open(server);
    expect(second.pageIfCached("spam")).toBeUndefined();
    expect((await second.page("spam"))?.count).toBe(1);
    expect(second.stats.revalidated).toBe(1);
    server.add(spam("2.0"));
    expect((await open(server).page("spam"))?.count).toBe(2);
    expect(server.requests.map((request) => request.status)).toEqual([200, 304, 200]);
  });

  test("offline: any age will do, nothing is asked, what is missing is named", async () => {
    const server = serve({ files: [spam("1.0")], cacheControl: "no-cache" });
    const index = open(server);
    const page = await index.page("spam");
    await index.metadata(page!.files(0)[0]!);
    expect(await index.page("eggs")).toBeUndefined();
    const asked = server.requests.length;
    const offline = open(server, { offline: true });
    expect(offline.pageIfCached("spam")?.count).toBe(1);
    expect(offline.metadataIfCached(offline.pageIfCached("spam")!.files(0)[0]!)?.requiresDist).toEqual([
      "ham>=1",
    ]);
    expect(await offline.page("eggs")).toBeUndefined();
    await expect(offline.page("other")).rejects.toMatchObject({ code: "DXPY_OFFLINE_MISSING" });
    expect(server.requests).toHaveLength(asked);
  });

  test("no-store is not stored", async () => {
    const server = serve({ files: [spam("1.0")], cacheControl: "no-store" });
    await open(server).page("spam");
    expect(open(server, { offline: true }).pageIfCached("spam")).toBeUndefined();
  });

  test("a damaged cache is fetched anew, silently, wherever the damage is", async () => {
    const server = serve({ files: [spam("1.0"), spam("2.0")] });
    const index = open(server);
    const page = await index.page("spam");
    await index.metadata(page!.files(0)[0]!);
    await index.metadata(page!.files(1)[0]!);
    const path = cacheFiles(root)[0]!;
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at += 7) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x55;
      writeFileSync(path, damaged);
      const again = open(server);
      const files = (await again.page("spam"))!.files(1);
      expect(files[0]?.filename).toBe("spam-2.0-py3-none-any.whl");
      expect((await again.metadata(files[0]!)).requiresDist).toEqual(["ham>=1"]);
    }
    for (const length of [0, 3, 31, 40, whole.length - 5]) {
      writeFileSync(path, whole.subarray(0, length));
      const again = open(server);
      const files = (await again.page("spam"))!.files(1);
      expect((await again.metadata(files[0]!)).requiresDist).toEqual(["ham>=1"]);
      // What was learnt was written where it is found again.
      const offline = open(server, { offline: true });
      expect(offline.metadataIfCached(offline.pageIfCached("spam")!.files(1)[0]!)?.name).toBe("spam");
    }
  });

  test("what is no index page is said", async () => {
    const server = serve({ files: [spam("1.0")] });
    server.fault({ path: /pdf/, status: 200, headers: { "content-type": "application/pdf" }, body: "%PDF" });
    server.fault({
      path: /newer/,
      status: 200,
      headers: { "content-type": "text/html" },
      body: '<meta name="pypi:repository-version" content="2.0">',
    });
    server.fault({ path: /broken/, status: 200, headers: { "content-type": "application/json" }, body: "{" });
    for (const name of ["pdf", "newer", "broken"]) {
      await expect(open(server).page(name)).rejects.toMatchObject({ code: "DXPY_BAD_INDEX_PAGE" });
    }
  });
});

describe("several places", () => {
  test("the first index that has a project answers for it; explicit ones answer for what is pinned", async () => {
    const first = serve({ files: [spam("1.0")] });
    const second = serve({ files: [spam("2.0"), makeWheel({ name: "ham" })] });
    const third = serve({ files: [spam("3.0")] });
    const indexes = [
      { name: "inner", url: first.url },
      { name: "pinned", url: third.url, explicit: true },
      { url: second.url, default: true },
    ];
    const index = open(undefined, { indexes });
    expect((await index.page("spam"))?.versions.map(({ text }) => text)).toEqual(["1.0"]);
    expect((await index.page("ham"))?.count).toBe(1);
    expect((await index.page("spam", { index: "pinned" }))?.versionText(0)).toBe("3.0");
    await expect(index.page("spam", { index: "nowhere" })).rejects.toMatchObject({
      code: "DXPY_UNKNOWN_INDEX",
    });
    const best = open(undefined, { indexes, strategy: "unsafe-best-match" });
    const page = await best.page("spam");
    expect(page?.versions.map(({ text }) => text)).toEqual(["1.0", "2.0"]);
    expect(page?.files(1)[0]?.index).toBe(second.url);
  });

  test("of all indexes, the first that has a version answers for it; that one may go before a better version", async () => {
    const first = serve({ files: [spam("1.0"), spam("2.1")] });
    const second = serve({ files: [spam("1.0"), spam("2.1.0"), spam("3.0")] });
    const indexes = [{ url: first.url }, { url: second.url, default: true }];
    const best = await open(undefined, { indexes, strategy: "unsafe-best-match" }).page("spam");
    expect(best?.ranks).toBeUndefined();
    const page = await open(undefined, { indexes, strategy: "unsafe-first-match" }).page("spam");
    expect(page?.versions.map(({ text }) => text)).toEqual(["1.0", "2.1", "3.0"]);
    expect(page?.ranks).toEqual([0, 0, 1]);
    expect([0, 1, 2].map((i) => page?.files(i).map((file) => file.index))).toEqual([
      [first.url],
      [first.url],
      [second.url],
    ]);
  });

  test("of all indexes, one that lets nobody in is left out with a warning", async () => {
    const closed = serve({ files: [spam("1.0")], auth: { username: "me", password: "secret" } });
    const open2 = serve({ files: [spam("2.0")] });
    const indexes = [{ url: closed.url }, { url: open2.url, default: true }];
    const warnings: string[] = [];
    const warn = (message: string) => void warnings.push(message);
    const index = open(undefined, { indexes, strategy: "unsafe-first-match", warn });
    expect((await index.page("spam"))?.versions.map(({ text }) => text)).toEqual(["2.0"]);
    expect(warnings.join()).toContain("is left out");
    await expect(open(undefined, { indexes }).page("spam")).rejects.toMatchObject({
      code: "DXPY_AUTH_REQUIRED",
    });
  });

  test("a warm run knows that the first index lacks a project", async () => {
    const first = serve({ files: [] });
    const second = serve({ files: [spam("2.0")] });
    const indexes = [{ url: first.url }, { url: second.url, default: true }];
    await open(undefined, { indexes }).page("spam");
    expect(open(undefined, { indexes, offline: true }).pageIfCached("spam")?.versionText(0)).toBe("2.0");
  });

  test("find-links: folders and pages add files; a folder that does not exist is a warning", async () => {
    const local = spam("3.0");
    mkdirSync(`${root}/wheels`);
    writeFileSync(`${root}/wheels/${local.filename}`, local.bytes);
    writeFileSync(`${root}/wheels/notes.txt`, "");
    const server = serve({ files: [spam("1.0")] });
    const other = serve({ files: [spam("2.0")] });
    const warnings: string[] = [];
    const findLinks = [`${root}/wheels`, other.flatUrl, `${root}/nowhere`];
    const index = open(server, { findLinks, warn: (message) => void warnings.push(message) });
    const page = await index.page("spam");
    expect(page?.versions.map(({ text }) => text)).toEqual(["1.0", "2.0", "3.0"]);
    const file = page!.files(2)[0]!;
    expect(file).toMatchObject({
      url: pathToFileURL(`${root}/wheels/${local.filename}`).href,
      hashes: { sha256: sha256Of(local.bytes) },
      size: local.bytes.length,
      index: `${root}/wheels`,
    });
    expect((await index.metadata(file)).requiresDist).toEqual(["ham>=1"]);
    expect(await index.download(file)).toEqual(Buffer.from(local.bytes));
    expect(warnings).toEqual([`${root}/nowhere (find-links) does not exist`]);
    await index.page("ham");
    expect(other.requests).toHaveLength(1);
    const warm = open(server, { findLinks, offline: true });
    expect(warm.pageIfCached("spam")?.count).toBe(3);
  });

  test("an index in a folder, with pages or with files alone", async () => {
    const wheel = spam("1.0");
    for (const [name, html] of [
      ["spam", '<a href="../files/spam-1.0-py3-none-any.whl">x</a>'] as const,
      ["ham", ""] as const,
    ]) {
      mkdirSync(`${root}/simple/${name}`, { recursive: true });
      if (html) writeFileSync(`${root}/simple/${name}/index.html`, html);
    }
    const ham = makeWheel({ name: "ham" });
    writeFileSync(`${root}/simple/ham/${ham.filename}`, ham.bytes);
    mkdirSync(`${root}/simple/files`);
    writeFileSync(`${root}/simple/files/${wheel.filename}`, wheel.bytes);
    const index = open(undefined, {
      indexes: [{ url: pathToFileURL(`${root}/simple`).href, default: true }],
    });
    const file = (await index.page("spam"))!.files(0)[0]!;
    expect((await index.metadata(file)).version).toBe("1.0");
    expect(index.pageIfCached("ham")?.count).toBe(1);
    expect(await index.page("eggs")).toBeUndefined();
  });

  test("a file is found again by name and hashes on another index", async () => {
    const wheel = spam("1.0");
    const server = serve({ files: [wheel] });
    const index = open(server);
    const hashes = { sha256: sha256Of(wheel.bytes) };
    const file = await index.findFile("spam", wheel.filename, hashes);
    expect(file?.url).toStartWith(server.origin);
    expect(await index.findFile("spam", wheel.filename, { sha256: "0".repeat(64) })).toBeUndefined();
  });
});

describe("metadata", () => {
  const big = () => makeWheel({ name: "spam", requires: ["ham"], modules: manyModules(900) });

  test("announced: one small request, its hash compared", async () => {
    const server = serve({ files: [spam("1.0")] });
    const index = open(server);
    const file = (await index.page("spam"))!.files(0)[0]!;
    expect(index.metadataIfCached(file)).toBeUndefined();
    expect((await index.metadata(file)).requiresDist).toEqual(["ham>=1"]);
    expect(server.requests[1]?.path).toEndWith(".whl.metadata");
    expect(server.requests).toHaveLength(2);
    const bad = { ...file, hashes: { sha256: "1".repeat(64) }, metadataHashes: { sha256: "0".repeat(64) } };
    await expect(index.metadata(bad)).rejects.toMatchObject({ code: "DXPY_HASH_MISMATCH" });
  });

  test("served unannounced, where ranges are not: found out once for the host, remembered", async () => {
    const padded = (version: string) => makeWheel({ name: "spam", version, modules: manyModules(6000) });
    const server = serve({ files: [padded("1.0"), padded("2.0")], metadata: "served", ranges: false });
    const index = open(server);
    const page = await index.page("spam");
    await index.metadata(page!.files(0)[0]!);
    await index.close();
    await open(server).metadata(page!.files(1)[0]!);
    expect(server.count(/\.metadata$/)).toBe(2);
    expect(server.count(/\.whl$/)).toBe(1);
  });

  test("by range: one request where the end holds all, more for a long directory", async () => {
    const wheels = [spam("1.0"), spam("2.0"), spam("3.0"), spam("4.0")];
    const server = serve({ files: wheels, metadata: "off" });
    const index = open(server);
    const page = await index.page("spam");
    for (let i = 0; i < 4; i += 1) {
      expect((await index.metadata(page!.files(i)[0]!)).requiresDist).toEqual(["ham>=1"]);
    }
    expect(server.count(/\.metadata$/)).toBe(0);
    expect(server.requests.filter((request) => request.range !== undefined)).toHaveLength(4);

    const large = serve({ files: [big()], metadata: "off", format: "html" });
    const other = open(large);
    expect((await other.metadata((await other.page("spam"))!.files(0)[0]!)).requiresDist).toEqual(["ham"]);
    const ranges = large.requests.filter((request) => request.range !== undefined);
    expect(ranges.length).toBeLessThanOrEqual(3);
    expect(other.stats.bytes).toBeLessThan(big().bytes.length);
  });

  test("without ranges: the whole wheel", async () => {
    const server = serve({ files: [big()], metadata: "off", ranges: false });
    const index = open(server);
    expect((await index.metadata((await index.page("spam"))!.files(0)[0]!)).requiresDist).toEqual(["ham"]);
  });

  test("a wheel that is another one, or none at all, is said", async () => {
    const lying = { ...makeWheel({ name: "eggs" }), filename: "spam-1.0-py3-none-any.whl" };
    const broken = { ...spam("2.0"), bytes: new Uint8Array(3000).fill(80) };
    const server = serve({ files: [lying, broken], metadata: "off" });
    const index = open(server);
    const page = await index.page("spam");
    await expect(index.metadata(page!.files(0)[0]!)).rejects.toMatchObject({ code: "DXPY_BAD_WHEEL" });
    await expect(index.metadata(page!.files(1)[0]!)).rejects.toMatchObject({ code: "DXPY_BAD_ZIP" });
  });

  test("an sdist that states its dependencies is believed; one that does not must be built", async () => {
    const pyproject = `[project]
name = "spam"
version = "3.0"
dependencies = ["ham>=2"]
requires-python = ">=3.9"
optional-dependencies.Fast_Path = ["eggs; python_version < '4'"]
`;
    const files = [
      makeSdist({ name: "spam", version: "1.0", requires: ["ham"] }),
      makeSdist({ name: "spam", version: "2.0", requires: ["ham"], dynamic: ["Requires-Dist"] }),
      makeSdist({ name: "spam", version: "3.0", metadataVersion: "2.1", pyproject }),
      makeSdist({ name: "spam", version: "4.0", pkgInfo: false }),
    ];
    const server = serve({ files });
    const index = open(server);
    const page = await index.page("spam");
    const file = (i: number) => page!.files(i)[0]!;
    expect((await index.metadata(file(0))).requiresDist).toEqual(["ham"]);
    await expect(index.metadata(file(1))).rejects.toMatchObject({ code: "DXPY_METADATA_NEEDS_BUILD" });
    expect(await index.metadata(file(2))).toMatchObject({
      version: "3.0",
      requiresPython: ">=3.9",
      requiresDist: [
        "ham>=2",
        expect.stringMatching(/^eggs ?; python_version < ['"]4['"] and extra == ['"]fast-path['"]$/),
      ],
      providesExtra: ["fast-path"],
    });
    await expect(index.metadata(file(3))).rejects.toMatchObject({ code: "DXPY_METADATA_NEEDS_BUILD" });
    const offline = open(server, { offline: true });
    await expect(offline.metadata(file(3))).rejects.toMatchObject({ code: "DXPY_METADATA_NEEDS_BUILD" });
    expect((await offline.metadata(file(2))).name).toBe("spam");
  });

  test("an sdist that is no archive, is cut off, or is a bomb, is said", async () => {
    const good = makeSdist({ name: "spam", version: "1.0", requires: ["ham"] });
    const bomb = new Uint8Array(Bun.gzipSync(new Uint8Array(30_000_000)));
    const server = serve({
      files: [
        { ...good, bytes: new TextEncoder().encode("<html>") },
        { ...good, filename: "spam-2.0.tar.gz", bytes: good.bytes.subarray(0, 60) },
        { ...good, filename: "spam-3.0.tar.gz", bytes: bomb },
      ],
    });
    const index = open(server);
    const page = await index.page("spam");
    await expect(index.metadata(page!.files(0)[0]!)).rejects.toMatchObject({ code: "DXPY_BAD_SDIST" });
    await expect(index.metadata(page!.files(1)[0]!)).rejects.toMatchObject({ code: "DXPY_BAD_SDIST" });
    await expect(index.metadata(page!.files(2)[0]!)).rejects.toMatchObject({
      code: expect.stringMatching(/DXPY_(BAD_SDIST|METADATA_NEEDS_BUILD)/),
    });
  });
});

describe("downloads", () => {
  const wheel = makeWheel({
    name: "spam",
    modules: { "spam.bin": crypto.getRandomValues(new Uint8Array(60_000)) },
  });

  test("verified, with progress", async () => {
    const server = serve({ files: [wheel] });
    const index = open(server);
    const file = (await index.page("spam"))!.files(0)[0]!;
    let progress = 0;
    const onBytes = (count: number) => {
      progress += count;
    };
    const bytes = await index.download(file, { onBytes });
    expect(sha256Of(bytes)).toBe(sha256Of(wheel.bytes));
    expect(progress).toBe(wheel.bytes.length);
  });

  test("a transfer that breaks goes on where it broke", async () => {
    const server = serve({ files: [wheel] });
    const index = open(server);
    const file = (await index.page("spam"))!.files(0)[0]!;
    server.fault({ path: /whl$/, times: 1, truncateAt: 40_000 });
    let progress = 0;
    const onBytes = (count: number) => {
      progress += count;
    };
    const bytes = await index.download(file, { onBytes });
    expect(sha256Of(bytes)).toBe(sha256Of(wheel.bytes));
    expect(progress).toBe(wheel.bytes.length);
    expect(server.requests.at(-1)?.range).toBe("bytes=40000-");
  });

  test("what came is not what was expected", async () => {
    const server = serve({ files: [wheel], format: "json" });
    const index = open(server);
    const file = (await index.page("spam"))!.files(0)[0]!;
    server.fault({ path: /whl$/, times: 1, corrupt: true });
    await expect(index.download(file)).rejects.toMatchObject({ code: "DXPY_HASH_MISMATCH" });
    await expect(index.download({ ...file, size: 100 })).rejects.toMatchObject({
      code: "DXPY_ANSWER_TOO_LARGE",
    });
    await expect(index.download({ ...file, hashes: {}, size: wheel.bytes.length + 1 })).rejects.toMatchObject(
      {
        code: "DXPY_HASH_MISMATCH",
      },
    );
    await expect(open(server, { offline: true }).download(file)).rejects.toMatchObject({
      code: "DXPY_OFFLINE_MISSING",
    });
  });
});

describe("servers that fail", () => {
  test("errors that pass are tried again, with the pause that the server asks for", async () => {
    const server = serve({ files: [spam("1.0")] });
    server.fault({ path: /simple/, times: 1, status: 503 });
    server.fault({ path: /simple/, times: 1, status: 429, headers: { "retry-after": "0" } });
    server.fault({ path: /simple/, times: 1, truncateAt: 5 });
    expect((await open(server).page("spam"))?.count).toBe(1);
    expect(server.requests).toHaveLength(4);
  });

  test("errors that stay are said, without credentials", async () => {
    const server = serve({ files: [spam("1.0")] });
    server.fault({ path: /simple/, status: 500 });
    const url = server.url.replace("http://", "http://user:secret@");
    const index = open(undefined, { indexes: [{ url, default: true }], env: { DX_PY_HTTP_RETRIES: "0" } });
    const failure = await index.page("spam").catch((error) => error);
    expect(failure).toMatchObject({
      code: "DXPY_INDEX_UNREACHABLE",
      message: expect.stringContaining("it answered 500"),
    });
    expect(Bun.inspect(failure)).not.toContain("secret");
    await server.stop();
    const refused = await open(undefined, {
      indexes: [{ url, default: true }],
      env: { DX_PY_HTTP_RETRIES: "0" },
    })
      .page("spam")
      .catch((error) => error);
    expect(refused).toMatchObject({ code: "DXPY_INDEX_UNREACHABLE" });
    expect(Bun.inspect(refused)).not.toContain("secret");
  });

  test("a certificate file that is none is named", async () => {
    const server = serve({ files: [] });
    writeFileSync(`${root}/empty.pem`, "");
    for (const certificates of [`${root}/none.pem`, `${root}/empty.pem`]) {
      const index = open(server, { certificates });
      await expect(index.page("spam")).rejects.toMatchObject({ code: "DXPY_BAD_CERTIFICATES" });
    }
  });

  test("nothing for a while is an error too", async () => {
    const server = serve({ files: [spam("1.0")] });
    server.fault({ path: /simple/, delay: 2000 });
    const env = { DX_PY_HTTP_TIMEOUT: "0.2", DX_PY_HTTP_RETRIES: "0" };
    await expect(open(server, { env }).page("spam")).rejects.toThrow(/nothing arrived for 0.2 seconds/);
  });
});

describe("credentials", () => {
  const auth = { username: "me@work", password: "p:a/ss" };

  test("from the URL, from variables of the index's name, from .netrc; for pages and files", async () => {
    const server = serve({ files: [spam("1.0")], auth });
    const url = server.url.replace("http://", "http://me%40work:p%3Aa%2Fss@");
    const ways: Change[] = [
      { indexes: [{ url, default: true }] },
      {
        indexes: [{ url: server.url, name: "in-house", default: true }],
        env: { DX_PY_INDEX_IN_HOUSE_USERNAME: "me@work", UV_INDEX_IN_HOUSE_PASSWORD: "p:a/ss" },
      },
      { indexes: [{ url: server.url, default: true }], env: { NETRC: `${root}/netrc` } },
    ];
    writeFileSync(`${root}/netrc`, "machine 127.0.0.1 login me@work password p:a/ss\n");
    for (const way of ways) {
      const index = open(undefined, { ...way, refresh: true });
      const file = (await index.page("spam"))!.files(0)[0]!;
      expect(file.url).not.toContain("@");
      expect(file.index).not.toContain("@");
      expect(await index.download(file)).toHaveLength(spam("1.0").bytes.length);
      await index.close();
    }
    for (const path of cacheFiles(root)) expect(readFileSync(path, "latin1")).not.toMatch(/p:a|p%3A|Basic/);
    await expect(open(server, { refresh: true }).page("spam")).rejects.toMatchObject({
      code: "DXPY_AUTH_REQUIRED",
    });
  });

  test("never follow a redirect to another origin", async () => {
    const target = serve({ files: [spam("1.0")] });
    const server = serve({ files: [] });
    server.fault({ path: /simple/, status: 302, headers: { location: `${target.url}spam/` } });
    const url = server.url.replace("http://", "http://user:secret@");
    const index = open(undefined, { indexes: [{ url, default: true }] });
    const page = await index.page("spam");
    expect(page!.files(0)[0]!.url).toStartWith(target.origin);
    expect(server.requests[0]?.authorization).toBeDefined();
    expect(target.requests[0]?.authorization).toBeUndefined();
  });

  test("a redirect that does not end, or leaves http, is refused", async () => {
    const server = serve({ files: [] });
    server.fault({ path: /loop/, status: 302, headers: { location: "/simple/loop/" } });
    server.fault({ path: /file/, status: 302, headers: { location: "file:///etc/passwd" } });
    await expect(open(server).page("loop")).rejects.toThrow(/redirects more than/);
    await expect(open(server).page("file")).rejects.toThrow(/redirects from http: to file:/);
  });
});

function manyModules(count: number): Record<string, Uint8Array> {
  const modules: Record<string, Uint8Array> = {};
  for (let i = 0; i < count; i += 1) {
    modules[`spam/a_rather_long_folder_name/another_one/module_number_${i}.py`] = crypto.getRandomValues(
      new Uint8Array(500),
    );
  }
  return modules;
}

function cacheFiles(folder: string): string[] {
  return readdirSync(`${folder}/index`, { recursive: true })
    .map((name) => `${folder}/index/${String(name)}`)
    .filter((path) => statSync(path).isFile());
}
