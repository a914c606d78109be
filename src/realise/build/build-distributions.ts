/** A project's own distributions: its sdist, made the same each time, and its wheel, from that sdist or from the folder. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { ensureDir, writeFileAtomic } from "../../platform/atomic-file.ts";
import { sha256Hex } from "../../platform/sha256.ts";
import { tryParseSdistFilename } from "../../standards/filenames.ts";
import { normalizeName } from "../../standards/names.ts";
import { type AskedBuild, askForBuild } from "../asked-package.ts";
import type { RealiseContext } from "../realise-context.ts";
import { realisePackages } from "../realise-packages.ts";
import { buildInSession } from "./build-package.ts";
import { type BuildSession, configSettings, inBuildSession } from "./build-session.ts";
import { plainSdist } from "./plain-sdist.ts";

export interface Distribution {
  kind: "wheel" | "sdist";
  /** Absolute. */
  path: string;
  sha256: string;
  /** Bytes. */
  size: number;
  /** Of a wheel: its object in the store. */
  outputHash?: string;
}

export interface DistributionRequest {
  /** Absolute folder of the project. */
  folder: string;
  /** Normalised; empty where only the backend knows. */
  name: string;
  wanted: "wheel" | "sdist" | "both";
  /** Absolute folder; made where it is missing. */
  into: string;
}

/** `both` makes the wheel from the sdist, so that what is released can be built from what is released. Failures: those of `realiseBuild`. */
export async function buildDistributions(
  { folder, name, wanted, into }: DistributionRequest,
  context: RealiseContext,
): Promise<Distribution[]> {
  ensureDir(into);
  const source = { kind: "directory" as const, path: folder, editable: false };
  const own = askForBuild(name, undefined, source, context);
  if (wanted === "wheel") return [await makeWheel(own, into, context)];
  const sdist = await makeSdist(own, into, context);
  if (wanted === "sdist") return [sdist];
  const filename = sdist.path.slice(sdist.path.lastIndexOf("/") + 1);
  const parsed = tryParseSdistFilename(filename);
  const file = { name: filename, path: sdist.path, hashes: { sha256: sdist.sha256 } };
  const from = askForBuild(
    parsed === undefined ? name : normalizeName(parsed.name),
    undefined,
    { kind: "file", file },
    context,
  );
  return [sdist, await makeWheel(from, into, context)];
}

async function makeSdist(asked: AskedBuild, into: string, context: RealiseContext): Promise<Distribution> {
  return await inBuildSession(asked, context, realisePackages, async (session) => {
    await session.prepare("build_sdist");
    const folder = `${session.staging}/sdists`;
    mkdirSync(folder);
    const answer = await session.call("build_sdist", folder, configSettings(asked));
    const names = readdirSync(folder);
    const filename = answer?.result;
    if (typeof filename !== "string" || !names.includes(filename) || !filename.endsWith(".tar.gz")) {
      const said = JSON.stringify(filename)?.slice(0, 200) ?? "nothing";
      throw session.failed("build_sdist", `it returned ${said} and left ${names.length} files`);
    }
    const bytes = plainSdist(readFileSync(`${folder}/${filename}`), epochOf(session));
    const path = `${into}/${filename}`;
    writeFileAtomic(path, bytes);
    return { kind: "sdist", path, sha256: sha256Hex(bytes), size: bytes.length };
  });
}

/** Built each time, because the store has the unpacked tree and not the archive. */
async function makeWheel(asked: AskedBuild, into: string, context: RealiseContext): Promise<Distribution> {
  return await inBuildSession(asked, context, realisePackages, async (session) => {
    await session.prepare("build_wheel");
    const { outputHash } = await buildInSession(session, context);
    const folder = `${session.staging}/wheels`;
    const filename = readdirSync(folder).find((one) => one.endsWith(".whl"))!;
    const path = `${into}/${filename}`;
    copyFileSync(`${folder}/${filename}`, path);
    const bytes = readFileSync(path);
    return { kind: "wheel", path, sha256: sha256Hex(bytes), size: bytes.length, outputHash };
  });
}

function epochOf(session: BuildSession): number {
  return Number(session.recordedVariables()["SOURCE_DATE_EPOCH"]) || 0;
}
