import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { createCacheSubstituter } from "../binary-cache/cache-substituter.ts";
import { httpBackend } from "../binary-cache/http-backend.ts";
import { environmentPath, mappingPath, mappingText, objectPath } from "../binary-cache/protocol.ts";
import { generateKeys, readSecretKey, signMapping } from "../binary-cache/signature.ts";
import {
  type Answer,
  type CacheFixture,
  cacheFixture,
  faultyServer,
  homeAt,
  storeContents,
  temporary,
} from "../binary-cache/testing/cache-fixture.ts";
import { type CraftedFile, craftPackage, offer, soundFiles } from "../binary-cache/testing/craft-package.ts";
import { blake3Hex } from "../platform/blake3.ts";
import { removeTree } from "../platform/staging.ts";
import { openStore } from "../store/store.ts";
import { realisePackages } from "./realise-packages.ts";
import { testContext, testIndex, testPlace, wantedWheel } from "./testing/test-context.ts";

/**
 * What hostile caches try. None gets a byte into the store, and none stops an install that can go on without it.
 * `alpha` is asked for; the cache's other package is `beta`.
 */
let good: CacheFixture;
beforeAll(async () => {
  good = await cacheFixture();
});
afterAll(() => removeTree(good.folder));

interface World {
  alpha: CacheFixture["packages"][number];
  beta: CacheFixture["packages"][number];
  mapping: string;
  object: string;
  file(path: string): Uint8Array;
  text(path: string): Record<string, unknown>;
}

type Attack = (path: string, request: Request, world: World) => Answer;

const json = (value: unknown) => JSON.stringify(value);
const at = (which: "mapping" | "object", answer: (world: World, request: Request) => Answer): Attack => {
  return (path, request, world) => (path === world[which] ? answer(world, request) : undefined);
};
const mappingWith = (change: (mapping: Record<string, unknown>, world: World) => unknown): Attack =>
  at("mapping", (world) => json(change(world.text(world.mapping), world)));
const packedWith = (change: (packed: Uint8Array) => Uint8Array | undefined): Attack =>
  at("object", ({ file, object }) => {
    const packed = new Uint8Array(zstdDecompressSync(file(object)));
    return new Uint8Array(zstdCompressSync(change(packed) ?? packed));
  });
/** By somebody who holds a trusted key, or has stolen it: the bounds must hold all the same. */
const signed = (
  files: readonly CraftedFile[],
  spoil?: (bytes: Uint8Array) => void,
  size?: number,
): Attack => {
  const crafted = craftPackage(files, spoil);
  return async (path, _, { alpha }) => {
    const offered = await offer(alpha.buildHash, crafted, good.key, size);
    const body = offered.get(path);
    return body === undefined ? new Response(null, { status: 404 }) : new Response(new Uint8Array(body));
  };
};
const drip = (piece: Uint8Array, pause: number): Response => {
  let stopped = false;
  return new Response(
    new ReadableStream({
      async pull(controller) {
        await Bun.sleep(pause);
        if (!stopped) controller.enqueue(piece);
      },
      cancel() {
        stopped = true;
      },
    }),
  );
};
const endless = () => drip(new Uint8Array(65_536), 0);
const redirect = (location: string, status = 302) => new Response(null, { status, headers: { location } });
const patch32 = (offset: number, value: number) => (bytes: Uint8Array) =>
  new DataView(bytes.buffer).setUint32(offset, value, true);
/** The order of Ed25519's group: a signature to which it was added says the same, and is not to be taken (RFC 8032, 5.1.7). */
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
function otherForm(signature: string): string {
  const bytes = Uint8Array.fromBase64(signature);
  const scalar = BigInt(`0x${bytes.slice(32).toReversed().toHex()}`) + GROUP_ORDER;
  bytes.set(Uint8Array.fromHex(scalar.toString(16).padStart(64, "0")).toReversed(), 32);
  return bytes.toBase64();
}
/** A zstd frame (RFC 8878) with this head, and one empty block. */
const frame = (...head: number[]) => Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, ...head, 1, 0, 0]);
const extra = (path: string, size?: number): CraftedFile[] => [
  ...soundFiles(),
  { path, content: "x", ...(size === undefined ? {} : { size }) },
];

