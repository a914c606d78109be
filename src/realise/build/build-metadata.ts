/**
 * The metadata of a source, in the cheapest way that is right: what it states itself, what an earlier build or question
 * found, what the backend prepares (`prepare_metadata_for_build_wheel`), and at last what a whole build has in it.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { ensureDir, writeFileAtomic } from "../../platform/atomic-file.ts";
import { Failure } from "../../platform/errors.ts";
import { type CoreMetadata, parseMetadata } from "../../standards/metadata.ts";
import { normalizeName } from "../../standards/names.ts";
import type { PackageObject } from "../../store/package-object.ts";
import type { AskedBuild } from "../asked-package.ts";
import type { Realise, RealiseContext } from "../realise-context.ts";
import { alreadyBuilt, buildInSession, identifyBuild, refuseWhereNotAllowed } from "./build-package.ts";
import { type BuildSession, configSettings, inBuildSession } from "./build-session.ts";
import { staticMetadata } from "./static-metadata.ts";

/** Failures: those of `realiseBuild`, and DXPY_BAD_SOURCE when the source is another project. */
export async function metadataOfBuild(
  asked: AskedBuild,
  context: RealiseContext,
  realise: Realise,
): Promise<CoreMetadata> {
  const { source } = asked;
  if (source.kind === "directory") {
    const stated = staticMetadata(
      source.subdirectory ? `${source.path}/${source.subdirectory}` : source.path,
    );
    if (stated !== undefined) return checkName(stated, asked);
  }
  const identified = await identifyBuild(asked, context);
  const kept = `${context.home.index}/built-metadata/${identified.hash}.json`;
  const known = readKept(kept) ?? metadataOfBuilt(identified, context);
  if (known !== undefined) return checkName(known, asked);
  const metadata = await inBuildSession(identified, context, realise, async (session) => {
    return readKept(kept) ?? staticMetadata(session.folder) ?? (await prepared(session, context));
  });
  ensureDir(`${context.home.index}/built-metadata`);
  writeFileAtomic(kept, JSON.stringify(metadata));
  return checkName(metadata, asked);
}

async function prepared(session: BuildSession, context: RealiseContext): Promise<CoreMetadata> {
  refuseWhereNotAllowed(session.asked, context);
  await session.prepare("build_wheel");
  const folder = `${session.staging}/metadata`;
  mkdirSync(folder);
  const hook = "prepare_metadata_for_build_wheel";
  const answer = await session.call(hook, folder, configSettings(session.asked));
  if (answer === undefined) {
    const { outputHash, object } = await buildInSession(session, context);
    return metadataInStore(outputHash, object, context);
  }
  const name = answer.result;
  if (typeof name !== "string" || !/^[^/\\\0]+\.dist-info$/.test(name)) {
    throw session.failed(hook, "it did not return the name of a .dist-info folder");
  }
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(`${folder}/${name}/METADATA`);
  } catch {
    throw session.failed(hook, `it made no ${name}/METADATA`);
  }
  return parseMetadata(bytes, { file: `${name}/METADATA` });
}

function metadataOfBuilt(asked: AskedBuild, context: RealiseContext): CoreMetadata | undefined {
  const found = alreadyBuilt(asked, context);
  return found === undefined ? undefined : metadataInStore(found.outputHash, found.object, context);
}

/** METADATA of a package object. */
export function metadataInStore(
  outputHash: string,
  object: PackageObject,
  context: RealiseContext,
): CoreMetadata {
  const stored = context.store.open(outputHash);
  try {
    const path = `lib/${object.distInfo}/METADATA`;
    return parseMetadata(stored.file(path), { file: path });
  } finally {
    stored.close();
  }
}

function checkName(metadata: CoreMetadata, asked: AskedBuild): CoreMetadata {
  if (asked.name === "" || normalizeName(metadata.name) === normalizeName(asked.name)) return metadata;
  throw new Failure("DXPY_BAD_SOURCE", `The source of ${asked.name} is the project ${metadata.name}`, {
    context: { package: asked.name },
    hint: "Give the requirement and its source the name that the project has.",
  });
}

/** What this program wrote; anything else is as good as missing. */
function readKept(path: string): CoreMetadata | undefined {
  try {
    const value = JSON.parse(readFileSync(path, "utf8")) as CoreMetadata;
    const lists = [value.requiresDist, value.providesExtra, value.dynamic];
    const sound =
      typeof value.name === "string" &&
      typeof value.version === "string" &&
      lists.every((list) => Array.isArray(list) && list.every((one) => typeof one === "string"));
    return sound ? value : undefined;
  } catch {
    return undefined;
  }
}
