import { closeSync, linkSync, mkdirSync, openSync, readFileSync, symlinkSync } from "node:fs";
import type { ParsedTarEntry } from "modern-tar";
import { archivePathFault, createPathRegister, quoted } from "./archive-path.ts";
import { writeWhole } from "./atomic-file.ts";
import { asBadTar, badTar, tarEntries } from "./tar-entries.ts";
import type { ZipArchive } from "./zip.ts";

/**
 * Sdists: tar archives (gzip, xz or plain) and old zip files, unpacked by a policy of our own. What would leave the folder,
 * be no file, or contradict what is there already is refused, never repaired.
 */

const MAX_ENTRIES = 1_000_000;

/**
 * Unpacks into `into`, an empty folder, and returns the absolute path of the source tree: the one folder at the top of
 * the archive, or `into` when there is not exactly one. Failures `DXPY_BAD_TAR`, `DXPY_BAD_ZIP`, `DXPY_UNKNOWN_ARCHIVE`.
 */
export async function extractSdist(
  source: string | Uint8Array,
  filename: string,
  into: string,
): Promise<string> {
  const bytes = typeof source === "string" ? new Uint8Array(readFileSync(source)) : source;
  const tops = new Map<string, boolean>();
  const seen = (path: string, isDirectory: boolean) => {
    const slash = path.indexOf("/");
    tops.set(slash === -1 ? path : path.slice(0, slash), slash !== -1 || isDirectory);
  };
  if (isZip(bytes)) {
    const { openZip } = await import("./zip.ts");
    extractZip(openZip(bytes, { name: filename }), into, seen);
  } else {
    await extractTar(bytes, filename, into, seen);
  }
  const [[top, isDirectory] = ["", false]] = tops;
  return tops.size === 1 && isDirectory ? `${into}/${top}` : into;
}

function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);
}

/**
 * The first file whose path `wanted` accepts, without unpacking what comes after it; `undefined` when there is none.
 * Files larger than `maxBytes` (16 MiB) are refused. Reads zip files too. Failures as of `extractSdist`.
 */
export async function readTarMember(
  bytes: Uint8Array,
  wanted: (path: string) => boolean,
  options: { name?: string; maxBytes?: number } = {},
): Promise<{ path: string; bytes: Uint8Array } | undefined> {
  const { name = "the archive", maxBytes = 16 * 1024 * 1024 } = options;
  if (isZip(bytes)) {
    const { openZip } = await import("./zip.ts");
    const archive = openZip(bytes, { name });
    const entry = archive.entries.find(({ path, isDirectory }) => !isDirectory && wanted(path));
    if (entry === undefined) return undefined;
    if (entry.size > maxBytes) throw badTar(name, `${quoted(entry.path)} is too large`);
    return { path: entry.path, bytes: archive.read(entry) };
  }
  for await (const entry of tarEntries(bytes, name)) {
    const path = plainPath(entry.header.name);
    if (entry.header.type !== "file" || !wanted(path)) {
      await skip(entry, name);
      continue;
    }
    const parts: Uint8Array[] = [];
    if (entry.header.size > maxBytes) throw badTar(name, `${quoted(path)} is too large`);
    await readBody(entry, name, (piece) => parts.push(piece.slice()));
    return { path, bytes: Buffer.concat(parts) };
  }
  return undefined;
}

type Seen = (path: string, isDirectory: boolean) => void;

async function extractTar(bytes: Uint8Array, archive: string, into: string, seen: Seen): Promise<void> {
  const register = createPathRegister();
  const folders = createFolders(into);
  const files = new Set<string>();
  let count = 0;
  for await (const entry of tarEntries(bytes, archive)) {
    count += 1;
    if (count > MAX_ENTRIES) throw badTar(archive, "it has too many entries");
    const { header } = entry;
    const path = plainPath(header.name);
    const isDirectory = header.type === "directory";
    // The archive's own root, as `tar c .` writes it.
    if (isDirectory && (path === "" || path === ".")) {
      await skip(entry, archive);
      continue;
    }
    const fail = (what: string) => badTar(archive, `${quoted(header.name)} ${what}`);
    const fault = archivePathFault(path) ?? register.add(path, isDirectory);
    if (fault !== undefined) throw fail(fault);
    seen(path, isDirectory);
    const target = `${into}/${path}`;
    folders.ensure(isDirectory ? path : parentOf(path));
    if (header.type === "file") {
      const file = openSync(target, "wx", (header.mode ?? 0) & 0o111 ? 0o755 : 0o644);
      try {
        await readBody(entry, archive, (piece) => writeWhole(file, piece));
      } finally {
        closeSync(file);
      }
      files.add(path);
      continue;
    }
    await skip(entry, archive);
    if (isDirectory) continue;
    if (header.type === "symlink") {
      const link = header.linkname ?? "";
      const way = linkFault(path, link);
      if (way !== undefined) throw fail(way);
      symlinkSync(link, target);
    } else if (header.type === "link") {
      const link = plainPath(header.linkname ?? "");
      if (!files.has(link)) throw fail(`is a hard link to ${quoted(link)}, which is no file before it`);
      linkSync(`${into}/${link}`, target);
      files.add(path);
    } else {
      throw fail("is neither a file, a folder nor a link");
    }
  }
  if (count === 0) throw badTar(archive, "there is nothing in it");
}

/** Closing slashes and a leading `./` are only spelling. */
function plainPath(path: string): string {
  return path.replace(/^(\.\/+)+/, "").replace(/\/+$/, "");
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** A symbolic link may lead to what is in the same archive, by a relative path. */
function linkFault(path: string, link: string): string | undefined {
  if (link === "" || link.includes("\0")) return "is a symbolic link to nothing";
  if (link.startsWith("/") || link.includes("\\") || /^[A-Za-z]:/.test(link))
    return "is a symbolic link out of the archive";
  const parts = parentOf(path)
    .split("/")
    .filter((part) => part !== "");
  for (const part of link.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return "is a symbolic link out of the archive";
  }
  return undefined;
}

function extractZip(archive: ZipArchive, into: string, seen: Seen): void {
  const folders = createFolders(into);
  for (const entry of archive.entries) {
    seen(entry.path, entry.isDirectory);
    folders.ensure(entry.isDirectory ? entry.path : parentOf(entry.path));
    if (entry.isDirectory) continue;
    const file = openSync(`${into}/${entry.path}`, "wx", entry.executable ? 0o755 : 0o644);
    try {
      archive.stream(entry, (piece) => writeWhole(file, piece));
    } finally {
      closeSync(file);
    }
  }
}

function createFolders(into: string) {
  const made = new Set<string>([""]);
  const ensure = (path: string): void => {
    if (made.has(path)) return;
    made.add(path);
    ensure(parentOf(path));
    mkdirSync(`${into}/${path}`, 0o755);
  };
  return { ensure };
}

async function skip(entry: ParsedTarEntry, archive: string): Promise<void> {
  await readBody(entry, archive, () => {});
}

async function readBody(
  entry: ParsedTarEntry,
  archive: string,
  sink: (piece: Uint8Array) => void,
): Promise<void> {
  const reader = entry.body.getReader();
  let done = 0;
  for (;;) {
    let result: Awaited<ReturnType<typeof reader.read>>;
    try {
      result = await reader.read();
    } catch (error) {
      throw asBadTar(error, archive);
    }
    if (result.done) break;
    done += result.value.length;
    sink(result.value);
  }
  if (entry.header.type === "file" && done !== entry.header.size) {
    throw badTar(archive, `${quoted(entry.header.name)} is cut off`);
  }
}
