import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { startIndexServer } from "./index-server.ts";
import { makeSdist, makeWheel } from "./make-wheel.ts";

describe("packages and the index of the tests", () => {
  test("Python's zipfile, tarfile and the in-tree backend agree with what is made", () => {
    const folder = mkdtempSync(`${tmpdir()}/make-wheel-`);
    try {
      const wheel = makeWheel({
        name: "Spam.Eggs",
        requires: ["ham>=1"],
        entryPoints: { spam: "spam_eggs:main" },
        scripts: { "spam-sh": "#!/bin/sh\n" },
      });
      const sdist = makeSdist({ name: "spam", version: "2.0" });
      writeFileSync(`${folder}/${wheel.filename}`, wheel.bytes);
      writeFileSync(`${folder}/${sdist.filename}`, sdist.bytes);
      const done = Bun.spawnSync(
        [
          "python3",
          "-c",
          `import os, sys, tarfile, zipfile
z = zipfile.ZipFile("${wheel.filename}"); assert z.testzip() is None
print(sorted(z.namelist()))
tarfile.open("${sdist.filename}").extractall(".")
os.chdir("spam-2.0"); sys.path.insert(0, ".")
import build_backend
print(build_backend.build_wheel(".."), build_backend.build_editable("."))
z = zipfile.ZipFile("../spam-2.0-py3-none-any.whl"); assert z.testzip() is None
print(sorted(z.namelist()))`,
        ],
        { cwd: folder },
      );
      expect(done.stderr.toString()).toBe("");
      expect(done.stdout.toString().trim().split("\n")).toEqual([
        "['spam_eggs-1.0.data/scripts/spam-sh', 'spam_eggs-1.0.dist-info/METADATA', 'spam_eggs-1.0.dist-info/RECORD', 'spam_eggs-1.0.dist-info/WHEEL', 'spam_eggs-1.0.dist-info/entry_points.txt', 'spam_eggs/__init__.py']",
        "spam-2.0-py3-none-any.whl spam-2.0-py3-none-any.whl",
        "['spam-2.0.dist-info/METADATA', 'spam-2.0.dist-info/RECORD', 'spam-2.0.dist-info/WHEEL', 'spam/__init__.py']",
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("pages in HTML and JSON, ranges, revalidation, sign-in and a request log", async () => {
    const wheel = makeWheel({ name: "spam", requiresPython: ">=3.8" });
    const server = startIndexServer({ files: [wheel], auth: { username: "u", password: "p" } });
    const headers = { authorization: `Basic ${btoa("u:p")}` };
    try {
      expect((await fetch(`${server.url}spam/`)).status).toBe(401);
      const html = await fetch(`${server.url}spam/`, { headers });
      expect(await html.text()).toContain('data-requires-python="&gt;=3.8"');
      const etag = html.headers.get("etag") ?? "";
      expect(
        (await fetch(`${server.url}spam/`, { headers: { ...headers, "if-none-match": etag } })).status,
      ).toBe(304);
      const accept = "application/vnd.pypi.simple.v1+json";
      const json = (await (
        await fetch(`${server.url}spam/`, { headers: { ...headers, accept } })
      ).json()) as {
        files: { filename: string }[];
      };
      expect(json.files.map((file) => file.filename)).toEqual(["spam-1.0-py3-none-any.whl"]);
      const url = `${server.origin}/files/${wheel.filename}`;
      const tail = await fetch(url, { headers: { ...headers, range: "bytes=-10" } });
      expect(tail.status).toBe(206);
      expect(new Uint8Array(await tail.arrayBuffer())).toEqual(wheel.bytes.slice(-10));
      expect(await (await fetch(`${url}.metadata`, { headers })).text()).toBe(wheel.metadata);
      expect(server.count(/simple/)).toBe(4);
    } finally {
      await server.stop();
    }
  });

  test("faults: a status, a broken connection, a changed byte", async () => {
    const wheel = makeWheel({ name: "spam" });
    const server = startIndexServer({ files: [wheel] });
    try {
      const url = `${server.origin}/files/${wheel.filename}`;
      server.fault({ path: /files/, times: 1, status: 503 });
      server.fault({ path: /files/, times: 1, truncateAt: 10 });
      server.fault({ path: /files/, times: 1, corrupt: true });
      expect((await fetch(url)).status).toBe(503);
      const broken = await fetch(url)
        .then(
          (response) => response.arrayBuffer(),
          () => "refused",
        )
        .catch(() => "broken");
      expect(broken).toBe("broken");
      const corrupt = new Uint8Array(await (await fetch(url)).arrayBuffer());
      expect(corrupt.length).toBe(wheel.bytes.length);
      expect(corrupt).not.toEqual(wheel.bytes);
      expect(new Uint8Array(await (await fetch(url)).arrayBuffer())).toEqual(new Uint8Array(wheel.bytes));
    } finally {
      await server.stop();
    }
  });
});
