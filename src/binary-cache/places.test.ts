import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { removeTree } from "../platform/staging.ts";
import { openStore } from "../store/store.ts";
import type { CacheBackend } from "./backend.ts";
import { readBytes } from "./backend.ts";
import { createCacheSubstituter } from "./cache-substituter.ts";
import { openBackend } from "./open-backend.ts";
import { INFO_PATH, mappingPath, objectPath } from "./protocol.ts";
import { pushPackages } from "./push.ts";
import { serveCache } from "./serve.ts";
import { generateKeys, readSecretKey } from "./signature.ts";
import { type CacheFixture, cacheFixture, homeAt, temporary } from "./testing/cache-fixture.ts";
import { nginx, type Service, startNginx, startVersitygw, versitygw } from "./testing/services.ts";
import { verifyCache } from "./verify-cache.ts";

/** A cache in every place where it may lie: what one home pushes, an empty one gets, byte for byte. */
let good: CacheFixture;
beforeAll(async () => {
  good = await cacheFixture([
    { name: "alpha", scripts: { run: "#!python\nprint(1)\n" }, data: { "data/share/x.txt": "x" } },
    { name: "beta", modules: { "beta/__init__.py": "" } },
    { name: "gamma", modules: { "gamma.py": "x = 1\n".repeat(100_000) } },
  ]);
});
afterAll(() => removeTree(good.folder));

const s3Env = { AWS_ACCESS_KEY_ID: "tester", AWS_SECRET_ACCESS_KEY: "tester-secret", HOME: "/nonexistent" };

async function pushTo(backend: CacheBackend) {
  return await pushPackages({
    store: good.store,
    backend,
    packages: good.packages,
    closures: [good.packages.map(({ buildHash }) => buildHash)],
    key: good.key,
    warn: (message) => {
      throw new Error(message);
    },
  });
}

/** Into an empty home; every object is verified. Returns the number of requests. */
async function pullFrom(backend: CacheBackend): Promise<number> {
  const home = homeAt(temporary());
  const before = backend.stats.requests;
  try {
    const store = openStore(home);
    const hashes = good.packages.map(({ buildHash }) => buildHash);
    const substituter = createCacheSubstituter({
      backend,
      trusted: good.trusted,
      warn: (message) => {
        throw new Error(message);
      },
    });
    await substituter.prepare(hashes, hashes);
    const answers = await Promise.all(hashes.map((hash) => substituter.substitute(hash, store)));
    await substituter.rest();
    expect(answers.map((one) => one?.outputHash)).toEqual(good.packages.map((one) => one.outputHash));
    expect(answers.every((one) => one?.notes["signer"] === "team-1")).toBe(true);
    for (const hash of store.list()) expect((await store.verify(hash)).faults).toEqual([]);
    return backend.stats.requests - before;
  } finally {
    removeTree(home.root);
  }
}

async function pushAndPull(open: () => CacheBackend): Promise<void> {
  const first = await pushTo(open());
  expect(first).toMatchObject({ pushed: 3, present: 0, objects: 3, environments: 1 });
  // Nothing new: one look at each mapping, one at the environment, one at dx-cache-info, and no list of anything.
  expect(await pushTo(open())).toMatchObject({
    pushed: 0,
    present: 3,
    bytes: 0,
    environments: 0,
    requests: 5,
  });
  // One request for the environment and one for each package.
  expect(await pullFrom(open())).toBe(4);
  const checked = await verifyCache({
    backend: open(),
    trusted: good.trusted,
    buildHashes: good.packages.map(({ buildHash }) => buildHash),
    home: good.home,
  });
  expect(checked.map(({ state, signer }) => [state, signer])).toEqual(
    good.packages.map(() => ["good", "team-1"]),
  );
}

test("a folder", async () => {
  const folder = temporary();
  try {
    await pushAndPull(() => openBackend(`file://${folder}/a%20b`, { env: {}, folder }));
  } finally {
    removeTree(folder);
  }
});

test("ten thousand other objects cost not one request more", async () => {
  const folder = temporary();
  try {
    const hashes = Array.from({ length: 10_000 }, (_, i) => `abcd${i.toString().padStart(60, "0")}`);
    for (const pathOf of [objectPath, mappingPath]) {
      mkdirSync(dirname(`${folder}/${pathOf(hashes[0]!)}`), { recursive: true });
      for (const hash of hashes) writeFileSync(`${folder}/${pathOf(hash)}`, "x");
    }
    await pushAndPull(() => openBackend(`file://${folder}`, { env: {}, folder }));
  } finally {
    removeTree(folder);
  }
}, 60_000);

