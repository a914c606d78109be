import { Failure } from "../platform/errors.ts";
import { sha256Hex } from "../platform/sha256.ts";
import { openZip, readZipEntryAt } from "../platform/zip.ts";
import { readZipDirectory, type ZipEntry } from "../platform/zip-directory.ts";
import { type CoreMetadata, parseMetadata } from "../standards/metadata.ts";
import { normalizeName } from "../standards/names.ts";
import type { DistributionFile } from "./distribution.ts";
import type { HostMemory } from "./host-memory.ts";
import type { Http } from "./http.ts";
import { projectOfFilename } from "./listing.ts";

/**
 * The METADATA of a wheel on a server, by the cheapest way that it offers: the file beside the wheel where the index announces it
 * (PEP 658), its end by range requests (the central directory, and usually METADATA, which wheels keep last), the file
 * beside it unannounced, the whole wheel.
 */
export interface RemoteContext {
  http: Http;
  hosts: HostMemory;
  /** Servers that are being asked for an unannounced `.metadata`. */
  probing: Set<string>;
  /** How much of the end of a project's wheels held the directory, where it was more than was asked for first. Bytes. */
  tails: Map<string, number>;
  /** Downloads and verifies. */
  download(file: DistributionFile): Promise<Uint8Array>;
}

/** What the first range asks for of a wheel of unknown size: holds the directory of 400 files with METADATA. Bytes. */
const FIRST_TAIL = 48 * 1024;
/** A file that comes although a part was asked for is taken, up to here. Bytes. */
const MAX_UNASKED = 16 * FIRST_TAIL;
/** A server may lack the file of one wheel and have those of others: so many are asked for before it counts as none. */
const ENOUGH_MISSES = 3;
/** How much before a long directory is asked for with it at most. Bytes. */
const MAX_BEFORE = 256 * 1024;
/** So much is asked for at once of a wheel whose predecessors have long directories, at most. Bytes. */
const MAX_TAIL = 1024 * 1024;
const METADATA = ".dist-info/METADATA";
const MAX_METADATA = 32 * 1024 * 1024;
const MAX_DIRECTORY = 128 * 1024 * 1024;

export async function wheelMetadata(file: DistributionFile, context: RemoteContext): Promise<CoreMetadata> {
  const announced = file.metadataHashes !== undefined;
  const own = (body: Uint8Array) => checkName(parseMetadata(body, { file: file.filename }), file);
  const beside = announced ? await metadataBeside(file, context) : undefined;
  if (beside !== undefined) return own(beside);
  const ranged =
    context.hosts.get(file.url).ranges === false ? undefined : await metadataByRange(file, context);
  if (ranged !== undefined) return ranged;
  // Not sooner: where nobody announces it, it may be there for one wheel and not for the next, and to say so takes some servers long.
  const unannounced = announced ? undefined : await metadataBeside(file, context);
  return unannounced === undefined ? metadataInWheel(await context.download(file), file) : own(unannounced);
}

/** `<url>.metadata`, when it is announced, known to be served by this host, or not yet known not to be. */
async function metadataBeside(
  file: DistributionFile,
  context: RemoteContext,
): Promise<Uint8Array | undefined> {
  const announced = file.metadataHashes;
  const served = context.hosts.get(file.url).metadata;
  if (announced === undefined && served === false) return undefined;
  const host = new URL(file.url).origin;
  const isProbe = announced === undefined && served === undefined;
  // One request finds out for all: those that come meanwhile are downloaded.
  if (isProbe && context.probing.has(host)) return undefined;
  if (isProbe) context.probing.add(host);
  const body = await requestBeside(file, context).finally(() => isProbe && context.probing.delete(host));
  const expected = announced?.["sha256"];
  if (body !== undefined && expected !== undefined && sha256Hex(body) !== expected) {
    throw new Failure(
      "DXPY_HASH_MISMATCH",
      `the metadata of ${file.filename} is not what the index announced`,
      {
        context: { file: file.filename, url: file.url, index: file.index },
        hint: "The index or something on the way changed it. Try again with `--refresh`.",
      },
    );
  }
  return body;
}

