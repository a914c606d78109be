/**
 * Which names in an archive may become files. A wheel, an sdist or a binary-cache answer can name anything; what is
 * not a plain relative path below the folder it is unpacked into is refused, never repaired.
 */

/** Bytes of UTF-8: what Linux, macOS and Windows take for one name, and for a path with some room for the folder above. */
const MAX_SEGMENT = 255;
const MAX_PATH = 3072;
const NOT_ASCII = /[^\x00-\x7f]/;
/** Nearly every path: nothing in it that any rule but Windows' could refuse, if it is not too long. */
const PLAIN = /^(?:[A-Za-z0-9_][A-Za-z0-9_.+-]{0,200}\/)*[A-Za-z0-9_][A-Za-z0-9_.+-]{0,200}$/;
const WINDOWS_DEVICE = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$/i;

export interface PathRules {
  /** Names that differ only in case are one file there. Default: macOS and Windows. */
  foldCase?: boolean;
  /** Windows' devices and forbidden characters are refused. Default: on Windows. */
  windows?: boolean;
}

/** Why `path` may not become a file, for the end of a sentence that begins with the path; `undefined` when it may. A folder's closing slash is not part of it. */
export function archivePathFault(path: string, rules: PathRules = {}): string | undefined {
  const { windows = process.platform === "win32" } = rules;
  if (!windows && path.length <= MAX_PATH && PLAIN.test(path)) return undefined;
  if (path === "") return "has no name";
  if (path.includes("\0")) return "has a NUL in its name";
  if (/[\x01-\x1f\x7f]/.test(path)) return "has a control character in its name";
  if (path.includes("\\")) return "has a backslash in its name";
  if (path.startsWith("/")) return "is an absolute path";
  if (/^[A-Za-z]:/.test(path)) return "begins with a drive letter";
  if (byteLength(path) > MAX_PATH) return "has a name that is too long";
  for (const segment of path.split("/")) {
    if (segment === "") return "has an empty folder name in it";
    if (segment === "..") return "climbs out of the archive with “..”";
    if (segment === ".") return "has “.” as a folder name";
    if (byteLength(segment) > MAX_SEGMENT) return "has a name that is too long";
    if (windows && (/[<>:"|?*]/.test(segment) || /[ .]$/.test(segment) || WINDOWS_DEVICE.test(segment))) {
      return "has a name that Windows cannot have";
    }
  }
  return undefined;
}

function byteLength(text: string): number {
  return NOT_ASCII.test(text) ? Buffer.byteLength(text) : text.length;
}

/** An untrusted name for a message: quoted, control characters escaped, not longer than a line. */
export function quoted(name: string): string {
  const text = name.length > 120 ? `${name.slice(0, 60)}…${name.slice(-50)}` : name;
  return JSON.stringify(text).replace(/[\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, escapeUnicode);
}

function escapeUnicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The paths of one archive: tells when two of them cannot stand side by side on disk. */
export interface PathRegister {
  /** Why the path contradicts an earlier one, or `undefined`. Parents are entered as folders. A folder may come twice. */
  add(path: string, isDirectory: boolean): string | undefined;
}

export function createPathRegister(rules: PathRules = {}): PathRegister {
  const { foldCase = process.platform === "darwin" || process.platform === "win32" } = rules;
  /** Whether it is a folder, by key; and how it was written, where that is not the key. */
  const folders = new Map<string, boolean>();
  const written = new Map<string, string>();
  /** The files of a folder mostly come together. */
  let lastFolder = "";
  const keyOf = (path: string) => {
    const composed = NOT_ASCII.test(path) ? path.normalize("NFC") : path;
    return foldCase ? composed.toUpperCase().toLowerCase() : composed;
  };
  const add = (path: string, isDirectory: boolean): string | undefined => {
    const key = keyOf(path);
    const earlier = folders.get(key);
    if (earlier !== undefined) {
      const before = written.get(key) ?? key;
      if (before !== path) return `is the same name as ${quoted(before)}, written differently`;
      if (earlier !== isDirectory) return "is both a file and a folder";
      return isDirectory ? undefined : "occurs twice";
    }
    folders.set(key, isDirectory);
    if (key !== path) written.set(key, path);
    const slash = path.lastIndexOf("/");
    const folder = path.slice(0, Math.max(0, slash));
    if (slash === -1 || folder === lastFolder) return undefined;
    const fault = add(folder, true);
    if (fault === undefined) lastFolder = folder;
    return fault;
  };
  return { add };
}
