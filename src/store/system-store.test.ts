import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  constants,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { makeWheel } from "../../test/make-wheel.ts";
import { type Home, homeFolders } from "../platform/home.ts";
import { removeTree } from "../platform/staging.ts";
import { readDrvOut, writeDrvOut } from "./drv-out.ts";
import { unpackWheel } from "./ingest.ts";
import { createSharer, type ShareWay } from "./share-object.ts";
import { openStore } from "./store.ts";
import {
  ensureSystemStore,
  isSystemHome,
  keepUses,
  noteUse,
  systemHome,
  systemStoreBelow,
  systemStorePath,
  usesOf,
} from "./system-store.ts";
import { mountImage, mountTmpfs } from "./testing/filesystems.ts";

const BUILD = "b".repeat(64);
let folder: string;
let system: Home;
const hashes: string[] = [];

async function fill(home: Home): Promise<string[]> {
  ensureSystemStore(home);
  const filled: string[] = [];
  for (const name of ["one", "two"]) {
    const { filename, bytes } = makeWheel({
      name,
      modules: { [`${name}/__init__.py`]: `${name} = 1\n`.repeat(500) },
    });
    filled.push((await unpackWheel({ bytes, filename, home })).outputHash);
  }
  writeDrvOut(home, BUILD, filled[0]!, { fetch: "f".repeat(64) });
  return filled;
}

