import { Failure } from "../platform/errors.ts";
import { openZip } from "../platform/zip.ts";
import { formatMarker, type Marker, parseMarker } from "../standards/markers.ts";
import { type CoreMetadata, parseMetadata } from "../standards/metadata.ts";
import { normalizeExtra, normalizeName } from "../standards/names.ts";
import { formatRequirement, parseRequirement } from "../standards/requirements.ts";
import type { DistributionFile } from "./distribution.ts";
import type { Http } from "./http.ts";
import { versionInFilename } from "./listing.ts";
import type { KnownMetadata } from "./metadata-record.ts";

/**
 * What an sdist states about its dependencies without being built: a PKG-INFO of metadata 2.2 that calls nothing of it
 * dynamic (PEP 643), or a static `[project]` table (PEP 621). Everything else is for the build backend to say.
 */
type SdistFile = Pick<DistributionFile, "filename" | "url">;

const MAX_MEMBER = 16 * 1024 * 1024;
/** Unpacked bytes that are looked through. */
const MAX_UNPACKED = 1024 * 1024 * 1024;
const MAX_MEMBERS = 200_000;

interface Members {
  pkgInfo?: Uint8Array;
  pyproject?: Uint8Array;
}

/** From a server, in one request that ends as soon as enough is known. */
export async function remoteSdistMetadata(
  file: DistributionFile,
  { http, download }: { http: Http; download(file: DistributionFile): Promise<Uint8Array> },
): Promise<KnownMetadata> {
  if (!isGzip(file.filename)) return localSdistMetadata(await downloadIfZip(file, download), file);
  let reader: TarGzReader | undefined;
  await http.request(file.url, {
    limit: Number.MAX_SAFE_INTEGER,
    headers: { "accept-encoding": "identity" },
    sink() {
      reader?.abandon();
      reader = openTarGz(file);
      return reader.push;
    },
  });
  return metadataOfMembers(await (reader?.finish() ?? {}), file);
}

async function downloadIfZip(
  file: DistributionFile,
  download: (file: DistributionFile) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  return file.filename.endsWith(".zip") ? download(file) : new Uint8Array();
}

/** From bytes that are here. bzip2 and xz, which PEP 625 ended, are left to the build. */
export async function localSdistMetadata(bytes: Uint8Array, file: SdistFile): Promise<KnownMetadata> {
  if (isGzip(file.filename)) {
    const reader = openTarGz(file);
    await reader.push(bytes);
    return metadataOfMembers(await reader.finish(), file);
  }
  if (!file.filename.endsWith(".zip")) return "needs-build";
  const zip = openZip(bytes, { name: file.filename });
  const members: Members = {};
  for (const entry of zip.entries) {
    const kind = memberKind(entry.path);
    if (kind !== undefined && entry.size <= MAX_MEMBER) members[kind] = zip.read(entry).slice();
  }
  return metadataOfMembers(members, file);
}

function isGzip(filename: string): boolean {
  return /\.(?:tar\.gz|tgz)$/i.test(filename);
}

/** Files directly in the sdist's one folder. */
function memberKind(path: string): keyof Members | undefined {
  const name = /^(?:\.\/)?[^/]+\/([^/]+)$/.exec(path)?.[1];
  return name === "PKG-INFO" ? "pkgInfo" : name === "pyproject.toml" ? "pyproject" : undefined;
}

function metadataOfMembers(members: Members, file: SdistFile): KnownMetadata {
  return (
    staticPkgInfo(members.pkgInfo, file) ??
    staticProject(members.pyproject, members.pkgInfo, file) ??
    "needs-build"
  );
}

/** PKG-INFO when it may be believed (PEP 643): 2.2 or later, and no field that a resolver needs is dynamic. */
export function staticPkgInfo(bytes: Uint8Array | undefined, file: SdistFile): CoreMetadata | undefined {
  const metadata = readPkgInfo(bytes, file);
  if (metadata === undefined) return undefined;
  const [major = 0, minor = 0] = metadata.metadataVersion.split(".").map(Number);
  if (!(major > 2 || (major === 2 && minor >= 2))) return undefined;
  const needed = ["requires-dist", "requires-python", "provides-extra", "version"];
  return metadata.dynamic.some((field) => needed.includes(field)) ? undefined : metadata;
}

