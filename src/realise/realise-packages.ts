/**
 * Realising gets the output of a derivation (DESIGN "Realise", requirement V5): from the user store, the system store,
 * the binary caches, and only then by fetching a wheel or building a source.
 */
import { type AskedBuild, type AskedPackage, askFor } from "./asked-package.ts";
import { findRealised } from "./find-realised.ts";
import type { RealiseContext } from "./realise-context.ts";
import { realiseWheels } from "./realise-wheels.ts";
import { askCaches } from "./share-packages.ts";
import type { RealisedPackage, WantedPackage } from "./wanted-package.ts";

export type { RealiseContext } from "./realise-context.ts";
export type { RealisedPackage, WantedPackage } from "./wanted-package.ts";

/**
 * Every wanted package as an object in the store, in the order given. What is in the store costs two small reads. When
 * one fails, the others end or are not begun, and nothing half made is left.
 */
export async function realisePackages(
  wanted: readonly WantedPackage[],
  context: RealiseContext,
): Promise<RealisedPackage[]> {
  const asked = wanted.map((one) => askFor(one, context));
  const results = asked.map((one) => findAsked(one, context));
  const missing = asked.filter((_, place) => results[place] === undefined);
  if (missing.length === 0) return heldToPins(asked, results as RealisedPackage[], context);
  context.onProgress?.({
    kind: "plan",
    packages: wanted.length,
    missing: missing.length,
    bytes: missing.reduce((sum, one) => sum + knownBytes(one), 0),
  });
  const made = await realiseMissing(asked, distinct(missing), context);
  const realised = asked.map((one, place) => results[place] ?? { ...made.get(keyOf(one))!, name: one.name });
  return heldToPins(asked, realised, context);
}

/**
 * What a cache gives is what the lock pins, or is not taken. What was made here of the locked source is right by its derivation; that
 * it came out otherwise is told.
 */
function heldToPins(
  all: readonly AskedPackage[],
  realised: RealisedPackage[],
  context: RealiseContext,
): RealisedPackage[] {
  for (const [place, { pinned, name }] of all.entries()) {
    const { outputHash } = realised[place]!;
    if (pinned === undefined || pinned === outputHash) continue;
    const [is, was] = [outputHash, pinned].map((hash) => hash.slice(0, 12));
    context.onProgress?.({
      kind: "warning",
      message: `${name} came out as ${is} here, where the lock pins ${was}: it was built differently (\`dx-py drv rebuild --check ${name}\`, \`dx-py lock --pin-outputs\`)`,
    });
  }
  return realised;
}

function findAsked(asked: AskedPackage, context: RealiseContext): RealisedPackage | undefined {
  if (asked.hash === "") return undefined;
  const found = findRealised(asked.hash, context.store);
  if (found === undefined) return undefined;
  if (found.how === "system") context.shareFromSystem?.(found.outputHash, asked.hash);
  return { name: asked.name, derivation: asked.hash, ...found };
}

/** By key. Caches are asked first; then wheels stream through the pipeline while sources build. */
async function realiseMissing(
  all: readonly AskedPackage[],
  missing: readonly AskedPackage[],
  context: RealiseContext,
): Promise<Map<string, RealisedPackage>> {
  const made = new Map<string, RealisedPackage>();
  const done = (asked: AskedPackage, realised: RealisedPackage) => {
    made.set(keyOf(asked), realised);
    context.onProgress?.({ kind: "realised", package: realised });
  };
  await askCaches(all, missing, context, done);
  const left = missing.filter((asked) => !made.has(keyOf(asked)));
  const wheels = left.filter((asked) => asked.kind === "wheel");
  const isLate = (asked: AskedPackage) =>
    asked.kind === "build" &&
    asked.request?.build.isolated === false &&
    context.makeBuildEnvironment !== undefined;
  const builds = left.filter((asked) => asked.kind === "build").filter((asked) => !isLate(asked));
  await allOrStop(context, [
    async (stopping) => {
      const unpacked = await realiseWheels(wheels, stopping);
      for (const [at, { outputHash, derivation }] of unpacked.entries()) {
        const object = context.store.readPackageObject(outputHash);
        done(wheels[at]!, { name: wheels[at]!.name, outputHash, derivation, object, how: "downloaded" });
      }
    },
    ...(builds.length === 0 ? [] : [(stopping: RealiseContext) => buildAll(builds, stopping, done)]),
  ]);
  const late = left.filter((asked) => asked.kind === "build").filter(isLate);
  if (late.length > 0) await buildAll(late, await withTheOthers(all, made, context), done);
  return made;
}

/**
 * What is built without isolation sees what it is installed with: the environment of all the others, which are realised first.
 * Where there are none (a lock that is being made), it is the interpreter's, or what the settings say.
 */
async function withTheOthers(
  all: readonly AskedPackage[],
  made: ReadonlyMap<string, RealisedPackage>,
  context: RealiseContext,
): Promise<RealiseContext> {
  const others = all.flatMap((asked) => made.get(keyOf(asked)) ?? findAsked(asked, context) ?? []);
  if (others.length === 0 || context.build?.pythonWithoutIsolation !== undefined) return context;
  const { prefix } = await context.makeBuildEnvironment!(others, context.interpreter);
  const python = `${prefix}/${process.platform === "win32" ? "Scripts/python.exe" : "bin/python"}`;
  return { ...context, build: { ...context.build, pythonWithoutIsolation: python } };
}

/** As many builds at once as there are processors: each may use several, but most wait for one compiler. */
async function buildAll(
  builds: readonly AskedBuild[],
  context: RealiseContext,
  done: (asked: AskedPackage, realised: RealisedPackage) => void,
): Promise<void> {
  // Loaded here: most installs build nothing.
  const { realiseBuild } = await import("./build/build-package.ts");
  const waiting = [...builds];
  const next = async (stopping: RealiseContext) => {
    for (let asked = waiting.shift(); asked && !stopping.signal?.aborted; asked = waiting.shift()) {
      done(asked, await realiseBuild(asked, stopping, realisePackages));
    }
  };
  const lanes = Math.min(waiting.length, navigator.hardwareConcurrency);
  await allOrStop(
    context,
    Array.from({ length: lanes }, () => next),
  );
}

/** Runs all; the first that fails aborts the others, which are waited for, and is what is thrown. */
async function allOrStop(
  context: RealiseContext,
  actions: readonly ((stopping: RealiseContext) => Promise<void>)[],
): Promise<void> {
  const stop = new AbortController();
  const outer = context.signal;
  const signal = outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal]);
  const stopping = { ...context, signal };
  await Promise.all(actions.map((action) => action(stopping).catch((error: unknown) => stop.abort(error))));
  if (stop.signal.aborted) throw stop.signal.reason;
}

/** One of each: two wanted packages may be the same wheel under two extras. */
function distinct(asked: readonly AskedPackage[]): AskedPackage[] {
  return [...new Map(asked.map((one) => [keyOf(one), one])).values()];
}

function keyOf(asked: AskedPackage): string {
  return asked.hash === "" ? `${asked.name} ${asked.version ?? ""}` : asked.hash;
}

function knownBytes(asked: AskedPackage): number {
  if (asked.kind === "wheel") return asked.file.size ?? 0;
  return asked.source.kind === "file" ? (asked.source.file.size ?? 0) : 0;
}
