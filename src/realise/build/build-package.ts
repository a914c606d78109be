/** Builds a source into a package object: the session's wheel goes into the store, and the derivations say what it saw. */

import { mkdirSync, readdirSync } from "node:fs";
import { Failure } from "../../platform/errors.ts";
import { mayBuild } from "../../standards/file-kinds.ts";
import { parseWheelFilename } from "../../standards/filenames.ts";
import { normalizeName } from "../../standards/names.ts";
import { compareVersions, tryParseVersion } from "../../standards/version.ts";
import { writeDrvOut } from "../../store/drv-out.ts";
import { unpackWheel } from "../../store/ingest.ts";
import type { PackageObject } from "../../store/package-object.ts";
import { type AskedBuild, askForBuild } from "../asked-package.ts";
import type { BuildDerivation } from "../derivation.ts";
import { writeDerivation } from "../drv-store.ts";
import { findRealised } from "../find-realised.ts";
import type { Realise, RealiseContext } from "../realise-context.ts";
import { directoryDigest } from "../source/directory-digest.ts";
import { fetchSourceFile } from "../source/open-source.ts";
import type { RealisedPackage } from "../wanted-package.ts";
import { type BuildSession, configSettings, inBuildSession } from "./build-session.ts";
import { editableTwin, rememberEditable } from "./editable-twin.ts";

/**
 * Failures: DXPY_BUILD_FAILED (with the log's last lines, its path and a hint), DXPY_BUILD_NOT_ALLOWED, DXPY_CANNOT_BUILD,
 * DXPY_BUILD_CYCLE, DXPY_NO_EDITABLE, and those of the source.
 */
export async function realiseBuild(
  asked: AskedBuild,
  context: RealiseContext,
  realise: Realise,
): Promise<RealisedPackage> {
  refuseWhereNotAllowed(asked, context);
  const identified = await identifyBuild(asked, context);
  return (
    alreadyBuilt(identified, context) ??
    editableTwin(identified, context) ??
    (await inBuildSession(identified, context, realise, async (session) => {
      // While this process waited for the lock, another may have built it.
      const found = alreadyBuilt(identified, context);
      if (found !== undefined) return found;
      await session.prepare(identified.request!.build.hook);
      return await buildInSession(session, context);
    }))
  );
}

/** Builds in a session whose environment is there (`session.prepare`). */
export async function buildInSession(
  session: BuildSession,
  context: RealiseContext,
): Promise<RealisedPackage> {
  const { asked } = session;
  const { hook } = asked.request!.build;
  const wheels = `${session.staging}/wheels`;
  mkdirSync(wheels);
  const answer = await session.call(hook, wheels, configSettings(asked), null);
  if (answer === undefined) throw withoutHook(session, hook);
  const filename = wheelIn(wheels, answer.result, session, hook);
  checkWheelName(filename, asked, session, hook);
  const { outputHash, object } = await unpackWheel({
    path: `${wheels}/${filename}`,
    filename,
    home: context.home,
    store: context.store,
  });
  record(session, outputHash, object, context);
  return { name: asked.name, derivation: asked.hash, outputHash, object, how: "built" };
}

/** Derivations of the request, the build and the source, and `drv-out` of the first two (requirements V1, V2). */
function record(
  session: BuildSession,
  outputHash: string,
  object: PackageObject,
  context: RealiseContext,
): void {
  const { asked, system } = session;
  const { request } = asked;
  const root = context.store.root;
  const { hook, source, python, platform, configSettings: settings, isolated } = request!.build;
  const derivation: BuildDerivation = {
    format: 1,
    kind: "build",
    name: normalizeName(object.name),
    version: object.version,
    hook,
    source,
    backend: { name: system.backend, path: system.backendPath },
    requires: session.requires,
    python,
    platform,
    configSettings: settings,
    environment: session.recordedVariables(),
    isolated,
    ...(session.sandboxed ? { sandbox: true as const } : {}),
  };
  const fetch = session.fetch === undefined ? {} : { fetch: writeDerivation(root, session.fetch) };
  const buildHash = writeDerivation(root, derivation);
  writeDerivation(root, request!);
  session.keepLogFor(buildHash);
  writeDrvOut(root, buildHash, outputHash, fetch);
  // Last: it is what a later command looks for.
  writeDrvOut(root, asked.hash, outputHash, { build: buildHash, ...fetch });
  recordGenerated(session, outputHash, buildHash, context);
  rememberEditable(asked, outputHash, buildHash, context);
}