const ATTACKS: Record<string, Attack> = {
  "the content of another package": at("object", ({ beta, file }) => file(objectPath(beta.outputHash))),
  "a flipped bit in the compressed file": at("object", ({ file, object }) => {
    const bytes = new Uint8Array(file(object));
    bytes[bytes.length >> 1]! ^= 4;
    return bytes;
  }),
  "a changed file, packed again": packedWith((packed) => {
    packed[packed.length - 3]! ^= 1;
    return packed;
  }),
  "a changed manifest": packedWith((packed) => {
    const offset = Number(new DataView(packed.buffer).getBigUint64(64, true));
    packed[offset + 30]! ^= 1;
    return packed;
  }),
  "another output hash in the header": packedWith((packed) => {
    packed[20]! ^= 1;
    return packed;
  }),
  "no package at all": at("object", () => new Uint8Array(zstdCompressSync(new Uint8Array(4096)))),
  "not zstd": at("object", () => new Uint8Array(2000).fill(7)),
  "an empty object": at("object", () => new Uint8Array()),
  "a truncated zstd frame": at("object", ({ file, object }) => file(object).subarray(0, 900)),
  "a zstd bomb": at("object", () => new Uint8Array(zstdCompressSync(new Uint8Array(300 * 1024 * 1024)))),
  "more after the package": packedWith((packed) => Buffer.concat([packed, new Uint8Array(100)])),
  "an object that is missing": at("object", () => new Response(null, { status: 404 })),
  "a signature with a flipped bit": mappingWith((mapping) => {
    const [one] = mapping["signatures"] as { key: string; signature: string }[];
    const bytes = Uint8Array.fromBase64(one!.signature);
    bytes[5]! ^= 1;
    return { ...mapping, signatures: [{ key: one!.key, signature: bytes.toBase64() }] };
  }),
  "no signature": mappingWith((mapping) => ({ ...mapping, signatures: [] })),
  "a foreign key": async (path, _, { mapping, text }) =>
    path === mapping ? await signedBy("other-1", text(mapping)) : new Response(null, { status: 404 }),
  "a foreign key under a trusted name": async (path, _, { mapping, text }) =>
    path === mapping ? await signedBy("team-1", text(mapping)) : new Response(null, { status: 404 }),
  "a mapping replayed for another build": at("mapping", ({ beta, file }) =>
    file(mappingPath(beta.buildHash)),
  ),
  "the same with the build hash changed": mappingWith((_, { alpha, beta, text }) => ({
    ...text(mappingPath(beta.buildHash)),
    buildHash: alpha.buildHash,
  })),
  "a mapping to another output": mappingWith((mapping, { beta }) => ({
    ...mapping,
    outputHash: beta.outputHash,
  })),
  "a mapping with another size": mappingWith((mapping) => ({ ...mapping, size: 10 })),
  "a size below zero": mappingWith((mapping) => ({ ...mapping, size: -1 })),
  "a size beyond all numbers": at("mapping", ({ text, mapping }) =>
    json({ ...text(mapping), size: 0 }).replace('"size":0', '"size":1e999'),
  ),
  "a thousand signatures": mappingWith((mapping) => ({
    ...mapping,
    signatures: Array(1000).fill((mapping["signatures"] as unknown[])[0]),
  })),
  "a format of the future": mappingWith((mapping) => ({ ...mapping, format: 2 })),
  "a mapping that is not JSON": at("mapping", () => "<html>Sign in</html>"),
  "a mapping that is a list": at("mapping", () => "[]"),
  "JSON that is nested without end": at("mapping", () => "[".repeat(16_000)),
  "a mapping as large as a disk": at("mapping", () => endless()),
  "an object without end": at("object", () => endless()),
  "a path that climbs out": signed(extra("lib/../../../../../../tmp/evil")),
  "an absolute path": signed(extra("/tmp/evil")),
  "a path outside of the four folders": signed(extra("bin/evil")),
  "a file that is another's folder": signed([...extra("lib/evil.py/x")]),
  "one path twice": signed([...soundFiles(), ...soundFiles()]),
  "a file of nine petabytes": signed(extra("lib/huge", 2 ** 53 - 1)),
  "a file that is longer than the package": signed(extra("lib/huge", 1_000_000)),
  "four milliards of files": signed(soundFiles(), patch32(48, 0xffff_ffff)),
  "metadata of four gigabytes": signed(soundFiles(), patch32(56, 0xffff_fff0)),
  "a manifest beyond the end": signed(soundFiles(), patch32(64, 0x7fff_fff8)),
  "a package without .dist-info": signed([{ path: "lib/evil.py", content: "x" }]),
  "thirty gigabytes promised, one kilobyte sent": signed(soundFiles(), undefined, 30 * 1024 ** 3),
  "a redirect to a file of this machine": () => redirect("file:///etc/passwd"),
  "a redirect to nowhere": () => redirect("http://"),
  "redirects in a circle": (_, request) => redirect(request.url),
  "errors of the server": () => new Response("oops", { status: 500 }),
  "a wish for credentials": () => new Response(null, { status: 401 }),
  "a status that is no answer": () => new Response(null, { status: 302 }),
  "one byte now and then": at("mapping", () => drip(new Uint8Array([32]), 60)),
  "an object of one byte now and then": at("object", () => drip(new Uint8Array([32]), 60)),
  "no answer": async () => {
    await Bun.sleep(3000);
    return new Response();
  },
  "a connection that breaks off": at("object", ({ file, object }) => {
    const bytes = file(object);
    return new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(bytes.subarray(0, 100));
          controller.close();
        },
      }),
      { headers: { "content-length": String(bytes.length) } },
    );
  }),
  "one member twice": at("mapping", ({ beta, mapping, text }) =>
    json(text(mapping))
      .replace('"outputHash"', `"outputHash":"${beta.outputHash}","outputHash"`)
      .replace(
        // The last one counts: what was signed stands first.
        /("outputHash":"[0-9a-f]+"),("outputHash":"[0-9a-f]+")/,
        "$2,$1",
      ),
  ),
  "members of the prototype": at("mapping", ({ mapping, text }) =>
    json(text(mapping)).replace('"references":{', '"references":{"__proto__":{"build":"x"},'),
  ),
  "a size that is a text": mappingWith((mapping) => ({ ...mapping, size: String(mapping["size"]) })),
  "a signature in its other form": mappingWith((mapping) => {
    const [{ key, signature }] = mapping["signatures"] as [{ key: string; signature: string }];
    return { ...mapping, signatures: [{ key, signature: otherForm(signature) }] };
  }),
  "a key whose name only looks the same": mappingWith((mapping) => {
    const [{ signature }] = mapping["signatures"] as [{ signature: string }];
    return { ...mapping, signatures: [{ key: "te\u0430m-1", signature }] };
  }),
  "nothing, and all is well": () => new Response(null, { status: 204 }),
  "a zstd window of two gigabytes": at("object", () => frame(0x00, (31 - 10) << 3)),
  "a zstd frame that promises an exabyte": at("object", () => frame(0xe0, 0, 0, 0, 0, 0, 0, 0, 0x10)),
  "a zstd frame that wants a dictionary": at("object", () => frame(0x23, 1, 2, 3, 4, 0)),
  "zstd that only says what to skip": at("object", () => {
    const bytes = new Uint8Array(2000);
    new DataView(bytes.buffer).setUint32(0, 0x184d2a50, true);
    new DataView(bytes.buffer).setUint32(4, 0xffff_fff0, true);
    return bytes;
  }),
  "a part for the whole": at("object", ({ file, object }) => {
    const bytes = file(object);
    const headers = { "content-range": `bytes 0-99/${bytes.length}` };
    return new Response(bytes.slice(0, 100), { status: 206, headers });
  }),
  "another rest, after a break": at("object", ({ file, object }, request) => {
    const bytes = file(object);
    const etag = '"the-same"';
    if (request.headers.get("range") !== null) {
      const headers = { etag, "content-range": `bytes 100-${bytes.length - 1}/${bytes.length}` };
      return new Response(bytes.slice(100).fill(9), { status: 206, headers });
    }
    const headers = { etag, "content-length": String(bytes.length) };
    const start = (controller: ReadableStreamDefaultController) => {
      controller.enqueue(bytes.slice(0, 100));
      controller.close();
    };
    return new Response(new ReadableStream({ start }), { headers });
  }),
  "a path with a line feed": signed(extra("lib/evil\n.py")),
  "a path with a NUL": signed(extra("lib/evil\0.py")),
  "a path with a backslash": signed(extra("lib/..\\..\\evil.py")),
  "a path that is the folder itself": signed(extra("lib/.")),
  "METADATA without a name": signed(
    soundFiles().map((one) => (one.path.endsWith("METADATA") ? { ...one, content: "Version: 1.0\n" } : one)),
  ),
  "two .dist-info folders": signed(extra("lib/other-1.0.dist-info/METADATA")),
  "a body that unpacks itself": at("object", ({ file, object }) => {
    const body = new Uint8Array(gzipSync(file(object)));
    return new Response(body, { headers: { "content-encoding": "gzip" } });
  }),
};

