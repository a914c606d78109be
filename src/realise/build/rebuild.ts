/**
 * Building again what was built before, with the very objects that the derivation names, beside the store, to see whether the same
 * comes out: whether it is reproducible.
 */
import { copyFileSync, existsSync } from "node:fs";
import { Failure } from "../../platform/errors.ts";
import { homeFolders } from "../../platform/home.ts";
import { createStaging, removeTree } from "../../platform/staging.ts";
import { openStore } from "../../store/store.ts";
import type { AskedBuild, SourceToBuild } from "../asked-package.ts";
import type { BuildDerivation, BuiltPackageDerivation, PackageReference } from "../derivation.ts";
import { diffOutputs, type FileDiff } from "../drv-diff.ts";
import type { ShownDerivation } from "../drv-queries.ts";
import { readDerivation } from "../drv-store.ts";
import { findObject } from "../find-realised.ts";
import type { RealiseContext } from "../realise-context.ts";
import { realisePackages } from "../realise-packages.ts";
import { directoryDigest, editableDigest } from "../source/directory-digest.ts";
import type { RealisedPackage, WantedPackage } from "../wanted-package.ts";
import { logPath } from "./build-log.ts";
import { buildInSession } from "./build-package.ts";
import { inBuildSession } from "./build-session.ts";

export interface Rebuilt {
  /** Output hashes. */
  before: string;
  after: string;
  same: boolean;
  /** Empty when they are the same. */
  files: FileDiff[];
  milliseconds: number;
}

export interface RebuildRequest {
  /** The `package` derivation, and the `build` behind it. */
  asked: ShownDerivation & { derivation: BuiltPackageDerivation };
  build: ShownDerivation & { derivation: BuildDerivation };
  /** Absolute: where the source is, when that is a folder and no editable. */
  folder?: string;
}

/**
 * `context.interpreter` must be the one that it was built with. Failures: DXPY_NOT_IN_STORE (the output is gone), DXPY_NO_SOURCE and
 * DXPY_SOURCE_CHANGED, DXPY_WRONG_PYTHON, and those of `realiseBuild`.
 */
export async function rebuild(
  { asked, build, folder }: RebuildRequest,
  context: RealiseContext,
): Promise<Rebuilt> {
  const { name, version, requires } = build.derivation;
  const before = asked.output;
  if (before === undefined || findObject(before, context.store) === undefined) {
    throw new Failure(
      "DXPY_NOT_IN_STORE",
      `${name} ${version} is not in the store, so there is nothing to compare with`,
      {
        hint: "`dx-py install` builds it.",
      },
    );
  }
  checkPython(build.derivation, context);
  const source = sourceOf(asked, folder, context);
  const again: AskedBuild = {
    kind: "build",
    name,
    version,
    source,
    request: asked.derivation,
    hash: asked.buildHash,
  };
  const environment = await realiseReferences(requires, context);
  const started = performance.now();
  const aside = createStaging(context.home);
  try {
    // Its store lies over the real one, so that both results can be read, and nothing of this is left.
    const store = openStore(homeFolders({ DX_PY_HOME: aside }), { system: context.store.root });
    const into: RealiseContext = {
      ...context,
      store,
      resolveBuildRequires: async () =>
        environment.map(({ name: one }) => ({ name: one, source: { kind: "index" } })),
      build: { ...context.build, noBuild: [] },
    };
    const { outputHash } = await inBuildSession(
      again,
      into,
      async () => environment,
      async (session) => {
        await session.prepare(asked.derivation.build.hook);
        return await buildInSession(session, into);
      },
    );
    const same = outputHash === before;
    return {
      before,
      after: outputHash,
      same,
      files: same ? [] : diffOutputs(before, outputHash, store),
      milliseconds: performance.now() - started,
    };
  } catch (error) {
    throw keepingLog(error, again.hash, homeFolders({ DX_PY_HOME: aside }).store, context.store.root);
  } finally {
    removeTree(aside);
  }
}