function readPkgInfo(bytes: Uint8Array | undefined, file: SdistFile): CoreMetadata | undefined {
  if (bytes === undefined) return undefined;
  try {
    const metadata = parseMetadata(bytes, { file: file.filename });
    return versionInFilename(file.filename, "sdist", normalizeName(metadata.name)) === undefined
      ? undefined
      : metadata;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** The `[project]` table, when it gives name, dependencies, extras and Python itself. */
export function staticProject(
  bytes: Uint8Array | undefined,
  pkgInfo: Uint8Array | undefined,
  file: SdistFile,
): CoreMetadata | undefined {
  if (bytes === undefined) return undefined;
  let document: Record<string, unknown>;
  try {
    document = Bun.TOML.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const project = document["project"];
  if (!isTable(project) || typeof project["name"] !== "string") return undefined;
  const dynamic = project["dynamic"] ?? [];
  if (!isTextList(dynamic)) return undefined;
  if (dynamic.some((field) => ["dependencies", "optional-dependencies", "requires-python"].includes(field))) {
    return undefined;
  }
  const tool = document["tool"];
  // Poetry before 2 keeps dependencies in a table of its own, whatever [project] says.
  if (isTable(tool) && isTable(tool["poetry"]) && project["dependencies"] === undefined) return undefined;
  // setuptools takes what [project] leaves out from setup.py, and warns; PKG-INFO tells when it did.
  const told = readPkgInfo(pkgInfo, file);
  if (project["dependencies"] === undefined && told !== undefined && told.requiresDist.length > 0)
    return undefined;
  return metadataOfProject(project, told, file);
}

function metadataOfProject(
  project: Record<string, unknown>,
  told: CoreMetadata | undefined,
  file: SdistFile,
): CoreMetadata | undefined {
  const {
    dependencies = [],
    "optional-dependencies": optional = {},
    "requires-python": requiresPython,
  } = project;
  if (!isTextList(dependencies) || !isTable(optional)) return undefined;
  if (requiresPython !== undefined && typeof requiresPython !== "string") return undefined;
  const name = project["name"] as string;
  const version =
    project["version"] ?? told?.version ?? versionInFilename(file.filename, "sdist", normalizeName(name));
  if (typeof version !== "string") return undefined;
  const requiresDist = [...dependencies];
  for (const [extra, list] of Object.entries(optional)) {
    if (!isTextList(list)) return undefined;
    for (const text of list) {
      const conditional = withExtra(text, extra);
      if (conditional === undefined) return undefined;
      requiresDist.push(conditional);
    }
  }
  return {
    metadataVersion: "2.1",
    name,
    version,
    ...(requiresPython === undefined ? {} : { requiresPython }),
    requiresDist,
    providesExtra: [...new Set(Object.keys(optional).map(normalizeExtra))],
    dynamic: [],
  };
}

function withExtra(text: string, extra: string): string | undefined {
  try {
    const requirement = parseRequirement(text);
    const condition = parseMarker(`extra == '${normalizeExtra(extra)}'`);
    const operands: Marker[] = requirement.marker === undefined ? [] : [requirement.marker];
    const marker: Marker =
      operands.length === 0 ? condition : { kind: "and", operands: [...operands, condition] };
    // Formatting and reading again would fail for what cannot be written as a marker: an extra with a quote in it.
    parseMarker(formatMarker(marker));
    return formatRequirement({ ...requirement, marker });
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

interface TarGzReader {
  /** Takes the next compressed bytes; `false` when no more are wanted. */
  push(chunk: Uint8Array): Promise<boolean>;
  /** What was found. Failure DXPY_BAD_SDIST for what is no `.tar.gz`. */
  finish(): Promise<Members>;
  abandon(): void;
}

/** Unpacks and reads a stream as it arrives, keeping the two members only. */
function openTarGz(file: SdistFile): TarGzReader {
  const gunzip = new DecompressionStream("gzip");
  const writer = gunzip.writable.getWriter();
  let open = true;
  let failed: unknown;
  const found = collectMembers(gunzip.readable as ReadableStream<Uint8Array>, file)
    .catch((error) => {
      failed = error;
      return {} as Members;
    })
    .finally(() => {
      open = false;
    });
  const stop = () => {
    open = false;
    writer.abort().catch(() => {});
  };
  return {
    async push(chunk) {
      if (!open) return false;
      // Whoever reads may be done and gone: then the write never ends by itself.
      await Promise.race([writer.write(chunk as Uint8Array<ArrayBuffer>).catch(() => {}), found]);
      return open;
    },
    async finish() {
      if (open) await Promise.race([writer.close().catch(() => {}), found]);
      const members = await found;
      stop();
      if (failed !== undefined) throw badSdist(file, failed);
      return members;
    },
    abandon: stop,
  };
}

async function collectMembers(stream: ReadableStream<Uint8Array>, file: SdistFile): Promise<Members> {
  const { createTarDecoder } = await import("modern-tar");
  let unpacked = 0;
  const bounded = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      unpacked += chunk.length;
      if (unpacked > MAX_UNPACKED) controller.error(new Error("it unpacks to more than 1 GiB"));
      else controller.enqueue(chunk);
    },
  });
  const entries = stream.pipeThrough(bounded).pipeThrough(createTarDecoder({ strict: true }));
  const members: Members = {};
  let count = 0;
  for await (const entry of entries) {
    count += 1;
    if (count > MAX_MEMBERS) throw new Error(`it has more than ${MAX_MEMBERS} members`);
    const kind = entry.header.type === "file" ? memberKind(entry.header.name) : undefined;
    if (kind === undefined || entry.header.size > MAX_MEMBER) {
      await passOver(entry.body);
      continue;
    }
    members[kind] = new Uint8Array(await new Response(entry.body).arrayBuffer());
    if (staticPkgInfo(members.pkgInfo, file) !== undefined) break;
    if (members.pkgInfo !== undefined && members.pyproject !== undefined) break;
  }
  return members;
}

/**
 * Reads a body to its end. To cancel it will not do: the decoder is ahead of its reader, and then cancels the body that it is at by
 * now, whose reader waits for ever.
 */
async function passOver(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  while (!(await reader.read()).done);
}

function badSdist(file: SdistFile, cause: unknown): Failure {
  return new Failure("DXPY_BAD_SDIST", `${file.filename} cannot be read: ${(cause as Error).message}`, {
    context: { file: file.filename, url: file.url },
    cause,
    hint: "The file is damaged or not a gzipped tar. Use another version or another source.",
  });
}