async function signedBy(name: string, mapping: Record<string, unknown>): Promise<Response> {
  const key = await readSecretKey((await generateKeys(name)).secret, "the test");
  const { signatures: _, ...unsigned } = mapping as never as Parameters<typeof mappingText>[0];
  return new Response(mappingText({ ...unsigned, signatures: [await signMapping(unsigned, key)] }));
}

for (const [name, attack] of Object.entries(ATTACKS)) {
  test(`a hostile cache: ${name}`, async () => {
    const world = worldOf();
    const server = faultyServer(good.files, (path, request) => attack(path, request, world));
    const place = testPlace();
    const warnings: string[] = [];
    try {
      const open = () =>
        createCacheSubstituter({
          backend: httpBackend(server.url, { env: { HOME: "/nonexistent" }, timeout: 250, attempts: 2 }),
          trusted: good.trusted,
          warn: (message) => warnings.push(message),
          workers: 0,
        });
      // By itself: nothing comes into the store, and what is said is a Failure or nothing.
      const alone = open();
      await alone.prepare([], []);
      const store = openStore(place.home);
      const answer = await alone
        .substitute(world.alpha.buildHash, store)
        .catch((error: Error & { code: string }) => error.code);
      expect(answer ?? "nothing").toMatch(
        /^(nothing|DXPY_(BAD_CACHE_ANSWER|CACHE_[A-Z_]+|BAD_PACKAGE|BAD_WHEEL|BAD_METADATA))$/,
      );
      await alone.rest();
      expect(storeContents(place.home)).toEqual([]);
      warnings.length = 0;

      // In an install: the wheel comes from the index, with one warning at most.
      const context = testContext(place, testIndex([world.alpha.wheel]));
      const [realised] = await realisePackages([wantedWheel(world.alpha.wheel, "alpha")], {
        ...context,
        workers: 0,
        substituters: [open()],
        onProgress: (event) => {
          if (event.kind === "warning") warnings.push(event.message);
        },
      });
      expect(realised).toMatchObject({ how: "downloaded", outputHash: world.alpha.outputHash });
      expect(openStore(place.home).list()).toEqual([world.alpha.outputHash]);
      expect(warnings.length).toBeLessThanOrEqual(1);
    } finally {
      server.stop();
      place.remove();
    }
  });
}