describe.skipIf(nginx === undefined)("nginx, static files", () => {
  let service: Service;
  let folder: string;
  beforeAll(async () => {
    folder = temporary();
    mkdirSync(`${folder}/root`);
    service = await startNginx(folder, `${folder}/root`, "reader:pass word");
  });
  afterAll(async () => {
    await service.stop();
    removeTree(folder);
  });

  test("filled as a folder, read over HTTP with a user name and password", async () => {
    await pushTo(openBackend(`${folder}/root`, { env: {}, folder }));
    const url = service.url.replace("//", "//reader:pass%20word@");
    expect(await pullFrom(openBackend(url, { env: {}, folder }))).toBe(4);
    writeFileSync(`${folder}/netrc`, 'machine 127.0.0.1 login reader password "pass word"\n');
    expect(await pullFrom(openBackend(service.url, { env: { NETRC: `${folder}/netrc` }, folder }))).toBe(4);
    const nobody = openBackend(service.url, { env: { HOME: folder }, folder });
    await expect(readBytes(nobody, INFO_PATH, 1000)).rejects.toThrow("wants credentials");
    await expect(pushTo(openBackend(url, { env: {}, folder })).then(({ pushed }) => pushed)).resolves.toBe(0);
    await expect(openBackend(url, { env: {}, folder }).write("x", new Uint8Array(1))).rejects.toThrow();
  });
});

describe.skipIf(versitygw === undefined)("an S3 server", () => {
  let service: Service;
  let folder: string;
  beforeAll(async () => {
    folder = temporary();
    service = await startVersitygw(folder, "team-cache");
  });
  afterAll(async () => {
    await service?.stop();
    removeTree(folder);
  });

  test("pushed, pulled and verified with the standard variables", async () => {
    const url = `s3://team-cache/py/3?endpoint=${encodeURIComponent(service.url)}`;
    await pushAndPull(() => openBackend(url, { env: s3Env, folder }));
  });

  test("credentials from a profile; wrong ones, and none", async () => {
    const url = `s3://team-cache/py/3?endpoint=${service.url}&profile=ci`;
    writeFileSync(
      `${folder}/credentials`,
      "[ci]\naws_access_key_id = tester\naws_secret_access_key = tester-secret\n",
    );
    const env = { AWS_SHARED_CREDENTIALS_FILE: `${folder}/credentials`, HOME: folder };
    expect(await pullFrom(openBackend(url, { env, folder }))).toBe(4);
    const wrong = openBackend(url.replace("&profile=ci", ""), {
      env: { ...s3Env, AWS_SECRET_ACCESS_KEY: "x" },
      folder,
    });
    const failure = await readBytes(wrong, INFO_PATH, 1000).catch((error) => error);
    expect(failure.code).toBe("DXPY_CACHE_AUTH_REQUIRED");
    // Neither the signature nor the key is in what is said.
    expect(`${failure.message}${JSON.stringify(failure.context)}`).not.toMatch(/X-Amz|tester/);
    const anonymous = openBackend(url.replace("&profile=ci", ""), { env: { HOME: "/nonexistent" }, folder });
    await expect(readBytes(anonymous, INFO_PATH, 1000)).rejects.toThrow("wants credentials");
  });
});

test("S3 URLs: by path, and by virtual host", async () => {
  const hosts: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      hosts.push(`${request.headers.get("host")}${new URL(request.url).pathname}`);
      return new Response(null, { status: 404 });
    },
  });
  try {
    const endpoint = `http://localhost:${server.port}`;
    for (const [addressing, env] of [
      ["path", s3Env],
      ["virtual", s3Env],
      ["path", { HOME: "/nonexistent" }],
    ] as const) {
      const url = `s3://team/pre?endpoint=${endpoint}&addressing=${addressing}`;
      await readBytes(openBackend(url, { env, folder: "/", attempts: 1 }), "dx-cache-info", 10).catch(
        () => {},
      );
    }
    expect(hosts.filter((host) => host.startsWith("localhost"))).toEqual([
      `localhost:${server.port}/team/pre/dx-cache-info`,
      `localhost:${server.port}/team/pre/dx-cache-info`,
    ]);
    // A name below localhost leads to this machine on most systems, and to nothing on others.
    const virtual = hosts.filter((host) => host.startsWith("team."));
    expect(virtual.every((host) => host === `team.localhost:${server.port}/pre/dx-cache-info`)).toBe(true);
  } finally {
    server.stop(true);
  }
});

