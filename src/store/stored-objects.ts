/** The package objects that a store has, for people who ask by name: a name, `name==version`, a hash or its first digits. */
import { Failure } from "../platform/errors.ts";
import { normalizeName } from "../standards/names.ts";
import type { PackageObject } from "./package-object.ts";
import type { Store } from "./store.ts";

export interface StoredObject {
  /** Lower-case hex. */
  outputHash: string;
  /** Absent: its `.dxpkg` cannot be read, and `fault` says why. */
  object?: PackageObject;
  fault?: string;
}

/** Every object of every level, by name, version and hash; those that cannot be read come last. One small read each. */
export function storedObjects(store: Store): StoredObject[] {
  const found = store.list().map((outputHash): StoredObject => {
    try {
      return { outputHash, object: store.readPackageObject(outputHash) };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return { outputHash, fault: error.message };
    }
  });
  const key = ({ object, outputHash }: StoredObject) =>
    object === undefined
      ? `\uffff${outputHash}`
      : `${normalizeName(object.name)}\0${object.version}\0${outputHash}`;
  return found
    .map((one) => ({ one, key: key(one) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ one }) => one);
}

/**
 * The objects that `what` means: a name (all versions), `name==version`, a hash, or at least six of its first digits.
 * Failure `DXPY_NOT_IN_STORE`.
 */
export function objectsNamed(store: Store, what: string): StoredObject[] {
  const [name = "", version] = what.split("==");
  const wanted = normalizeName(name.trim());
  const matches = storedObjects(store).filter(
    ({ outputHash, object }) =>
      (/^[0-9a-f]{6,64}$/.test(what) && outputHash.startsWith(what)) ||
      (object !== undefined &&
        normalizeName(object.name) === wanted &&
        (version === undefined || object.version === version.trim())),
  );
  if (matches.length > 0) return matches;
  throw new Failure("DXPY_NOT_IN_STORE", `The store has no package ${JSON.stringify(what.slice(0, 100))}`, {
    hint: "`dx-py store ls` lists what it has. A hash needs at least its first six digits.",
  });
}

/** The same where exactly one is meant. Failure `DXPY_AMBIGUOUS_PACKAGE`. */
export function objectNamed(store: Store, what: string): StoredObject {
  const [first, ...others] = objectsNamed(store, what);
  if (first !== undefined && others.length === 0) return first;
  const list = [first, ...others].map((each) => `  ${labelOf(each as StoredObject)}`);
  throw new Failure("DXPY_AMBIGUOUS_PACKAGE", `${what} may be any of ${list.length} packages`, {
    context: { detail: list.slice(0, 20).join("\n") },
    hint: "Give the first digits of the one that is meant.",
    exitCode: 2,
  });
}

/** `numpy 2.0.1 1a2b3c4d5e6f` */
export function labelOf({ outputHash, object }: StoredObject): string {
  return `${object === undefined ? "(unreadable)" : `${object.name} ${object.version}`} ${outputHash.slice(0, 12)}`;
}