function worldOf(): World {
  const [alpha, beta] = good.packages as [World["alpha"], World["beta"]];
  const file = (path: string) => new Uint8Array(good.files.get(path)!);
  return {
    alpha,
    beta,
    mapping: mappingPath(alpha.buildHash),
    object: objectPath(alpha.outputHash),
    file,
    text: (path) => JSON.parse(new TextDecoder().decode(file(path))),
  };
}

/** With a cache that gives nothing of use: the wheel comes from the index, and one warning says so. */
async function installsAllTheSame(url: string, place: ReturnType<typeof testPlace>): Promise<void> {
  const { alpha } = worldOf();
  const warnings: string[] = [];
  const substituter = createCacheSubstituter({
    backend: httpBackend(url, { env: {}, timeout: 250, attempts: 2 }),
    trusted: good.trusted,
    warn: (message) => warnings.push(message),
    workers: 0,
  });
  const [realised] = await realisePackages([wantedWheel(alpha.wheel, "alpha")], {
    ...testContext(place, testIndex([alpha.wheel])),
    workers: 0,
    substituters: [substituter],
    onProgress: (event) => {
      if (event.kind === "warning") warnings.push(event.message);
    },
  });
  expect(realised).toMatchObject({ how: "downloaded", outputHash: alpha.outputHash });
  expect(warnings).toHaveLength(1);
}