async function requestBeside(
  file: DistributionFile,
  { http, hosts }: RemoteContext,
): Promise<Uint8Array | undefined> {
  const [path, query] = file.url.split("?", 2);
  const url = `${path}.metadata${query === undefined ? "" : `?${query}`}`;
  const missing = [400, 401, 403, 404, 405, 410, 501];
  const answer = await http.request(url, { limit: MAX_METADATA, accept: missing });
  const found = answer.status === 200 && looksLikeMetadata(answer.body);
  if (file.metadataHashes === undefined && found) hosts.learn(file.url, { metadata: true });
  if (file.metadataHashes === undefined && !found && hosts.get(file.url).metadata === undefined) {
    const misses = (hosts.get(file.url).misses ?? 0) + 1;
    hosts.learn(file.url, misses < ENOUGH_MISSES ? { misses } : { metadata: false });
  }
  return found ? answer.body : undefined;
}

/** Servers that answer everything with a page of their own are not believed. */
function looksLikeMetadata(body: Uint8Array): boolean {
  const head = new TextDecoder().decode(body.subarray(0, 4096));
  return /^(?:\uFEFF)?[A-Za-z0-9-]+:/.test(head) && /^(?:Metadata-Version|Name)\s*:/im.test(head);
}

/** `undefined` when the server does not do ranges. */
async function metadataByRange(
  file: DistributionFile,
  context: RemoteContext,
): Promise<CoreMetadata | undefined> {
  const first = await tailOf(file, context);
  if (first === undefined) return undefined;
  if ("whole" in first) return metadataInWheel(first.whole, file);
  let { tail } = first;
  const { total, etag } = first;
  const fetchSpan = (start: number, end: number) => span(file, { start, end, total, etag }, context);
  for (let round = 0; round < 5; round += 1) {
    const directory = readZipDirectory(tail, total, file.filename, { endingIn: METADATA });
    if (directory.kind === "entries") {
      const entry = metadataEntry(directory.entries, file);
      const tailStart = total - tail.length;
      const bytes =
        entry.offset >= tailStart
          ? tail.subarray(entry.offset - tailStart, entry.end - tailStart)
          : await fetchSpan(entry.offset, entry.end);
      return checkName(
        parseMetadata(readZipEntryAt(bytes, entry, file.filename), { file: file.filename }),
        file,
      );
    }
    if (total - directory.start > MAX_DIRECTORY) break;
    // RECORD usually lies between METADATA and the directory, and is about as long as that.
    const before = Math.min(MAX_BEFORE, total - directory.start);
    const earlier = await fetchSpan(Math.max(0, directory.start - before), total - tail.length);
    tail = Buffer.concat([earlier, tail]);
    context.tails.set(projectOfFilename(file.filename), Math.min(tail.length, MAX_TAIL));
  }
  throw badWheel(file, "its central directory cannot be found");
}

type Tail = { tail: Uint8Array; total: number; etag: string | undefined } | { whole: Uint8Array };

/**
 * The larger a wheel, the more files its directory and RECORD list. Enough for 100 of 117 wheels in one round trip; of most others, METADATA
 * lies at the front.
 */
function firstTail(size: number | undefined): number {
  return size === undefined ? FIRST_TAIL : Math.min(20 * 1024 + Math.floor(size / 32), 160 * 1024);
}