describe("dx-py cache serve", () => {
  const serve = async (change: object = {}) => {
    const folder = temporary();
    const home = homeAt(`${folder}/home`);
    const server = serveCache({
      store: openStore(home),
      folder: `${folder}/served`,
      trusted: good.trusted,
      hostname: "127.0.0.1",
      port: 0,
      uploadToken: "upload-token",
      ...change,
    });
    const open = (token?: string) =>
      openBackend(server.url, {
        env: { HOME: folder },
        folder,
        attempts: 1,
        ...(token === undefined ? {} : { token }),
      });
    const stop = async () => {
      await server.stop();
      removeTree(folder);
    };
    return { folder, server, open, stop };
  };

  test("takes uploads by token, and gives them", async () => {
    const { open, stop, server } = await serve();
    try {
      await pushAndPull(() => open("upload-token"));
      await expect(pushTo(open("other-token"))).resolves.toMatchObject({ pushed: 0 });
      for (const [token, status] of [
        ["other-token", 401],
        [undefined, 401],
      ] as const) {
        const headers: Record<string, string> =
          token === undefined ? {} : { authorization: `Bearer ${token}` };
        const { buildHash } = good.packages[0]!;
        const answer = await fetch(`${server.url}/drv-out/${buildHash}`, {
          method: "PUT",
          body: "{}",
          headers,
        });
        expect(answer.status).toBe(status);
      }
    } finally {
      await stop();
    }
  });

  test("serves the store itself: mappings signed, packages packed when asked for; ETag, ranges, HEAD", async () => {
    const { server, stop } = await serve({ store: good.store, key: good.key });
    try {
      const open = () => openBackend(server.url, { env: {}, folder: "/" });
      // No environment was pushed: a mapping and an object for each package, and the question for the environment.
      expect(await pullFrom(open())).toBe(7);
      const url = `${server.url}/${objectPath(good.packages[2]!.outputHash)}`;
      const whole = await fetch(url);
      const etag = whole.headers.get("etag")!;
      const bytes = await whole.bytes();
      expect(whole.headers.get("cache-control")).toContain("immutable");
      const part = await fetch(url, { headers: { range: "bytes=10-19" } });
      expect([part.status, part.headers.get("content-range")]).toEqual([206, `bytes 10-19/${bytes.length}`]);
      expect(await part.bytes()).toEqual(bytes.subarray(10, 20));
      const tail = await fetch(url, { headers: { range: "bytes=-5", "if-range": etag } });
      expect(await tail.bytes()).toEqual(bytes.subarray(-5));
      expect((await fetch(url, { headers: { range: "bytes=5-", "if-range": '"old"' } })).status).toBe(200);
      expect((await fetch(url, { headers: { range: `bytes=${bytes.length}-` } })).status).toBe(416);
      expect((await fetch(url, { headers: { "if-none-match": etag } })).status).toBe(304);
      expect((await fetch(url, { method: "HEAD" })).status).toBe(200);
      for (const path of ["/etc/passwd", "/drv-out/..%2f..%2fetc", "/store", "/lock"]) {
        expect((await fetch(`${server.url}${path}`)).status).toBe(404);
      }
      expect((await fetch(url, { method: "DELETE" })).status).toBe(405);
      expect(
        (await fetch(url, { method: "PUT", body: "x", headers: { authorization: "Bearer upload-token" } }))
          .status,
      ).toBe(422);
    } finally {
      await stop();
    }
  });

  test("a reader's token, as bearer or as a password", async () => {
    const { server, open, stop } = await serve({ store: good.store, key: good.key, readToken: "read-token" });
    try {
      await expect(readBytes(open(), INFO_PATH, 1000)).rejects.toThrow("wants credentials");
      expect(await readBytes(open("read-token"), INFO_PATH, 1000)).toBeDefined();
      const url = server.url.replace("//", "//anybody:read-token@");
      expect(await readBytes(openBackend(url, { env: {}, folder: "/" }), INFO_PATH, 1000)).toBeDefined();
    } finally {
      await stop();
    }
  });

  test("refuses uploads that are not what their names say", async () => {
    const { server, open, stop, folder } = await serve();
    const [alpha, beta] = good.packages as [
      CacheFixture["packages"][number],
      CacheFixture["packages"][number],
    ];
    const put = async (path: string, body: Uint8Array | string) => {
      const headers = { authorization: "Bearer upload-token" };
      const answer = await fetch(`${server.url}/${path}`, { method: "PUT", body: body as string, headers });
      return [answer.status, await answer.text()];
    };
    const file = (path: string) => good.files.get(path)!;
    try {
      const object = objectPath(alpha.outputHash);
      expect((await put(mappingPath(alpha.buildHash), file(mappingPath(alpha.buildHash))))[1]).toContain(
        "upload that first",
      );
      expect((await put(object, file(objectPath(beta.outputHash))))[0]).toBe(422);
      expect((await put(object, "not zstd"))[0]).toBe(422);
      expect((await put(object, new Uint8Array(Bun.zstdCompressSync(new Uint8Array(500_000_000)))))[0]).toBe(
        422,
      );
      expect((await put(`drv/${alpha.buildHash}.drv`, "{}"))[0]).toBe(422);
      expect((await put("elsewhere", "x"))[0]).toBe(404);
      expect((await put(object, file(object)))[0]).toBe(201);
      expect((await put(mappingPath(alpha.buildHash), file(mappingPath(beta.buildHash))))[1]).toContain(
        "another build",
      );
      const unsigned = JSON.parse(new TextDecoder().decode(file(mappingPath(alpha.buildHash))));
      expect(
        (await put(mappingPath(alpha.buildHash), JSON.stringify({ ...unsigned, signatures: [] })))[1],
      ).toContain("not signed");
      expect(await open().has(mappingPath(alpha.buildHash))).toBe(false);
      expect(Bun.spawnSync(["find", `${folder}/home/tmp`, "-name", "upload"]).stdout.toString()).toBe("");
    } finally {
      await stop();
    }
  });
});