/** The log of a build that fails this time is the one thing that stays: the error names it. */
function keepingLog(error: unknown, hash: string, from: string, to: string): unknown {
  const [made, kept] = [from, to].map((root) => `${logPath(root, hash)}.zst`);
  if (!(error instanceof Failure) || error.context.path !== made || !existsSync(made!)) return error;
  copyFileSync(made!, kept!);
  const { hint, context, cause, exitCode } = error;
  return new Failure(error.code, error.message, {
    context: { ...context, path: kept! },
    exitCode,
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The build environment, object by object; what a collection took is fetched again by its derivation. */
async function realiseReferences(
  requires: readonly PackageReference[],
  context: RealiseContext,
): Promise<RealisedPackage[]> {
  const realised: RealisedPackage[] = [];
  for (const { name, version, output, derivation = "" } of requires) {
    let found = findObject(output, context.store);
    if (found === undefined) {
      const [fetched] = await realisePackages([wheelOf(name, version, derivation, context)], context);
      found = findObject(output, context.store);
      if (found === undefined) throw gone(name, version, fetched?.outputHash);
    }
    realised.push({ name, derivation, ...found });
  }
  return realised;
}

function wheelOf(name: string, version: string, hash: string, context: RealiseContext): WantedPackage {
  const derivation = readDerivation(context.store.levels, hash);
  if (derivation?.kind !== "package" || !("fetch" in derivation)) throw gone(name, version);
  const { filename, sha256 } = derivation.fetch;
  return {
    name,
    version,
    wheel: { name: filename, hashes: { sha256 }, buildHash: hash },
    source: { kind: "index" },
  };
}

function gone(name: string, version: string, other?: string): Failure {
  return new Failure(
    "DXPY_NOT_IN_STORE",
    `${name} ${version}, which the build used, is not in the store any more`,
    {
      hint:
        other === undefined
          ? "It cannot be fetched again: it was built itself."
          : `What comes now is another object: ${other}.`,
    },
  );
}

function checkPython({ python, name }: BuildDerivation, { interpreter }: RealiseContext): void {
  if (python.version === interpreter.version && python.implementation === interpreter.implementation) return;
  throw new Failure(
    "DXPY_WRONG_PYTHON",
    `${name} was built with ${python.implementation} ${python.version}, and this is ${interpreter.version}`,
    {
      hint: `Name that one: \`--python ${python.version}\`.`,
    },
  );
}

function sourceOf(
  { derivation, notes }: RebuildRequest["asked"],
  folder: string | undefined,
  context: RealiseContext,
): SourceToBuild {
  const { source, hook } = derivation.build;
  const below = source.subdirectory === undefined ? {} : { subdirectory: source.subdirectory };
  switch (source.kind) {
    case "git":
      return { kind: "git", url: source.url, commit: source.commit, ...below };
    case "file": {
      const { filename, sha256 } = source;
      const fetch = readDerivation(context.store.levels, notes["fetch"] ?? "");
      const url = fetch?.kind === "fetch" ? fetch.url : undefined;
      const place =
        url === undefined ? {} : url.startsWith("file:") ? { path: Bun.fileURLToPath(url) } : { url };
      return { kind: "file", file: { name: filename, hashes: { sha256 }, ...place }, ...below };
    }
    case "directory": {
      const path = source.path ?? folder;
      if (path === undefined) {
        throw new Failure(
          "DXPY_NO_SOURCE",
          "It was built from a folder, and no environment says any more from which",
          {
            hint: "Install the project again that it belongs to.",
          },
        );
      }
      const editable = hook === "build_editable";
      const digest = editable ? editableDigest(path) : directoryDigest(path, context.home);
      if (digest !== source.digest) {
        throw new Failure("DXPY_SOURCE_CHANGED", "The folder that it was built from has changed since", {
          context: { path },
          hint: "`dx-py install` builds it as it is now.",
        });
      }
      return { kind: "directory", path, editable, ...below };
    }
  }
}