async function tailOf(
  file: DistributionFile,
  { http, hosts, tails }: RemoteContext,
): Promise<Tail | undefined> {
  const known = tails.get(projectOfFilename(file.filename)) ?? 0;
  const length = Math.min(file.size ?? Number.MAX_SAFE_INTEGER, Math.max(known, firstTail(file.size)));
  let whole = false;
  const chunks: Uint8Array[] = [];
  const answer = await http.request(file.url, {
    headers: { range: `bytes=-${length}`, "accept-encoding": "identity" },
    limit: Number.MAX_SAFE_INTEGER,
    accept: [400, 416, 501],
    // A server that ignores ranges begins to send the whole file: taken if it is small, else left to `download`.
    sink(response) {
      chunks.length = 0;
      whole = response.status !== 206;
      let received = 0;
      return (chunk) => {
        chunks.push(chunk);
        received += chunk.length;
        return received <= (whole ? MAX_UNASKED : length);
      };
    },
  });
  const body = Buffer.concat(chunks);
  if (answer.status === 206) {
    const total = Number(
      /^bytes \d+-\d+\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1] ?? Number.NaN,
    );
    if (!Number.isSafeInteger(total) || total < body.length)
      throw badWheel(file, "the server answers ranges wrongly");
    hosts.learn(file.url, { ranges: true });
    return { tail: body, total, etag: strongEtag(answer.headers) };
  }
  hosts.learn(file.url, { ranges: false });
  if (answer.status === 200 && body.length <= MAX_UNASKED && isWhole(answer.headers, body))
    return { whole: body };
  return undefined;
}

function isWhole(headers: Headers, body: Uint8Array): boolean {
  const length = headers.get("content-length");
  return length !== null && Number(length) === body.length;
}

function strongEtag(headers: Headers): string | undefined {
  const etag = headers.get("etag");
  return etag === null || etag.startsWith("W/") ? undefined : etag;
}

interface Span {
  start: number;
  end: number;
  total: number;
  etag: string | undefined;
}

async function span(file: DistributionFile, { start, end, total, etag }: Span, { http }: RemoteContext) {
  if (end <= start || end - start > MAX_DIRECTORY)
    throw badWheel(file, "its directory points to impossible places");
  const answer = await http.request(file.url, {
    headers: {
      range: `bytes=${start}-${end - 1}`,
      "accept-encoding": "identity",
      ...(etag === undefined ? {} : { "if-range": etag }),
    },
    limit: end - start,
  });
  const said = answer.headers.get("content-range");
  if (
    answer.status !== 206 ||
    answer.body.length !== end - start ||
    said !== `bytes ${start}-${end - 1}/${total}`
  ) {
    throw badWheel(file, "it changed while it was read");
  }
  return answer.body;
}

/** The METADATA of a wheel that is here. Failures: DXPY_BAD_ZIP, DXPY_BAD_WHEEL. */
export function metadataInWheel(
  wheel: Parameters<typeof openZip>[0],
  file: Pick<DistributionFile, "filename" | "url">,
): CoreMetadata {
  const zip = openZip(wheel, { name: file.filename });
  const entry = metadataEntry(zip.entries, file);
  return checkName(parseMetadata(zip.read(entry), { file: file.filename }), file);
}

function metadataEntry(
  entries: readonly ZipEntry[],
  file: Pick<DistributionFile, "filename" | "url">,
): ZipEntry {
  const all = entries.filter(({ path }) => /^[^/]+\.dist-info\/METADATA$/.test(path));
  const project = projectOfFilename(file.filename);
  const own = all.filter(({ path }) => normalizeName(path.slice(0, path.indexOf("-"))) === project);
  const [entry] = own.length === 1 ? own : all;
  if (entry === undefined || (own.length !== 1 && all.length !== 1)) {
    throw badWheel(file, all.length === 0 ? "it has no METADATA" : "it has several .dist-info folders");
  }
  if (entry.size > MAX_METADATA) throw badWheel(file, "its METADATA is unreasonably large");
  return entry;
}

function checkName(metadata: CoreMetadata, file: Pick<DistributionFile, "filename" | "url">): CoreMetadata {
  const project = projectOfFilename(file.filename);
  if (file.filename.endsWith(".whl") && normalizeName(metadata.name) !== project) {
    throw badWheel(file, `its METADATA says that it is "${metadata.name.slice(0, 100)}"`);
  }
  return metadata;
}

function badWheel(file: Pick<DistributionFile, "filename" | "url">, what: string): Failure {
  return new Failure("DXPY_BAD_WHEEL", `${file.filename} cannot be used: ${what}`, {
    context: { file: file.filename, url: file.url },
  });
}
