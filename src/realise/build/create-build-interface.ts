/** What the resolver asks of builds: metadata of sdists and of direct sources, and how a lock names such a source. */
import { readFileSync, statSync } from "node:fs";
import { relative, sep } from "node:path";
import type { LockedFile } from "../../lock/lock-model.ts";
import type { DistributionFile } from "../../package-index/distribution.ts";
import { Failure } from "../../platform/errors.ts";
import { sha256Hex } from "../../platform/sha256.ts";
import type { BuildInterface, SourceMetadata } from "../../resolver/build-interface.ts";
import type { PackageSource } from "../../resolver/request.ts";
import type { ResolvedSource } from "../../resolver/resolution.ts";
import { tryParseSdistFilename } from "../../standards/filenames.ts";
import type { CoreMetadata } from "../../standards/metadata.ts";
import { normalizeName } from "../../standards/names.ts";
import { secretInQuery, withoutCredentials } from "../../standards/url-credentials.ts";
import { askFor, askForBuild, lastPart, type SourceToBuild } from "../asked-package.ts";
import type { RealiseContext } from "../realise-context.ts";
import { realisePackages } from "../realise-packages.ts";
import { resolveGitRevision } from "../source/git-source.ts";
import { fetchSourceFile } from "../source/open-source.ts";
import { metadataInStore, metadataOfBuild } from "./build-metadata.ts";

type Archive = Extract<ResolvedSource, { kind: "archive" }>;

export function createBuildInterface(context: RealiseContext): BuildInterface {
  const ask = (name: string, source: SourceToBuild, version?: string) =>
    metadataOfBuild(askForBuild(name, version, source, context), context, realisePackages);
  return {
    async metadataOfSdist(file) {
      const parsed = tryParseSdistFilename(file.filename);
      return await ask(parsed === undefined ? "" : normalizeName(parsed.name), {
        kind: "file",
        file: lockedFile(file),
      });
    },
    async metadataOfSource(source, name) {
      switch (source.kind) {
        case "git":
          return await ofGit(source, name, context, ask);
        case "url":
          return await ofUrl(source, name, context, ask);
        case "path":
        case "workspace":
          return await ofPath(source, name, context, ask);
        case "index":
          throw new Failure("DXPY_BAD_SOURCE", `${name} comes from an index, not from a source of its own`);
      }
    },
  };
}

type Ask = (name: string, source: SourceToBuild) => Promise<CoreMetadata>;

async function ofGit(
  source: Extract<PackageSource, { kind: "git" }>,
  name: string,
  context: RealiseContext,
  ask: Ask,
): Promise<SourceMetadata> {
  const commit = await resolveGitRevision(source.url, source, context);
  const requested = source.tag ?? source.branch ?? source.rev;
  const below = source.subdirectory === undefined ? {} : { subdirectory: source.subdirectory };
  const metadata = await ask(name, { kind: "git", url: source.url, commit, ...below });
  return {
    metadata,
    locked: {
      kind: "git",
      url: withoutCredentials(source.url),
      ...(requested === undefined ? {} : { requestedRevision: requested }),
      commitId: commit,
      ...below,
    },
  };
}

/** Locked by the SHA-256 that it has now. */
async function ofUrl(
  source: Extract<PackageSource, { kind: "url" }>,
  name: string,
  context: RealiseContext,
  ask: Ask,
): Promise<SourceMetadata> {
  const url = source.url.replace(/#.*$/, "");
  refuseToken(url, name);
  const { bytes } = await fetchSourceFile(
    name,
    { name: lastPart(url), url, hashes: hashesInFragment(source.url) },
    context,
  );
  const hashes = { sha256: sha256Hex(bytes) };
  const below = source.subdirectory === undefined ? {} : { subdirectory: source.subdirectory };
  const archive: Archive = {
    kind: "archive",
    url: withoutCredentials(url),
    size: bytes.length,
    hashes,
    ...below,
  };
  return { metadata: await ofArchive(name, archive, context, ask), locked: archive };
}

/** A lock that is committed must not have it, and without it what the lock says cannot be fetched. */
function refuseToken(url: string, name: string): void {
  const secret = secretInQuery(url);
  if (secret === undefined) return;
  throw new Failure(
    "DXPY_CREDENTIAL_IN_URL",
    `The URL of ${name} has a credential in it (\`${secret}\`), which a lock must not have`,
    {
      context: { package: name, url: withoutCredentials(url) },
      hint: "Put it into `.netrc`, or fetch the file and name it by `path`.",
    },
  );
}

async function ofPath(
  source: { path: string; editable: boolean },
  name: string,
  context: RealiseContext,
  ask: Ask,
): Promise<SourceMetadata> {
  const path = relativePath(source.path, context.projectDir);
  if (statSync(source.path, { throwIfNoEntry: false })?.isFile()) {
    const bytes = readFileSync(source.path);
    const archive: Archive = {
      kind: "archive",
      path,
      size: bytes.length,
      hashes: { sha256: sha256Hex(bytes) },
    };
    return { metadata: await ofArchive(name, archive, context, ask), locked: archive };
  }
  // An editable's metadata is that of its wheel; the whole tree decides it, because its code may state the version.
  const metadata = await ask(name, { kind: "directory", path: source.path, editable: false });
  return { metadata, locked: { kind: "directory", path, editable: source.editable } };
}

/** A wheel goes into the store, where it is wanted next anyway. */
async function ofArchive(
  name: string,
  archive: Archive,
  context: RealiseContext,
  ask: Ask,
): Promise<CoreMetadata> {
  const asked = askFor({ name, source: archive }, context);
  if (asked.kind === "build") return await ask(name, asked.source);
  const [realised] = await realisePackages([{ name, source: archive }], context);
  return metadataInStore(realised!.outputHash, realised!.object, context);
}

function lockedFile(file: DistributionFile): LockedFile {
  return {
    name: file.filename,
    url: file.url,
    hashes: file.hashes,
    ...(file.size === undefined ? {} : { size: file.size }),
  };
}

/** `#sha256=…` as indexes write it (PEP 503). */
function hashesInFragment(url: string): Record<string, string> {
  const match = /#(?:.*&)?(sha(?:256|384|512))=([0-9a-f]+)/.exec(url);
  return match === null ? {} : { [match[1]!]: match[2]! };
}

/** Relative to the lock's folder, with `/`; `.` for the folder itself. */
function relativePath(path: string, from: string): string {
  return relative(from, path).split(sep).join("/") || ".";
}