/**
 * Builds of a folder run in it, as pip's do, and some leave generated files there (the C code of Cython). Such a tree is another
 * source by its digest, but what it gives is known: so that the next command finds it, it is recorded for that source too.
 */
function recordGenerated(
  session: BuildSession,
  outputHash: string,
  build: string,
  context: RealiseContext,
): void {
  const { asked, filesBefore } = session;
  const { source } = asked;
  if (source.kind !== "directory" || source.editable || filesBefore === undefined) return;
  const after = askForBuild(asked.name, asked.version, source, context);
  const before = asked.request!.build.source;
  if (after.hash === asked.hash || before.kind !== "directory") return;
  // A file that was there and changed may be the person's work: then it is built again.
  if (directoryDigest(source.path, context.home, filesBefore) !== before.digest) return;
  writeDerivation(context.store.root, after.request!);
  writeDrvOut(context.store.root, after.hash, outputHash, { build });
}

export function alreadyBuilt(asked: AskedBuild, context: RealiseContext): RealisedPackage | undefined {
  const found = findRealised(asked.hash, context.store);
  return found === undefined ? undefined : { name: asked.name, derivation: asked.hash, ...found };
}

/** A file whose SHA-256 the lock does not have is fetched to know it. */
export async function identifyBuild(asked: AskedBuild, context: RealiseContext): Promise<AskedBuild> {
  if (asked.request !== undefined || asked.source.kind !== "file") return asked;
  const { file } = asked.source;
  const { derivation } = await fetchSourceFile(asked.name, file, context);
  const hashes = { ...file.hashes, sha256: derivation.sha256 };
  return askForBuild(asked.name, asked.version, { ...asked.source, file: { ...file, hashes } }, context);
}

/** A project's own folders are built whatever the settings say of other people's packages. */
export function refuseWhereNotAllowed(asked: AskedBuild, context: RealiseContext): void {
  if (asked.source.kind === "directory" || mayBuild(asked.name, context.build ?? {})) return;
  throw new Failure(
    "DXPY_BUILD_NOT_ALLOWED",
    `${asked.name} has no wheel for here, and the settings forbid to build it`,
    {
      context: { package: asked.name },
      hint: "Allow it (`no-build`, `no-build-package`), or choose a version that has a wheel.",
    },
  );
}

/** The one wheel that the hook made, by the name that it returned (PEP 517, "build_wheel"). */
function wheelIn(folder: string, result: unknown, session: BuildSession, hook: string): string {
  const names = readdirSync(folder).filter((name) => name.endsWith(".whl"));
  if (typeof result === "string" && names.includes(result)) return result;
  throw session.failed(
    hook,
    `it returned ${JSON.stringify(result)?.slice(0, 200)} and left ${names.length} wheels`,
  );
}

function checkWheelName(filename: string, asked: AskedBuild, session: BuildSession, hook: string): void {
  const wheel = parseWheelFilename(filename);
  if (asked.name !== "" && normalizeName(wheel.name) !== normalizeName(asked.name)) {
    throw session.failed(hook, `it made a wheel of ${wheel.name}, not of ${asked.name}`);
  }
  const wanted = asked.version === undefined ? undefined : tryParseVersion(asked.version);
  if (wanted !== undefined && compareVersions(wanted, wheel.version) !== 0) {
    throw session.failed(hook, `it made version ${wheel.version.text}, not ${asked.version}`);
  }
}

function withoutHook(session: BuildSession, hook: string): Failure {
  const { asked, system } = session;
  if (hook !== "build_editable") return session.failed(hook, `the backend ${system.backend} has no ${hook}`);
  return new Failure(
    "DXPY_NO_EDITABLE",
    `${asked.name} cannot be installed editable: its backend ${system.backend} cannot do that`,
    {
      context: { package: asked.name, path: session.folder },
      hint: "Use a newer version of the backend (PEP 660), or set `editable = false`.",
    },
  );
}
