/**
 * Which derivation a person means by a word: a hash, a path (of a project, an environment, a file in one, the store), the name of a
 * package, or of a module that is imported. In a project, its own environment is asked before the rest of the store.
 */
import { existsSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import { type LayoutDescription, readDescription } from "../layout/layout-description.ts";
import { Failure } from "../platform/errors.ts";
import type { Home } from "../platform/home.ts";
import { readLink } from "../platform/links.ts";
import type { EnvDerivation } from "../realise/derivation.ts";
import { type ShownDerivation, showDerivation } from "../realise/drv-queries.ts";
import { listDerivations, readDerivation, writeDerivation } from "../realise/drv-store.ts";
import { normalizeName } from "../standards/names.ts";
import type { PackageObject } from "../store/package-object.ts";
import type { Store } from "../store/store.ts";
import { storedObjects } from "../store/stored-objects.ts";
import type { Generation } from "./root-record.ts";
import { readRoot } from "./roots.ts";

export interface NamingContext {
  home: Home;
  store: Store;
  /** Absolute: where the command was started. */
  cwd: string;
  /** Absolute folder of the project around it, where there is one. */
  projectDir?: string;
}

/** Failures DXPY_NO_DERIVATION, DXPY_BAD_DERIVATION. */
export function derivationsNamed(what: string, context: NamingContext): ShownDerivation[] {
  const { store } = context;
  if (looksLikePath(what, context.cwd)) return ofPath(what, context);
  const layout = context.projectDir === undefined ? undefined : layoutOf(context.projectDir);
  const own = layout === undefined ? [] : outputsIn(layout, what, store);
  if (own.length > 0) return own.flatMap((output) => showDerivation(output, store));
  try {
    return showDerivation(what, store);
  } catch (error) {
    const modules = modulesNamed(what, store);
    if (modules.length === 0) throw error;
    return modules.flatMap((output) => showDerivation(output, store));
  }
}

/** The one that is meant where one is wanted: several for one output are as good as one. Failure DXPY_AMBIGUOUS_PACKAGE. */
export function derivationNamed(what: string, context: NamingContext): ShownDerivation {
  const found = derivationsNamed(what, context);
  const [first, ...others] = found;
  if (others.length === 0) return first!;
  const outputs = new Set(found.map(({ output }) => output));
  // Several requests for one thing (a wheel under two names, a folder before and after): any of them tells.
  if (outputs.size === 1) return first!;
  throw new Failure("DXPY_AMBIGUOUS_PACKAGE", `${what} may be any of ${found.length} derivations`, {
    context: {
      detail: found
        .slice(0, 20)
        .map(
          ({ buildHash, output }) => `  ${buildHash.slice(0, 12)}  ${labelOfOutput(output, context.store)}`,
        )
        .join("\n"),
    },
    hint: "Give the first digits of the one that is meant.",
    exitCode: 2,
  });
}

export function labelOfOutput(output: string | undefined, store: Store): string {
  if (output === undefined) return "not realised";
  try {
    const object = store.findPackageObject(output);
    return object === undefined ? output.slice(0, 12) : `${object.name} ${object.version}`;
  } catch {
    return output.slice(0, 12);
  }
}

function looksLikePath(what: string, cwd: string): boolean {
  return (
    /[/\\]/.test(what) ||
    /^\.{1,2}$|^\.venv$/.test(what) ||
    (what.includes(".") && existsSync(`${cwd}/${what}`))
  );
}

function ofPath(what: string, context: NamingContext): ShownDerivation[] {
  const { home, store, cwd } = context;
  const given = resolve(cwd, what);
  const missing = (cause?: unknown) =>
    new Failure("DXPY_NO_DERIVATION", `Nothing in the store has to do with ${what}`, {
      context: { path: given },
      hint: "Give a project's folder, its `.venv`, a file of an installed package, or a name.",
      ...(cause === undefined ? {} : { cause }),
    });
  // The environment is asked before its link is followed: it is the project's, the layout everybody's.
  const project = given.endsWith("/.venv") ? given.slice(0, -"/.venv".length) : given;
  const environment = environmentOf(project, context);
  if (environment !== undefined) return showDerivation(environment, store);
  let real: string;
  try {
    real = realpathSync(given);
  } catch (cause) {
    throw missing(cause);
  }
  const found = [home.store, ...store.levels].map((level) =>
    /^\/..\/..\/([0-9a-f]{64})/.exec(below(real, level)),
  );
  const output = found.find((match) => match !== null)?.[1];
  if (output !== undefined) return showDerivation(output, store);
  const [, hash, rest = ""] = /^\/([0-9a-f]{64})(\/.*)?$/.exec(below(real, realpath(home.layouts))) ?? [];
  if (hash === undefined) throw missing();
  const description = readDescription(`${home.layouts}/${hash}`);
  // A file of the layout's own: `.dist-info` is written for each layout.
  const distInfo = /\/([^/]+)\.dist-info(\/|$)/.exec(rest)?.[1];
  const owner = description?.packages.find(
    ({ name, version }) => distInfo !== undefined && sameStem(distInfo, name, version),
  );
  return owner === undefined ? showDerivation(hash, store) : showDerivation(owner.outputHash, store);
}

function sameStem(stem: string, name: string, version: string): boolean {
  const at = stem.lastIndexOf("-");
  return normalizeName(stem.slice(0, at)) === normalizeName(name) && stem.slice(at + 1) === version;
}

function below(path: string, folder: string): string {
  const real = realpath(folder);
  return path.startsWith(`${real}/`) ? path.slice(real.length) : "";
}

function realpath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function layoutOf(projectDir: string): LayoutDescription | undefined {
  const target = readLink(`${projectDir}/.venv`);
  return readDescription(typeof target === "string" ? target : `${projectDir}/.venv`);
}

/** Packages of a layout by name, `name==version`, or by a module that they have. */
function outputsIn({ packages }: LayoutDescription, what: string, store: Store): string[] {
  const [name = "", version] = what.split("==");
  const named = packages.filter(
    (one) =>
      normalizeName(one.name) === normalizeName(name.trim()) &&
      (version === undefined || one.version === version.trim()),
  );
  if (named.length > 0) return named.map(({ outputHash }) => outputHash);
  return packages
    .map(({ outputHash }) => outputHash)
    .filter((outputHash) => {
      try {
        return hasModule(store.readPackageObject(outputHash), what);
      } catch {
        return false;
      }
    });
}

function modulesNamed(what: string, store: Store): string[] {
  return storedObjects(store)
    .filter(({ object }) => object !== undefined && hasModule(object, what))
    .map(({ outputHash }) => outputHash);
}

function hasModule(object: PackageObject, what: string): boolean {
  const module = what.split(".")[0]!;
  return object.topLevel.some(({ name, isDirectory }) =>
    isDirectory
      ? name === module
      : name === `${module}.py` || name.startsWith(`${module}.cpython-`) || name === `${module}.abi3.so`,
  );
}

/** Build hash of the `env` derivation of what is attached to a project now. */
function environmentOf(projectDir: string, context: NamingContext): string | undefined {
  const link = `${projectDir}/.venv`;
  const root = readRoot(context.home, link);
  const target = readLink(link);
  if (root === undefined || typeof target !== "string") return undefined;
  const layout = target.slice(target.lastIndexOf("/") + 1);
  const attached = root.generations.findLast((generation) => generation.layout === layout);
  return attached === undefined ? undefined : envDerivationOf(attached, projectDir, context);
}

/**
 * Build hash of the `env` derivation of a generation. The warm path attaches without writing one, because it must cost nothing: it
 * is written here, when it is first asked for, with the selection of the first who attached that layout from that lock.
 */
export function envDerivationOf(
  { layout, lock }: Generation,
  projectDir: string,
  { store, home }: Pick<NamingContext, "store" | "home">,
): string | undefined {
  let selection: EnvDerivation["selection"] | undefined;
  for (const hash of listDerivations(home.store)) {
    const derivation = readDerivation([home.store], hash);
    if (derivation?.kind !== "env" || derivation.layout !== layout || derivation.lock !== lock) continue;
    if (derivation.project === projectDir) return hash;
    selection ??= derivation.selection;
  }
  if (selection === undefined || readDerivation(store.levels, layout) === undefined) return undefined;
  return writeDerivation(home.store, {
    format: 1,
    kind: "env",
    layout,
    lock,
    project: projectDir,
    selection,
  });
}

/** The `build` derivation behind a `package` that was built. */
export function buildBehind({ notes }: ShownDerivation, store: Store): ShownDerivation | undefined {
  const { build } = notes;
  return build === undefined || readDerivation(store.levels, build) === undefined
    ? undefined
    : showDerivation(build, store)[0];
}