/** What no library for servers would send: bytes by hand. */
const RAW: Record<string, (socket: Bun.Socket) => void> = {
  "no HTTP at all": (socket) => void socket.end("220 mail.example.org ESMTP\r\n"),
  "headers without end": (socket) => {
    socket.write("HTTP/1.1 200 OK\r\n");
    const line = `x-more: ${"x".repeat(8000)}\r\n`;
    const timer = setInterval(() => (socket.readyState > 0 ? socket.write(line) : clearInterval(timer)), 1);
    setTimeout(() => clearInterval(timer), 2000);
  },
  "a length below zero": (socket) => void socket.end("HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nabc"),
  "two lengths": (socket) =>
    void socket.end("HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4000\r\n\r\nabc"),
  "more than its length": (socket) =>
    void socket.end(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}${"HTTP/1.1 200 OK\r\n\r\n".repeat(50)}`),
  "a chunk of sixteen exabytes": (socket) =>
    void socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nabc"),
};

for (const [name, answer] of Object.entries(RAW)) {
  test(`a hostile cache, byte by byte: ${name}`, async () => {
    const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: answer, error() {} } });
    const place = testPlace();
    try {
      await installsAllTheSame(`http://127.0.0.1:${server.port}`, place);
    } finally {
      server.stop(true);
      place.remove();
    }
  });
}

test("a derivation that is another's, or has no end, is not kept; the install goes on", async () => {
  for (const lie of [() => '{"format":1,"kind":"fetch"}', endless]) {
    const world = worldOf();
    const { signatures: _, ...before } = world.text(world.mapping) as never as Parameters<
      typeof mappingText
    >[0];
    const unsigned = { ...before, references: { fetch: "ab".repeat(32) } };
    const mapping = mappingText({ ...unsigned, signatures: [await signMapping(unsigned, good.key)] });
    const server = faultyServer(good.files, (path) =>
      path.startsWith("drv/") ? lie() : path === world.mapping ? mapping : undefined,
    );
    const place = testPlace();
    try {
      await installsAllTheSame(server.url, place);
      const root = place.home.store;
      for (const name of readdirSync(`${root}/drv`))
        expect(blake3Hex(readFileSync(`${root}/drv/${name}`)), name).toBe(name.slice(0, 64));
    } finally {
      server.stop();
      place.remove();
    }
  }
});

test("a redirect to another origin does not take credentials along", async () => {
  const thief = faultyServer(good.files, () => undefined);
  const server = faultyServer(new Map(), (path) => redirect(`${thief.url}/${path}`, 307));
  const home = homeAt(temporary());
  try {
    for (const url of [server.url, server.url.replace("//", "//me:secret@")]) {
      const backend = httpBackend(url, { env: {}, ...(url === server.url ? { token: "t0ken" } : {}) });
      const substituter = createCacheSubstituter({
        backend,
        trusted: good.trusted,
        warn: () => {},
        workers: 0,
      });
      // What the other origin gives is taken, because it is signed and has its hash: only credentials stay behind.
      const store = openStore(home);
      const [{ buildHash, outputHash }] = good.packages as [World["alpha"]];
      expect((await substituter.substitute(buildHash, store))?.outputHash).toBe(outputHash);
    }
    expect(
      server.requests.every(({ authorization }) => /^(Bearer t0ken|Basic )/.test(authorization ?? "")),
    ).toBe(true);
    expect(thief.requests.map(({ authorization }) => authorization)).toEqual(thief.requests.map(() => null));
  } finally {
    server.stop();
    thief.stop();
    removeTree(home.root);
  }
});

