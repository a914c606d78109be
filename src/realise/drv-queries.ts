import { Failure } from "../platform/errors.ts";
import type { Home } from "../platform/home.ts";
import { namesIn } from "../platform/names-in.ts";
import { normalizeName } from "../standards/names.ts";
import { readDrvOutNotes } from "../store/drv-out.ts";
import type { Store } from "../store/store.ts";
import { logPath } from "./build/build-log.ts";
import type { Derivation } from "./derivation.ts";
import { isHash, listDerivations, listOutputs, readDerivation, requireDerivation } from "./drv-store.ts";

export interface ShownDerivation {
  buildHash: string;
  derivation: Derivation;
  /** Absent: not realised here, or a kind that has none. */
  output?: string;
  /** Lines of `drv-out` after the first: `fetch`, `build`, `substituted`. */
  notes: Readonly<Record<string, string>>;
  /** Whether the output is in the store. */
  present: boolean;
  /** Absolute path, for what was built. */
  log?: string;
}

/**
 * The derivations that `what` means: a build hash, an output hash, a hash's first digits (six or more), or a project's name.
 * Failure DXPY_NO_DERIVATION when there is none.
 */
export function showDerivation(what: string, store: Store): ShownDerivation[] {
  const found = buildHashesFor(what, store).map((hash) => shown(hash, store));
  if (found.length > 0) return found;
  throw new Failure(
    "DXPY_NO_DERIVATION",
    `Nothing in the store has to do with ${JSON.stringify(what.slice(0, 100))}`,
    {
      hint: "Give the name of an installed package, or a build hash or output hash.",
    },
  );
}

export interface DerivationTree extends ShownDerivation {
  /** What the output was made from: fetches, builds, build requirements, packages. Ends where it comes to a source. */
  inputs: readonly DerivationTree[];
  /** Shown elsewhere in the tree, with its inputs. */
  repeated?: true;
}

/** The whole graph below a derivation, as a tree in which what occurs again is only named. */
export function derivationTree(buildHash: string, store: Store): DerivationTree {
  const seen = new Set<string>();
  const producers = producersByOutput(store);
  const grow = (hash: string): DerivationTree => {
    const own = shown(hash, store);
    if (seen.has(hash)) return { ...own, inputs: [], repeated: true };
    seen.add(hash);
    const known = inputsOf(own, producers).filter(
      (input) => readDerivation(store.levels, input) !== undefined,
    );
    return { ...own, inputs: known.map(grow) };
  };
  return grow(buildHash);
}

/** Build hashes of the direct inputs. */
export function inputsOf(
  { derivation, notes }: Pick<ShownDerivation, "derivation" | "notes">,
  producers: ReadonlyMap<string, readonly string[]>,
): string[] {
  const producer = (output: string) => producers.get(output)?.[0];
  const { fetch, build } = notes;
  switch (derivation.kind) {
    case "fetch":
      return [];
    case "package":
      // The build has the fetch of its source among its own inputs.
      return [build ?? fetch].filter((hash) => hash !== undefined);
    case "build": {
      const requires = derivation.requires.map((one) => one.derivation ?? producer(one.output));
      return [derivation.movedFrom, fetch, ...requires].filter((hash) => hash !== undefined);
    }
    case "layout": {
      const packages = derivation.packages.map((one) => (typeof one === "string" ? one : one.output));
      const editables = derivation.editables.map(({ output }) => output);
      return [...packages, ...editables].map(producer).filter((hash) => hash !== undefined);
    }
    case "env":
      return [derivation.layout];
  }
}

/** `package` derivations by the output that they produced, in all levels. */
export function producersByOutput(store: Store): Map<string, string[]> {
  const producers = new Map<string, string[]>();
  for (const level of store.levels) {
    for (const hash of listOutputs(level)) {
      const output = readDrvOutNotes(level, hash)?.outputHash;
      if (output === undefined || readDerivation(store.levels, hash)?.kind !== "package") continue;
      const known = producers.get(output) ?? [];
      if (!known.includes(hash)) producers.set(output, [...known, hash]);
    }
  }
  return producers;
}

export interface Holder {
  /** `layout`: a prefix that links to it; `build`: something built with it; `env`: a project's environment. */
  kind: "layout" | "build" | "env";
  buildHash: string;
  /** The project's folder, or the name and version of what was built. */
  what?: string;
  /** For a layout: whether its prefix is there. */
  present?: boolean;
}

/** What refers to a package object: layouts, the projects that had them attached, builds that used it. */
export function whoHolds(outputHash: string, store: Store, home: Home): Holder[] {
  const holders: Holder[] = [];
  const layouts = new Set(namesIn(home.layouts));
  const all = store.levels.flatMap((level) =>
    listDerivations(level).flatMap((hash) => {
      const derivation = readDerivation([level], hash);
      return derivation === undefined ? [] : [{ hash, derivation }];
    }),
  );
  const holding = new Set<string>();
  for (const { hash, derivation } of all) {
    if (derivation.kind === "layout") {
      const outputs = [...derivation.packages, ...derivation.editables].map((one) =>
        typeof one === "string" ? one : one.output,
      );
      if (!outputs.includes(outputHash)) continue;
      holding.add(hash);
      holders.push({ kind: "layout", buildHash: hash, present: layouts.has(hash) });
    } else if (derivation.kind === "build") {
      if (!derivation.requires.some(({ output }) => output === outputHash)) continue;
      holders.push({ kind: "build", buildHash: hash, what: `${derivation.name} ${derivation.version}` });
    }
  }
  for (const { hash, derivation } of all) {
    if (derivation.kind === "env" && holding.has(derivation.layout)) {
      holders.push({ kind: "env", buildHash: hash, what: derivation.project });
    }
  }
  return holders;
}

function buildHashesFor(what: string, store: Store): string[] {
  if (isHash(what) && readDerivation(store.levels, what) !== undefined) return [what];
  const producers = producersByOutput(store);
  if (isHash(what)) return producers.get(what) ?? [];
  if (/^[0-9a-f]{6,63}$/.test(what)) {
    const hashes = new Set(store.levels.flatMap(listDerivations));
    const outputs = [...producers].filter(([output]) => output.startsWith(what)).flatMap(([, from]) => from);
    const found = [...hashes].filter((hash) => hash.startsWith(what));
    if (found.length + outputs.length > 0) return [...new Set([...found, ...outputs])].sort();
  }
  const name = normalizeName(what);
  return [...producers]
    .filter(([output]) => nameOf(output, store) === name)
    .flatMap(([, from]) => from)
    .sort();
}

/** Normalised; `undefined` for an object that is missing or damaged. */
function nameOf(outputHash: string, store: Store): string | undefined {
  try {
    const object = store.findPackageObject(outputHash);
    return object === undefined ? undefined : normalizeName(object.name);
  } catch {
    return undefined;
  }
}

function shown(buildHash: string, store: Store): ShownDerivation {
  const derivation = requireDerivation(store.levels, buildHash);
  const out = store.levels.map((level) => readDrvOutNotes(level, buildHash)).find((one) => one !== undefined);
  // The backend ran for the checkout that it was taken from.
  const ran = derivation.kind === "build" ? (derivation.movedFrom ?? buildHash) : buildHash;
  const built = derivation.kind === "build" || (derivation.kind === "package" && "build" in derivation);
  return {
    buildHash,
    derivation,
    ...(out === undefined ? {} : { output: out.outputHash }),
    notes: { ...out?.notes },
    present: out !== undefined && store.has(out.outputHash),
    ...(built ? { log: logPath(store.root, ran) } : {}),
  };
}
