/**
 * Reading files of the store without a copy, from the tree and from the packed form: what stays resident in memory while
 * more and more is mapped, and what a read costs. Anonymous memory is what a copy would be in; file pages belong to the
 * page cache, which may drop them. `node scripts/bun.mjs run bench/store-read.ts [MEGABYTES]`
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadBulkBlake3 } from "../src/platform/blake3.ts";
import { homeFolders } from "../src/platform/home.ts";
import { createStaging, removeTree } from "../src/platform/staging.ts";
import { encodeManifest } from "../src/store/manifest.ts";
import { packObject } from "../src/store/pack.ts";
import { placeObject } from "../src/store/place-object.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { indexPath } from "../src/store/store-level.ts";
import { PLAIN_OBJECT } from "../src/store/testing/plain-object.ts";
import { createTreeWriter } from "../src/store/tree-writer.ts";
import { microseconds, printTable } from "./table.ts";

const megabytes = Number(process.argv[2] ?? 512);
const FILES = 64;
const size = Math.floor((megabytes * 2 ** 20) / FILES);
const folder = mkdtempSync(join(tmpdir(), "dx-py-bench-store-"));
const rows = [["form", "read", "mapped MB", "anonymous MB", "file pages MB"]];
try {
  const [tree, packed] = [await makeStore("tree"), await makeStore("packed")];
  packInPlace(packed.store, packed.hash);
  for (const [form, { store, hash, paths }] of [
    ["tree", tree],
    ["packed", packed],
  ] as const) {
    const stored = store.open(hash);
    const slices: Uint8Array[] = [];
    for (const [i, path] of paths.entries()) {
      slices.push(stored.file(path));
      if ((i + 1) % (FILES / 4) === 0) note(form, "not yet", slices);
    }
    let sum = 0;
    for (const slice of slices) for (let at = 0; at < slice.length; at += 4096) sum += slice[at] as number;
    note(form, "every page", slices);
    stored.close();
    note(form, "closed", []);
    if (sum < 0) console.log(sum);
  }
  const copies = tree.paths.map(
    (path) => new Uint8Array(readFileSync(`${tree.store.objectPath(tree.hash)}/${path}`)),
  );
  note("copies", "readFileSync", copies);
  printTable(rows);

  console.log();
  const times = [["form", "open µs", "file µs", "file again µs"]];
  for (const [form, { store, hash, paths }] of [
    ["tree", tree],
    ["packed", packed],
  ] as const) {
    const open = microseconds(() => store.open(hash).close(), 200);
    const first = microseconds(() => {
      const stored = store.open(hash);
      for (const path of paths) stored.file(path);
      stored.close();
    }, 5);
    const stored = store.open(hash);
    const again = microseconds((i) => stored.file(paths[i % FILES]!), 2000);
    stored.close();
    times.push([form, open.toFixed(1), ((first - open) / FILES).toFixed(1), again.toFixed(2)]);
  }
  printTable(times);
} finally {
  removeTree(folder);
}

function note(form: string, read: string, slices: readonly Uint8Array[]): void {
  Bun.gc(true);
  const status = readFileSync("/proc/self/status", "utf8");
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  const mapped = slices.reduce((total, slice) => total + slice.length, 0) / 1e6;
  rows.push([
    form,
    read,
    mapped.toFixed(0),
    (kilobytes("RssAnon") / 1000).toFixed(0),
    ((kilobytes("RssFile") + kilobytes("RssShmem")) / 1000).toFixed(0),
  ]);
}

async function makeStore(name: string): Promise<{ store: Store; hash: string; paths: string[] }> {
  const home = homeFolders({ DX_PY_HOME: join(folder, name) });
  const store = openStore(home);
  const blake3 = await loadBulkBlake3();
  const staging = createStaging(home);
  const root = `${staging}/tree`;
  mkdirSync(root);
  const writer = createTreeWriter(root, blake3);
  const content = new Uint8Array(size);
  const paths = Array.from({ length: FILES }, (_, i) => `lib/big/part_${String(i).padStart(2, "0")}.bin`);
  for (const [i, path] of paths.entries()) {
    for (let at = 0; at < size; at += 8) content[at] = (at + i) & 255;
    writer.add(path, false, size, (sink) => sink(content));
  }
  for (const [name, text] of Object.entries({
    METADATA: "Metadata-Version: 2.1\nName: big\nVersion: 1\n",
    RECORD: "",
    WHEEL: "",
  }))
    writer.add(`lib/big-1.dist-info/${name}`, false, text.length, (sink) =>
      sink(new TextEncoder().encode(text)),
    );
  const manifest = encodeManifest(writer.entries);
  const outputHash = blake3.hash(manifest.bytes).toHex();
  placeObject(
    home.store,
    staging,
    root,
    {
      outputHash,
      name: "big",
      version: "1",
      distInfo: "big-1.dist-info",
      ...PLAIN_OBJECT,
      topLevel: [
        { name: "big", isDirectory: true, namespace: true },
        { name: "big-1.dist-info", isDirectory: true, namespace: true },
      ],
      files: FILES,
      bytes: size * FILES,
    },
    manifest,
  );
  removeTree(staging);
  return { store, hash: outputHash, paths };
}

/** The packed form in place of the plain one, and the tree gone. */
function packInPlace(store: Store, hash: string): void {
  const path = indexPath(store.root, hash);
  packObject(store, hash, `${path}.packed`);
  const tree = store.objectPath(hash);
  chmodSync(path, 0o644);
  rmSync(path);
  Bun.spawnSync(["mv", `${path}.packed`, path]);
  removeTree(tree);
}
