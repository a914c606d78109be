/**
 * Lookups in a `layouts.dxc` of 10 to 100,000 layouts: time, and the bytes that the answer depends on.
 * `node scripts/bun.mjs run bench/dxc.ts`
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dxcOf, findRecord } from "../src/layout/dxc.ts";
import { type LayoutRecord, UNKNOWN_STAMPS } from "../src/layout/dxc-format.ts";
import { encodeIndex, insertRecords } from "../src/layout/dxc-writer.ts";
import { lookupLayout, openDxc } from "../src/layout/open-dxc.ts";
import { homeFolders } from "../src/platform/home.ts";
import { bytesTouched, microseconds, printTable, readOnce } from "./table.ts";

const keyOf = (n: number) => new Uint8Array(new Bun.CryptoHasher("sha256").update(`layout ${n}`).digest());
const recordOf = (n: number): LayoutRecord => ({
  kind: "layout",
  key: keyOf(n),
  created: n,
  packages: n % 500,
  links: n % 900,
  stamps: { ...UNKNOWN_STAMPS, siteMtime: BigInt(n) },
  interpreterSize: 1n,
  interpreterMtimeNs: 2n,
  sitePackages: "lib/python3.12/site-packages",
  scripts: "bin",
});

const folder = mkdtempSync(join(tmpdir(), "dx-py-bench-dxc-"));
const rows = [["layouts", "file kB", "find µs", "absent µs", "open+find µs", "insert µs", "bytes"]];
try {
  for (const count of [10, 100, 1000, 10_000, 100_000]) {
    const home = homeFolders({ DX_PY_HOME: join(folder, String(count)) });
    mkdirSync(home.root, { recursive: true });
    const bytes = encodeIndex(Array.from({ length: count }, (_, i) => recordOf(i)));
    writeFileSync(home.layoutsIndex, bytes);
    readOnce(home.layoutsIndex);
    const keys = Array.from({ length: 64 }, (_, i) => keyOf((i * 7919) % count));
    const absent = Array.from({ length: 64 }, (_, i) => keyOf(count + i));
    const dxc = openDxc(home.layoutsIndex)!;
    const find = microseconds((i) => findRecord(dxc, keys[i & 63]!), 5000);
    const miss = microseconds((i) => findRecord(dxc, absent[i & 63]!), 5000);
    const whole = microseconds((i) => lookupLayout(home.layoutsIndex, keys[i & 63]!), 200);
    const touched = bytesTouched(bytes, () => findRecord(dxcOf(bytes, "p"), keys[7]!)?.kind);
    const start = performance.now();
    const inserts = 20;
    for (let i = 0; i < inserts; i += 1) await insertRecords(home, [recordOf(count + i)]);
    const insert = ((performance.now() - start) / inserts) * 1000;
    rows.push([
      count.toLocaleString("en-US"),
      (bytes.length / 1000).toFixed(0),
      find.toFixed(2),
      miss.toFixed(2),
      whole.toFixed(1),
      insert.toFixed(0),
      String(touched),
    ]);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
printTable(rows);
