import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { startIndexServer } from "../../test/index-server.ts";
import { type MadeFile, makeWheel } from "../../test/make-wheel.ts";
import { createPackageIndex } from "../package-index/client.ts";
import type { Failure } from "../platform/errors.ts";
import { removeTree } from "../platform/staging.ts";
import { readDrvOutNotes } from "../store/drv-out.ts";
import { openStore } from "../store/store.ts";
import { indexPath, treePath } from "../store/store-level.ts";
import { requireDerivation } from "./drv-store.ts";
import type { RealiseEvent } from "./realise-context.ts";
import { realisePackages } from "./realise-packages.ts";
import type { Substituter } from "./substituters.ts";
import {
  type TestPlace,
  testContext,
  testIndex,
  testPlace,
  urlOf,
  wantedWheel,
} from "./testing/test-context.ts";

// Processes are started: on a busy machine that takes its time.
setDefaultTimeout(60_000);

let place: TestPlace;
beforeEach(() => {
  place = testPlace();
});
afterEach(() => place.remove());

const six = makeWheel({ name: "six", version: "1.16.0" });
const big = makeWheel({
  name: "big",
  version: "2.0",
  modules: { "big/__init__.py": "x = 1\n".repeat(5000) },
});
const wanted = [wantedWheel(six, "six"), wantedWheel(big, "big")];

