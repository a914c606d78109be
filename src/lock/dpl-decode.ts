import { fail, type Region, region } from "./byte-cursor.ts";
import { ABSENT, E, ENTRY_SIZE, H, SLOT_SIZE } from "./dpl-layout.ts";
import { openDpl } from "./dpl-reader.ts";
import type { DplDigests } from "./dpl-writer.ts";
import type { Lock, LockedPackage } from "./lock-model.ts";

/**
 * The whole lock from a DPL, after every byte has been checked: each checksum, the digest of the content, the table of
 * names. Failure DXPY_DPL_… says what is wrong. `encodeDpl` of the result gives the same bytes.
 */
export function decodeDpl(bytes: Uint8Array, path?: string): { lock: Lock; digests: DplDigests } {
  const dpl = openDpl(bytes, path);
  const whole = region(bytes, "the file", path);
  const lockAt = whole.view.getUint32(H.lock, true);
  const digest = new Bun.CryptoHasher("sha256").update(bytes.subarray(lockAt)).digest();
  if (!digest.equals(dpl.digest)) fail(whole, "does not match its digest");

  checkBodies(whole, dpl.header.packages);
  const packages: LockedPackage[] = [];
  let runs = 0;
  let end = 0;
  for (const entry of dpl.entries()) {
    const previous = packages.at(-1);
    packages.push(entry.toLocked());
    if (previous !== undefined && entry.name < previous.name) fail(whole, "has entries out of order");
    if (previous?.name === entry.name) continue;
    runs += 1;
    const found = dpl.find(entry.name);
    if (found[0]?.index !== entry.index)
      fail(whole, `does not find ${JSON.stringify(entry.name)} by its name`);
    end = entry.index + found.length;
  }
  if (end !== dpl.header.packages) fail(whole, "has entries that no name leads to");
  checkSlots(bytes, runs, path);
  const { pylockSha256, inputs } = dpl.header;
  return { lock: { ...dpl.lock, packages }, digests: { pylockSha256, inputs } };
}

/** Bodies follow each other without gap: none is shared, so that what is made from a file is in proportion to it. */
function checkBodies(whole: Region, packages: number): void {
  const { view } = whole;
  const entriesAt = view.getUint32(H.entries, true);
  let end = 0;
  for (let i = 0; i < packages; i += 1) {
    const at = entriesAt + i * ENTRY_SIZE + E.body;
    if (view.getUint32(at, true) !== end) fail(whole, "places its bodies wrongly");
    end += view.getUint32(at + 4, true);
  }
  if (end !== view.getUint32(H.bodies + 4, true)) fail(whole, "places its bodies wrongly");
}

/** Slots that no name of the lock leads to would never be looked at otherwise. */
function checkSlots(bytes: Uint8Array, runs: number, path: string | undefined): void {
  const whole = region(bytes, "the table of names", path);
  const start = whole.view.getUint32(H.slots, true);
  const end = start + whole.view.getUint32(H.slots + 4, true);
  let used = 0;
  for (let at = start; at < end; at += SLOT_SIZE) {
    if (Bun.hash.crc32(bytes.subarray(at, at + 12)) !== whole.view.getUint32(at + 12, true)) {
      fail(whole, "does not match its checksum");
    }
    if (whole.view.getUint32(at + 4, true) !== ABSENT) used += 1;
  }
  if (used !== runs) fail(whole, "has slots that belong to no name");
}
