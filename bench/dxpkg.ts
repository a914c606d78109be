/**
 * Lookups in a `.dxpkg` of 10 to 50,000 files: time, and the bytes that the answer depends on.
 * `node scripts/bun.mjs run bench/dxpkg.ts`
 */
import { blake3Hex, loadBulkBlake3 } from "../src/platform/blake3.ts";
import { findFile, readHeader, readManifest, readMetadata } from "../src/store/dxpkg-reader.ts";
import { encodePackage } from "../src/store/dxpkg-writer.ts";
import { encodeManifest, type ManifestEntry } from "../src/store/manifest.ts";
import { PLAIN_OBJECT } from "../src/store/testing/plain-object.ts";
import { bytesTouched, median, microseconds, printTable } from "./table.ts";

const blake3 = await loadBulkBlake3();
const rows = [
  ["files", "file kB", "write ms", "find µs", "absent µs", "header µs", "whole manifest ms", "bytes"],
];
for (const count of [10, 100, 1000, 10_000, 50_000]) {
  const list = Array.from(
    { length: count },
    (_, i): ManifestEntry => ({
      path: `lib/package/sub_${i % 40}/module_${String(i).padStart(6, "0")}.py`,
      executable: false,
      size: i,
      blake3: new Uint8Array(32).fill(i & 255),
    }),
  );
  const manifest = encodeManifest(list);
  const outputHash = count > 1000 ? blake3.hash(manifest.bytes).toHex() : blake3Hex(manifest.bytes);
  const object = {
    outputHash,
    name: "package",
    version: "1",
    distInfo: "package-1.dist-info",
    ...PLAIN_OBJECT,
    topLevel: [{ name: "package", isDirectory: true, namespace: false }],
    files: count,
    bytes: 0,
  };
  const writes: number[] = [];
  let bytes = new Uint8Array();
  for (let i = 0; i < 5; i += 1) {
    const start = performance.now();
    bytes = new Uint8Array(encodePackage(object, manifest, false).bytes);
    writes.push(performance.now() - start);
  }
  const header = readHeader(bytes, bytes.length, "p");
  const paths = Array.from({ length: 64 }, (_, i) => list[(i * 7919) % count]!.path);
  const find = microseconds((i) => findFile(bytes, header, paths[i & 63]!, "p"), 5000);
  const absent = microseconds((i) => findFile(bytes, header, `lib/absent_${i & 63}`, "p"), 5000);
  const open = microseconds(() => readMetadata(bytes, readHeader(bytes, bytes.length, "p"), "p"), 500);
  const whole = microseconds(() => readManifest(bytes, header, "p"), 1, 5) / 1000;
  const touched = bytesTouched(bytes, () => findFile(bytes, header, paths[7]!, "p")?.size);
  rows.push([
    count.toLocaleString("en-US"),
    (bytes.length / 1000).toFixed(0),
    median(writes).toFixed(1),
    find.toFixed(2),
    absent.toFixed(2),
    open.toFixed(1),
    whole.toFixed(1),
    String(touched),
  ]);
}
printTable(rows);