describe("realising wheels", () => {
  test("a missing wheel is downloaded and unpacked; results come in the order of what was wanted", async () => {
    const index = testIndex([six, big]);
    const events: RealiseEvent[] = [];
    const context = { ...testContext(place, index), onProgress: (event: RealiseEvent) => events.push(event) };
    const realised = await realisePackages(wanted, context);
    expect(realised.map(({ name, how }) => [name, how])).toEqual([
      ["six", "downloaded"],
      ["big", "downloaded"],
    ]);
    expect(realised.every(({ outputHash }) => context.store.has(outputHash))).toBe(true);
    // The larger one first.
    const sizes = [six, big].map((file) => file.bytes.length);
    expect(index.downloads[0]).toBe(urlOf(sizes[0]! > sizes[1]! ? six : big));
    expect(events[0]).toEqual({ kind: "plan", packages: 2, missing: 2, bytes: sizes[0]! + sizes[1]! });
    const received = events.flatMap((event) => (event.kind === "bytes" ? [event.count] : []));
    expect(received.reduce((sum, count) => sum + count, 0)).toBe(sizes[0]! + sizes[1]!);
  });

  test("V1: every realised package has its derivation, and that of the fetch, in drv/", async () => {
    const [realised] = await realisePackages([wanted[0]!], testContext(place, testIndex([six])));
    const root = place.home.store;
    const package_ = requireDerivation([root], realised!.derivation);
    expect(package_).toEqual({
      format: 1,
      kind: "package",
      fetch: { filename: six.filename, sha256: wanted[0]!.wheel!.hashes["sha256"]! },
    });
    const { fetch } = readDrvOutNotes(root, realised!.derivation)!.notes;
    expect(requireDerivation([root], fetch!)).toMatchObject({
      kind: "fetch",
      url: urlOf(six),
      filename: six.filename,
    });
  });

  test("V2: drv-out/<build-hash> gives the output hash", async () => {
    const [realised] = await realisePackages([wanted[0]!], testContext(place, testIndex([six])));
    expect(realised!.derivation).toBe(wanted[0]!.wheel!.buildHash);
    expect(readDrvOutNotes(place.home.store, realised!.derivation)!.outputHash).toBe(realised!.outputHash);
  });

  test("V5: the user store is asked first, then the system store, then binary caches, then the network", async () => {
    const system = testPlace();
    const asked: string[] = [];
    const cache: Substituter = {
      name: "a cache",
      async substitute(buildHash) {
        asked.push(buildHash);
        return undefined;
      },
    };
    try {
      await realisePackages([wanted[0]!], testContext(system, testIndex([six])));
      const index = testIndex([six, big]);
      const context = {
        ...testContext(place, index),
        store: openStore(place.home, { system: system.home.store }),
        substituters: [cache],
      };
      const first = await realisePackages(wanted, context);
      expect(first.map(({ how }) => how)).toEqual(["system", "downloaded"]);
      expect(asked).toEqual([wanted[1]!.wheel!.buildHash]);
      expect(index.downloads).toEqual([urlOf(big)]);
      const second = await realisePackages(wanted, context);
      expect(second.map(({ how }) => how)).toEqual(["system", "store"]);
      expect(index.downloads).toHaveLength(1);
    } finally {
      system.remove();
    }
  });

  test("what a binary cache gives is recorded like the rest, and one that fails is passed over with a warning", async () => {
    const elsewhere = testPlace();
    try {
      const [made] = await realisePackages([wanted[0]!], testContext(elsewhere, testIndex([six])));
      const broken: Substituter = {
        name: "broken",
        substitute: () => Promise.reject(new Error("cannot be reached")),
      };
      const good: Substituter = {
        name: "good",
        async substitute(_, store) {
          const { outputHash } = made!;
          const copied = Bun.spawnSync([
            "sh",
            "-c",
            `mkdir -p "$(dirname "$2")" && cp -r "$1" "$1.dxpkg" "$(dirname "$2")"`,
            "sh",
            treePath(elsewhere.home.store, outputHash),
            treePath(store.root, outputHash),
          ]);
          expect(copied.exitCode).toBe(0);
          return outputHash;
        },
      };
      const warnings: string[] = [];
      const index = testIndex([]);
      const context = {
        ...testContext(place, index),
        substituters: [broken, good],
        onProgress: (event: RealiseEvent) => {
          if (event.kind === "warning") warnings.push(event.message);
        },
      };
      const [realised] = await realisePackages([wanted[0]!], context);
      expect(realised!.how).toBe("cache");
      expect(warnings).toEqual(["The binary cache broken was passed over: cannot be reached"]);
      expect(requireDerivation([place.home.store], realised!.derivation)).toMatchObject({ kind: "package" });
      expect((await realisePackages([wanted[0]!], context))[0]!.how).toBe("store");
    } finally {
      elsewhere.remove();
    }
  });

  test("an object that is gone or damaged although drv-out names it is made again", async () => {
    const index = testIndex([six]);
    const context = testContext(place, index);
    const [first] = await realisePackages([wanted[0]!], context);
    const root = place.home.store;
    const damages: (() => void)[] = [
      () => removeTree(treePath(root, first!.outputHash)),
      () => rmSync(indexPath(root, first!.outputHash)),
      () => {
        rmSync(indexPath(root, first!.outputHash));
        writeFileSync(indexPath(root, first!.outputHash), "DXPK and nonsense");
      },
      () => {
        removeTree(treePath(root, first!.outputHash));
        rmSync(indexPath(root, first!.outputHash));
      },
    ];
    for (const damage of damages) {
      damage();
      const [again] = await realisePackages([wanted[0]!], context);
      expect(again!.how).toBe("downloaded");
      expect(again!.outputHash).toBe(first!.outputHash);
      expect(existsSync(treePath(root, first!.outputHash))).toBe(true);
    }
    expect((await realisePackages([wanted[0]!], context))[0]!.how).toBe("store");
  });

  test("where the locked URL is gone, any index that has the name and hash serves", async () => {
    const index = testIndex([six], ["http://127.0.0.1:9/gone/six.whl"]);
    const moved = { ...wanted[0]!, wheel: { ...wanted[0]!.wheel!, url: "http://127.0.0.1:9/gone/six.whl" } };
    const context = testContext(place, index);
    const [realised] = await realisePackages([moved], context);
    const { fetch } = readDrvOutNotes(place.home.store, realised!.derivation)!.notes;
    expect(requireDerivation([place.home.store], fetch!)).toMatchObject({ url: urlOf(six) });
    const { url: _, ...unplaced } = wantedWheel(big, "big").wheel!;
    const nowhere = await realisePackages(
      [{ name: "big", wheel: unplaced, source: { kind: "index" } }],
      context,
    ).catch((error: Failure) => error);
    expect((nowhere as Failure).code).toBe("DXPY_NO_FILE");
  });

  test("through a real index: downloads, a file that moved, a wrong hash, offline", async () => {
    const server = startIndexServer({ files: [six, big] });
    const settings = {
      indexes: [{ url: server.url, default: true }],
      findLinks: [],
      noIndex: false,
      strategy: "first-index" as const,
      offline: false,
      refresh: false as const,
    };
    const index = createPackageIndex(settings, { home: place.home, env: {} });
    try {
      const context = testContext(place, index);
      const at = (file: MadeFile, name: string, path: string) => {
        const package_ = wantedWheel(file, name);
        return { ...package_, wheel: { ...package_.wheel!, url: `${server.origin}/${path}` } };
      };
      const page = await index.page("six");
      const url = page!.files(0)[0]!.url.slice(server.origin.length + 1);
      const realised = await realisePackages(
        [at(six, "six", url), at(big, "big", "moved/away.whl")],
        context,
      );
      expect(realised.map(({ how }) => how)).toEqual(["downloaded", "downloaded"]);
      // A server that does not answer is asked once; the next file of its is looked for on the index at once.
      const silent = [makeWheel({ name: "left" }), makeWheel({ name: "right" })];
      server.add(...silent);
      const far = silent.map((file, i) => {
        const package_ = wantedWheel(file, ["left", "right"][i]!);
        return { ...package_, wheel: { ...package_.wheel!, url: `http://127.0.0.1:1/${file.filename}` } };
      });
      for (const one of far) expect((await realisePackages([one], context))[0]!.how).toBe("downloaded");
      const wrong = at(makeWheel({ name: "six", version: "1.16.0", modules: { "six.py": "" } }), "six", url);
      wrong.wheel.size = six.bytes.length;
      const failure = await realisePackages([wrong], context).catch((error) => error);
      expect(failure.code).toBe("DXPY_HASH_MISMATCH");
      const offline = createPackageIndex({ ...settings, offline: true }, { home: place.home, env: {} });
      const other = at(makeWheel({ name: "other" }), "other", "files/other.whl");
      const missing = await realisePackages([other], testContext(place, offline)).catch((error) => error);
      expect(missing.code).toBe("DXPY_OFFLINE_MISSING");
      await offline.close();
    } finally {
      await index.close();
      await server.stop();
    }
  });

  test("one failure stops the rest, and leaves nothing half made", async () => {
    const wheels = Array.from({ length: 12 }, (_, i) => makeWheel({ name: `p${i}` }));
    const bad = { ...makeWheel({ name: "bad" }), bytes: new TextEncoder().encode("no zip at all") };
    const index = testIndex([...wheels, bad]);
    // A budget of one byte: one wheel at a time.
    const context = { ...testContext(place, index), memoryLimit: 1 };
    const all = [wantedWheel(bad, "bad"), ...wheels.map((wheel, i) => wantedWheel(wheel, `p${i}`))];
    all[0]!.wheel!.size = 10_000_000;
    const failure = (await realisePackages(all, context).catch((error) => error)) as Failure;
    expect(failure.code).toMatch(/^DXPY_BAD_/);
    expect(index.downloads).toHaveLength(1);
    const store = existsSync(place.home.store) ? readdirSync(place.home.store) : [];
    expect(store.filter((name) => name.length === 2)).toEqual([]);
    // What did come whole may stay; the next run makes the rest.
    const again = await realisePackages(all.slice(1), context);
    expect(again).toHaveLength(12);
  });

  test("a wheel of another project than the one that was wanted is refused", async () => {
    const failure = await realisePackages(
      [wantedWheel(six, "seven")],
      testContext(place, testIndex([six])),
    ).catch((e) => e);
    expect(failure.code).toBe("DXPY_BAD_WHEEL");
  });

  test("a wheel by path is read from there, and must be the one that was locked", async () => {
    writeFileSync(`${place.projectDir}/${six.filename}`, six.bytes);
    const context = testContext(place, testIndex([]));
    const hashes = wanted[0]!.wheel!.hashes;
    const archive = { name: "six", source: { kind: "archive" as const, path: six.filename, hashes } };
    const [realised] = await realisePackages([archive], context);
    expect(realised!.derivation).toBe(wanted[0]!.wheel!.buildHash);
    const other = {
      name: "six",
      source: { kind: "archive" as const, path: six.filename, hashes: { sha256: "0".repeat(64) } },
    };
    const failure = await realisePackages([other], context).catch((error) => error);
    expect(failure.code).toBe("DXPY_HASH_MISMATCH");
  });

  test("a wheel that is locked without SHA-256 is known by the one that it has", async () => {
    const context = testContext(place, testIndex([six]));
    const unhashed = { ...wanted[0]!, wheel: { ...wanted[0]!.wheel!, hashes: {}, buildHash: "" } };
    const [realised] = await realisePackages([unhashed], context);
    expect(realised!.derivation).toBe(wanted[0]!.wheel!.buildHash);
  });

  test("the same wheel wanted twice is fetched once", async () => {
    const index = testIndex([six]);
    const realised = await realisePackages([wanted[0]!, wanted[0]!], testContext(place, index));
    expect(realised.map(({ outputHash }) => outputHash)).toEqual([
      realised[0]!.outputHash,
      realised[0]!.outputHash,
    ]);
    expect(index.downloads).toHaveLength(1);
  });
});
