import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFreshDpl } from "../src/lock/dpl-freshness.ts";
import { openDpl } from "../src/lock/dpl-reader.ts";
import { encodeDpl } from "../src/lock/dpl-writer.ts";
import { writeLock } from "../src/lock/lock-files.ts";
import { formatPylock, parsePylock } from "../src/lock/pylock-file.ts";
import { largeLock } from "../src/lock/testing/arbitrary-lock.ts";
import { countingSource } from "../src/lock/testing/counting-source.ts";

/**
 * Lookups in DPLs of 10 to 10,000 packages: time and bytes touched for one package, and what the neighbours of a lookup
 * cost (the check of the warm path, the text). `node scripts/bun.mjs run bench/dpl.ts`
 */

const WHEELS = 8;
const ROUNDS = 15;

function median(act: () => unknown, rounds = ROUNDS): number {
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now();
    act();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[rounds >> 1]!;
}

const folder = mkdtempSync(join(tmpdir(), "dx-py-bench-dpl-"));
const rows: string[][] = [
  [
    "packages",
    "DPL kB",
    "text kB",
    "open+find µs",
    "find µs",
    "bytes",
    "from file ms",
    "fresh? ms",
    "parse text ms",
  ],
];
try {
  for (const packages of [10, 100, 1000, 10_000]) {
    const lock = largeLock(packages, WHEELS);
    const text = formatPylock(lock);
    const bytes = encodeDpl(lock, { pylockSha256: "0".repeat(64), inputs: [] });
    const names = lock.packages.map((entry) => entry.name);
    const name = names[7]!;
    const source = countingSource(bytes);
    openDpl(source).find(name)[0]?.toLocked();

    const repeats = 2000;
    const dpl = openDpl(bytes);
    const repeated = (act: (name: string) => unknown) =>
      (median(() => {
        for (let i = 0; i < repeats; i += 1) act(names[(i * 7919) % packages]!);
      }) /
        repeats) *
      1000;
    const openAndFind = repeated((each) => openDpl(bytes).find(each)[0]?.version);
    const find = repeated((each) => dpl.find(each)[0]?.version);

    writeFileSync(join(folder, "pyproject.toml"), "[project]\n");
    await writeLock(folder, lock, ["pyproject.toml"]);
    readOnce(join(folder, "dx-py.dpl"));
    const fromFile = median(() => {
      const opened = openDpl(join(folder, "dx-py.dpl"));
      opened.find(name);
      opened.close();
    });
    const fresh = median(() => openFreshDpl(folder)!.close());
    const parse = median(() => parsePylock(text), packages > 1000 ? 3 : ROUNDS);
    rows.push([
      String(packages),
      (bytes.length / 1000).toFixed(0),
      (text.length / 1000).toFixed(0),
      openAndFind.toFixed(2),
      find.toFixed(2),
      String(source.touched),
      fromFile.toFixed(3),
      fresh.toFixed(2),
      parse.toFixed(1),
    ]);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Reads the file once, so that every measurement finds it in the page cache. */
function readOnce(path: string): void {
  const file = openSync(path, "r");
  const buffer = new Uint8Array(1 << 16);
  while (readSync(file, buffer, 0, buffer.length, null) > 0);
  closeSync(file);
}

const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
for (const row of rows) console.log(row.map((cell, column) => cell.padStart(widths[column]!)).join("  "));
