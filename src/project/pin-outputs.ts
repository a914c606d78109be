/**
 * Pinning: a lock that says what its packages come to vouches for them, so that a binary cache needs nobody's signature to give
 * them. Pins are written when asked for, of what is in the stores, and go on for as long as what they were made from does.
 */
import { selectPackages } from "../environment/select.ts";
import { readLock, writeLock } from "../lock/lock-files.ts";
import type { Lock, LockedPackage } from "../lock/lock-model.ts";
import { wheelBuildHash } from "../lock/package-identity.ts";
import { type AskedPackage, askFor } from "../realise/asked-package.ts";
import { readDrvOut } from "../store/drv-out.ts";
import type { Store } from "../store/store.ts";
import { type ReadyOptions, withReadyProject } from "./ready-project.ts";

export interface PinOutcome {
  /** Outputs that the lock pins now. */
  pinned: number;
  /** Of those, pinned now and not before, or otherwise. */
  fresh: number;
  /** Names of packages of this machine's environment of which the stores have no output. */
  missing: string[];
}

/** Failures: as of `withReadyProject`. The lock is up to date. */
export async function pinOutputs(options: ReadyOptions, write: boolean): Promise<PinOutcome> {
  const { root } = options.project;
  const { asked, store } = await withReadyProject(options, undefined, async (ready) => {
    const wanted = selectPackages(ready.dpl, ready.interpreter, ready.selection, ready.selectOptions);
    const { realising } = ready;
    return { asked: wanted.map((one) => askFor(one, realising)), store: realising.store };
  });
  const read = (await readLock(root))!;
  const { lock, dpl } = read;
  const { inputs } = dpl.header;
  dpl.close();
  const built = Map.groupBy(asked.filter(isPinnable), ({ name }) => name);
  let pinned = 0;
  let fresh = 0;
  const packages = lock.packages.map((entry): LockedPackage => {
    const hashes = [
      ...entry.wheels.flatMap((wheel) => wheelBuildHash(wheel) ?? []),
      // Of several versions of a name, this environment has one: that of whose source it is.
      ...(built.get(entry.name) ?? []).filter((one) => one.version === entry.version).map(({ hash }) => hash),
    ];
    const found = hashes.flatMap((hash) => {
      const output = outputIn(store, hash);
      return output === undefined ? [] : [[hash, output] as const];
    });
    const outputs = { ...entry.outputs, ...Object.fromEntries(found) };
    pinned += Object.keys(outputs).length;
    fresh += found.filter(([hash, output]) => entry.outputs?.[hash] !== output).length;
    return Object.keys(outputs).length === 0 ? entry : { ...entry, outputs };
  });
  if (write && fresh > 0) await writeLock(root, { ...lock, packages }, inputs);
  const missing = asked
    .filter((one) => one.kind === "wheel" || isPinnable(one))
    .filter(({ hash }) => outputIn(store, hash) === undefined)
    .map(({ name }) => name);
  return { pinned, fresh, missing };
}

/** A folder is another source tomorrow. */
function isPinnable(asked: AskedPackage): boolean {
  return asked.kind === "build" && asked.source.kind !== "directory" && asked.hash !== "";
}

function outputIn(store: Store, buildHash: string): string | undefined {
  if (buildHash === "") return undefined;
  for (const level of store.levels) {
    const output = readDrvOut(level, buildHash);
    if (output !== undefined) return output;
  }
  return undefined;
}

/** The lock with those pins of the one before whose wheels and sources it has still; itself where there are none. */
export function withPinsOf(before: Lock | undefined, lock: Lock): Lock {
  const pins = Map.groupBy(
    before?.packages.filter(({ outputs }) => outputs !== undefined) ?? [],
    ({ name }) => name,
  );
  if (pins.size === 0) return lock;
  const packages = lock.packages.map((entry) => {
    const outputs = Object.fromEntries(
      (pins.get(entry.name) ?? []).flatMap((old) => pinsThatHold(old, entry)),
    );
    return Object.keys(outputs).length === 0 ? entry : { ...entry, outputs };
  });
  return { ...lock, packages };
}

function pinsThatHold(old: LockedPackage, entry: LockedPackage): [string, string][] {
  const hashesOf = ({ wheels }: LockedPackage) =>
    new Set(wheels.flatMap((wheel) => wheelBuildHash(wheel) ?? []));
  const [were, are] = [hashesOf(old), hashesOf(entry)];
  // What is no wheel's was built, from the sdist or from the source itself.
  const sameSource =
    old.version === entry.version &&
    Bun.deepEquals(old.source, entry.source) &&
    Bun.deepEquals(old.sdist?.hashes, entry.sdist?.hashes);
  return Object.entries(old.outputs ?? {}).filter(([build]) =>
    were.has(build) ? are.has(build) : sameSource,
  );
}