function canReflink(where: string): boolean {
  writeFileSync(`${where}/one`, "x".repeat(10_000));
  try {
    copyFileSync(`${where}/one`, `${where}/other`, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  }
}

beforeAll(async () => {
  folder = mkdtempSync(`${tmpdir()}/dxpy-system-`);
  chmodSync(folder, 0o755);
  system = systemHome({ DX_PY_SYSTEM_STORE: `${folder}/system/store` });
  hashes.push(...(await fill(system)));
});
afterAll(() => removeTree(folder));

const userHome = (name: string) => homeFolders({ DX_PY_HOME: `${folder}/${name}` });
const sourceOf = (home: Home, hash: string) => `${openStore(home).objectPath(hash)}/lib/one/__init__.py`;

describe("V3 hardlinks between user and system store when filesystems match, a fallback when not", () => {
  test("V3 one filesystem, one owner: hardlinks, no byte more on the disk; removing the system's breaks nothing", async () => {
    const copy = systemHome({ DX_PY_SYSTEM_STORE: `${folder}/going/store` });
    const [one = "", two = ""] = await fill(copy);
    const home = userHome("linked");
    const sharer = createSharer({ home, system: copy.store, first: "auto" });
    expect([sharer.share(one, BUILD), sharer.share(two), sharer.share(one)]).toEqual([
      "hardlink",
      "hardlink",
      undefined,
    ]);
    expect(sharer).toMatchObject({ counts: { hardlink: 2, copy: 0 }, addedBytes: 0 });
    expect(statSync(sourceOf(home, one)).ino).toBe(statSync(sourceOf(copy, one)).ino);
    removeTree(copy.root);
    const store = openStore(home);
    for (const hash of [one, two]) expect((await store.verify(hash)).faults).toEqual([]);
    expect(readDrvOut(home, BUILD)).toBe(one);
  });

  test("V3 `reference`: used where it lies, and the system's roots say so", () => {
    const home = userHome("referring");
    mkdirSync(home.root);
    const sharer = createSharer({ home, system: system.store, first: "reference" });
    expect(sharer.share(hashes[0]!)).toBe("reference");
    expect(openStore(home).has(hashes[0]!)).toBe(false);
    expect(openStore(home, { system: system.store }).objectPath(hashes[0]!)).toStartWith(system.store);
    const use = usesOf(system.store).find((one) => one.home === home.root);
    expect([...(use?.hashes ?? [])]).toEqual([hashes[0]!]);
    keepUses(system.store, home, new Set());
    expect(usesOf(system.store).find((one) => one.home === home.root)?.hashes.size).toBe(0);
  });

  test("V3 `copy`: its own bytes, counted", async () => {
    const home = userHome("copying");
    const sharer = createSharer({ home, system: system.store, first: "copy" });
    expect(sharer.share(hashes[0]!)).toBe("copy");
    expect(sharer.addedBytes).toBe(openStore(home).readPackageObject(hashes[0]!).bytes);
    expect((await openStore(home).verify(hashes[0]!)).faults).toEqual([]);
  });

  const tmpfs = mountTmpfs(64);
  afterAll(() => tmpfs?.remove());
  test.skipIf(tmpfs === undefined)("V3 another filesystem (tmpfs): used in place; by wish copied", () => {
    for (const [first, way] of [
      ["auto", "reference"],
      ["copy", "copy"],
    ] as const) {
      const home = homeFolders({ DX_PY_HOME: `${tmpfs!.path}/${first}` });
      mkdirSync(home.root);
      const sharer = createSharer({ home, system: system.store, first });
      expect(sharer.share(hashes[0]!)).toBe(way);
      if (first === "auto") expect(sharer.reasons.get("hardlink")).toBe("EXDEV");
    }
  });

  const hardlinksProtected = protectedHardlinks();
  const root = process.getuid?.() === 0;
  test.skipIf(!root || !hardlinksProtected)(
    "V3 two users, `fs.protected_hardlinks`: the second uses it in place, adds nothing, cannot write to it; without roots it copies",
    () => {
      const readable = Bun.spawnSync([
        "setpriv",
        "--reuid=12346",
        "--regid=12346",
        "--clear-groups",
        "test",
        "-r",
        import.meta.path,
      ]);
      if (!readable.success)
        throw new Error("the sources cannot be read by another user: check their permissions");
      const as = (name: string): { ways: ShareWay[]; [key: string]: unknown } => {
        const home = `${folder}/${name}`;
        mkdirSync(home, { recursive: true });
        Bun.spawnSync(["chown", "12346:12346", home]);
        const script = `${import.meta.dir}/testing/share-as.ts`;
        const done = Bun.spawnSync(
          [
            "setpriv",
            "--reuid=12346",
            "--regid=12346",
            "--clear-groups",
            process.execPath,
            "run",
            script,
            system.store,
            home,
            "auto",
            ...hashes,
          ],
          { env: { PATH: process.env["PATH"], HOME: home, BUN_INSTALL: home, TMPDIR: home } },
        );
        if (!done.success) throw new Error(done.stderr.toString());
        return JSON.parse(done.stdout.toString());
      };
      if (canReflink(folder)) {
        // Extents that are shared cost nothing, and are each user's own.
        const own = { ways: ["reflink", "reflink"], added: 0, faults: [], writable: true };
        expect(as("second")).toMatchObject({ ...own, reasons: [["hardlink", "EPERM"]] });
        return;
      }
      expect(as("second")).toMatchObject({
        ways: ["reference", "reference"],
        added: 0,
        faults: [],
        writable: false,
        reasons: [
          ["hardlink", "EPERM"],
          ["reflink", "EOPNOTSUPP"],
        ],
      });
      expect(usesOf(system.store).find((one) => one.home === `${folder}/second`)?.hashes.size).toBe(2);
      chmodSync(`${system.store}/roots`, 0o755);
      try {
        expect(as("third")).toMatchObject({ ways: ["copy", "copy"], faults: [], writable: true });
      } finally {
        chmodSync(`${system.store}/roots`, 0o1777);
      }
    },
  );

  const ext4 = mountImage("ext4", 96);
  afterAll(() => ext4?.remove());
  test.skipIf(ext4 === undefined)(
    "V3 EMLINK: a file with as many names as it can have is copied, the others are linked",
    async () => {
      const there = systemHome({ DX_PY_SYSTEM_STORE: `${ext4!.path}/system/store` });
      const [one = ""] = await fill(there);
      const full = sourceOf(there, one);
      const names = `${ext4!.path}/names`;
      mkdirSync(names);
      for (let i = 0; ; i += 1) {
        try {
          linkSync(full, `${names}/${i}`);
        } catch (error) {
          expect((error as { code?: string }).code).toBe("EMLINK");
          break;
        }
      }
      const home = homeFolders({ DX_PY_HOME: `${ext4!.path}/user` });
      const sharer = createSharer({ home, system: there.store, first: "auto" });
      expect(sharer.share(one)).toBe("hardlink");
      expect(sharer.addedBytes).toBe(statSync(full).size);
      expect(statSync(sourceOf(home, one)).nlink).toBe(1);
      expect((await openStore(home).verify(one)).faults).toEqual([]);
    },
  );

  describe.each([
    ["btrfs", 256],
    ["xfs", 320],
  ] as const)("on %s", (kind, megabytes) => {
    const sharing = mountImage(kind, megabytes);
    afterAll(() => sharing?.remove());
    test.skipIf(sharing === undefined)("V3 `reflink`: shared extents, and files of one's own", async () => {
      const there = systemHome({ DX_PY_SYSTEM_STORE: `${sharing!.path}/system/store` });
      const [one = ""] = await fill(there);
      const home = homeFolders({ DX_PY_HOME: `${sharing!.path}/user` });
      const sharer = createSharer({ home, system: there.store, first: "reflink" });
      expect([sharer.share(one), sharer.addedBytes]).toEqual(["reflink", 0]);
      expect((await openStore(home).verify(one)).faults).toEqual([]);
      const [theirs, ours] = [sourceOf(there, one), sourceOf(home, one)];
      expect(statSync(ours).ino).not.toBe(statSync(theirs).ino);
      const extents = Bun.spawnSync(["filefrag", "-v", ours]).stdout.toString();
      // What is small enough lies in the inode itself, and has nothing to share.
      if (!extents.includes("inline")) expect(extents).toContain("shared");
      const before = readFileSync(theirs);
      chmodSync(ours, 0o644);
      writeFileSync(ours, "changed");
      expect(readFileSync(theirs)).toEqual(before);
    });
  });
});

test("where the system's store is, and whose", () => {
  expect(systemStorePath({})).toBe("/var/lib/dx-py/store");
  expect(systemHome({})).toMatchObject({ root: "/var/lib/dx-py", tmp: "/var/lib/dx-py/tmp" });
  const env = { DX_PY_SYSTEM_STORE: `${system.store}/` };
  expect(systemStoreBelow({ store: "/elsewhere" }, env)).toBe(system.store);
  expect(systemStoreBelow(system, env)).toBeUndefined();
  expect(systemStoreBelow({ store: "/elsewhere" }, { DX_PY_SYSTEM_STORE: `${folder}/none` })).toBeUndefined();
  expect(isSystemHome(system, env)).toBe(true);
});

test("records of uses: only plain files with hashes count, and only of homes that are there", () => {
  const roots = `${system.store}/roots`;
  const made = ["1-link", "1-pipe", "1-junk", "1-large", "1-gone"].map((name) => `${roots}/${name}`);
  const [link = "", pipe = "", junk = "", large = "", gone = ""] = made;
  try {
    symlinkSync("/etc/passwd", link);
    Bun.spawnSync(["mkfifo", pipe]);
    writeFileSync(junk, `${folder}\n${"a".repeat(64)}\n../../etc\n${"A".repeat(64)}\n`);
    writeFileSync(large, `${folder}/system\n${`${"c".repeat(64)}\n`.repeat(200_000)}`);
    writeFileSync(gone, `${folder}/never\n${"d".repeat(64)}\n`);
    const uses = usesOf(system.store);
    expect([...uses.find(({ home }) => home === folder)!.hashes]).toEqual(["a".repeat(64)]);
    const all = uses.flatMap(({ hashes: one }) => [...one]);
    expect(all).not.toContain("c".repeat(64));
    expect(all).not.toContain("d".repeat(64));
  } finally {
    for (const path of made) rmSync(path, { force: true });
  }
});

test("many processes of one home note their uses at once", () => {
  const home = userHome("busy");
  mkdirSync(home.root);
  const many = Array.from({ length: 200 }, (_, i) => i.toString(16).padStart(64, "0"));
  for (const hash of [...many, ...many]) expect(noteUse(system.store, home, hash)).toBe(true);
  expect(usesOf(system.store).find((one) => one.home === home.root)?.hashes.size).toBe(200);
});

function protectedHardlinks(): boolean {
  try {
    return readFileSync("/proc/sys/fs/protected_hardlinks", "utf8").trim() === "1";
  } catch {
    return false;
  }
}
