/** Packages on their way between stores and caches: what of an environment others may have, and taking it from caches alone. */

import { packageDerivationText } from "../lock/package-identity.ts";
import { writeDrvOut } from "../store/drv-out.ts";
import { type AskedPackage, askFor } from "./asked-package.ts";
import { readDerivation, writeDerivation, writeDerivationText } from "./drv-store.ts";
import { findObject, findRealised } from "./find-realised.ts";
import type { RealiseContext } from "./realise-context.ts";
import { type Substituted, substitute, withSubstituters } from "./substituters.ts";
import type { RealisedPackage, WantedPackage } from "./wanted-package.ts";

/** Whether others may have the same: editables name a path of this machine. */
export function isShareable(asked: AskedPackage): boolean {
  if (asked.hash === "") return false;
  return asked.kind === "wheel" || asked.source.kind !== "directory" || !asked.source.editable;
}

/** What of an environment has a place in a cache: `realised` is what came of `wanted`, in the same order. */
export function shareableOf(
  wanted: readonly WantedPackage[],
  realised: readonly RealisedPackage[],
  context: RealiseContext,
): { name: string; buildHash: string; outputHash: string }[] {
  return wanted.flatMap((one, i) => {
    const asked = askFor(one, context);
    const { outputHash } = realised[i]!;
    return isShareable(asked) ? [{ name: one.name, buildHash: asked.hash, outputHash }] : [];
  });
}

/** Asks the context's caches for these packages, all at once; `done` is told of each that came. */
export async function askCaches(
  all: readonly AskedPackage[],
  missing: readonly AskedPackage[],
  context: RealiseContext,
  done: (asked: AskedPackage, realised: RealisedPackage) => void,
): Promise<void> {
  const { substituters = [] } = context;
  const cacheable = missing.filter(isShareable);
  if (substituters.length === 0 || cacheable.length === 0) return;
  const hashes = (list: readonly AskedPackage[]) => list.map(({ hash }) => hash);
  const warn = (message: string) => context.onProgress?.({ kind: "warning", message });
  const closure = hashes(all.filter(isShareable));
  await withSubstituters(substituters, closure, hashes(cacheable), warn, async () => {
    await Promise.all(
      cacheable.map(async (asked) => {
        const cached = await fromCaches(asked, context, warn);
        if (cached !== undefined) done(asked, cached);
      }),
    );
  });
}

async function fromCaches(
  asked: AskedPackage,
  context: RealiseContext,
  warn: (message: string) => void,
): Promise<RealisedPackage | undefined> {
  const { substituters = [], store } = context;
  const answer = await substitute(substituters, asked.hash, store, warn, asked.pinned);
  const found = answer === undefined ? undefined : findObject(answer.outputHash, store);
  if (answer === undefined || found === undefined) return undefined;
  recordSubstituted(asked, answer, context);
  const { outputHash, object } = found;
  return { name: asked.name, derivation: asked.hash, outputHash, object, how: "cache" };
}

/** What a cache gave has its derivation and its `drv-out` like everything else (requirements V1, V2). */
function recordSubstituted(asked: AskedPackage, answer: Substituted, context: RealiseContext): void {
  const { root } = context.store;
  if (asked.kind === "build" && asked.request !== undefined) writeDerivation(root, asked.request);
  if (asked.kind === "wheel") {
    const sha256 = asked.file.hashes["sha256"]!;
    writeDerivationText(root, asked.hash, packageDerivationText(asked.file.name, sha256));
  }
  const { build, ...others } = answer.notes;
  // The run of the backend has its own entry, as where it ran: the fetch of its source is found there.
  if (build !== undefined && readDerivation([root], build)?.kind === "build")
    writeDrvOut(root, build, answer.outputHash, others);
  writeDrvOut(root, asked.hash, answer.outputHash, answer.notes);
}

export interface PulledPackages {
  /** From a cache now. */
  pulled: string[];
  /** In the stores already. */
  present: string[];
  /** No cache has them: names. */
  missing: string[];
}

/** Brings what the caches have of these packages into the store; fetches and builds nothing. */
export async function pullPackages(
  wanted: readonly WantedPackage[],
  context: RealiseContext,
): Promise<PulledPackages> {
  const asked = wanted.map((one) => askFor(one, context));
  const absent = asked.filter(({ hash }) => hash === "" || findRealised(hash, context.store) === undefined);
  context.onProgress?.({ kind: "plan", packages: asked.length, missing: absent.length, bytes: 0 });
  const came = new Set<AskedPackage>();
  await askCaches(asked, absent, context, (one, realised) => {
    came.add(one);
    context.onProgress?.({ kind: "realised", package: realised });
  });
  const names = (list: readonly AskedPackage[]) => list.map(({ name }) => name);
  return {
    pulled: names([...came]),
    present: names(asked.filter((one) => !absent.includes(one))),
    missing: names(absent.filter((one) => !came.has(one))),
  };
}