test("a push that was interrupted is begun again: what is there stays, what is missing comes", async () => {
  const folder = temporary();
  try {
    const open = () => openBackend(`${folder}/cache`, { env: {}, folder });
    const breaking = open();
    let writes = 0;
    const write = breaking.write.bind(breaking);
    breaking.write = async (path, body) => {
      writes += 1;
      if (writes > 5) throw new Error("killed");
      await write(path, body);
    };
    await expect(pushTo(breaking)).rejects.toThrow("killed");
    // Whoever reads now finds each mapping with its object, or no mapping.
    const partial = await verifyCache({
      backend: open(),
      trusted: good.trusted,
      buildHashes: good.packages.map(({ buildHash }) => buildHash),
      home: good.home,
    });
    expect(partial.every(({ state }) => state === "good" || state === "missing")).toBe(true);
    expect(partial.some(({ state }) => state === "missing")).toBe(true);
    const rest = await pushTo(open());
    expect(rest.pushed + rest.present).toBe(3);
    expect(await pullFrom(open())).toBe(4);
  } finally {
    removeTree(folder);
  }
});

test("a second signature joins the first; another output of the same build does not replace it", async () => {
  const folder = temporary();
  try {
    const backend = openBackend(`${folder}/cache`, { env: {}, folder });
    await pushTo(backend);
    const keys = await generateKeys("release-2");
    const warnings: string[] = [];
    const [alpha, beta] = good.packages as [
      CacheFixture["packages"][number],
      CacheFixture["packages"][number],
    ];
    const again = {
      store: good.store,
      backend,
      key: await readSecretKey(keys.secret, "the test"),
      warn: (message: string) => warnings.push(message),
    };
    expect(await pushPackages({ ...again, packages: [alpha] })).toMatchObject({
      pushed: 1,
      objects: 0,
      bytes: 0,
    });
    const text = new TextDecoder().decode(await readBytes(backend, mappingPath(alpha.buildHash), 10_000));
    expect(JSON.parse(text).signatures.map(({ key }: { key: string }) => key)).toEqual([
      "team-1",
      "release-2",
    ]);
    await pushPackages({ ...again, packages: [{ buildHash: alpha.buildHash, outputHash: beta.outputHash }] });
    expect(warnings).toEqual([expect.stringContaining("another output of this build")]);
  } finally {
    removeTree(folder);
  }
});