test("an environment that names other packages, or too many, is refused, and the install goes on", async () => {
  const path = environmentPath(good.closure);
  const [alpha] = good.packages as [World["alpha"]];
  const environment = JSON.parse(new TextDecoder().decode(good.files.get(path)!)) as { mappings: unknown[] };
  const wrong = [
    { ...environment, mappings: environment.mappings.slice(1) },
    { ...environment, mappings: [...environment.mappings, { buildHash: "x" }] },
    { ...environment, mappings: Array(20_001).fill(environment.mappings[0]) },
    { format: 9 },
    [],
  ];
  for (const body of wrong) {
    const server = faultyServer(good.files, (asked) => (asked === path ? json(body) : undefined));
    const home = homeAt(temporary());
    try {
      const substituter = createCacheSubstituter({
        backend: httpBackend(server.url, { env: {} }),
        trusted: good.trusted,
        warn: () => {},
        workers: 0,
      });
      const hashes = good.packages.map(({ buildHash }) => buildHash);
      const failure = await substituter.prepare(hashes, [...hashes, "1", "2"]).catch((error) => error.code);
      expect(failure).toBe("DXPY_BAD_CACHE_ANSWER");
      expect(await substituter.substitute(alpha.buildHash, openStore(home))).toBeUndefined();
      expect(storeContents(home)).toEqual([]);
      await substituter.rest();
    } finally {
      server.stop();
      removeTree(home.root);
    }
  }
});

test("a lie about a package in its metadata is not believed: it is drawn anew from the files", async () => {
  const crafted = craftPackage(soundFiles(), () => {});
  const [alpha] = good.packages as [World["alpha"]];
  const offered = await offer(alpha.buildHash, crafted, good.key);
  const server = faultyServer(offered, () => undefined);
  const home = homeAt(temporary());
  try {
    const substituter = createCacheSubstituter({
      backend: httpBackend(server.url, { env: {} }),
      trusted: good.trusted,
      warn: () => {},
      workers: 0,
    });
    await substituter.substitute(alpha.buildHash, openStore(home));
    // The crafted header says that there are no top-level entries at all.
    const object = openStore(home).readPackageObject(crafted.outputHash);
    expect(object.topLevel.map(({ name }) => name)).toEqual(["evil-1.0.dist-info", "evil.py"]);
  } finally {
    server.stop();
    removeTree(home.root);
  }
});

test("forty packages of a cache that fails: one warning, and it is asked no more", async () => {
  const server = faultyServer(new Map(), () => new Response(null, { status: 500 }));
  const place = testPlace();
  try {
    const { makeWheel } = await import("../../test/make-wheel.ts");
    const wheels = Array.from({ length: 40 }, (_, i) => makeWheel({ name: `pack${i}` }));
    const warnings: string[] = [];
    await realisePackages(
      wheels.map((wheel, i) => wantedWheel(wheel, `pack${i}`)),
      {
        ...testContext(place, testIndex(wheels)),
        substituters: [
          createCacheSubstituter({
            backend: httpBackend(server.url, { env: {}, attempts: 2 }),
            trusted: good.trusted,
            warn: (message) => warnings.push(message),
          }),
        ],
        onProgress: (event) => {
          if (event.kind === "warning") warnings.push(event.message);
        },
      },
    );
    expect(warnings).toHaveLength(1);
    expect(server.requests.length).toBeLessThanOrEqual(2);
  } finally {
    server.stop();
    place.remove();
  }
});
