import { Failure } from "./errors.ts";

/** What the system refuses, in words. Other codes would tell of a defect, not of a disk. */
const WORDS: Readonly<Record<string, string>> = {
  EROFS: "the file system is read-only",
  EACCES: "permission is denied",
  EPERM: "the system does not permit it",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a file is where a folder should be",
  EIO: "the disk reports an error",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open",
  ENAMETOOLONG: "the path is too long",
};

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "Make room on that disk; `dx-py cache clean` removes what can be made again.",
  EDQUOT: "Make room on that disk; `dx-py cache clean` removes what can be made again.",
  EMFILE: "Raise the limit of open files (`ulimit -n`).",
  ENFILE: "Raise the limit of open files (`ulimit -n`).",
  EIO: "See the system's log about that disk.",
};

/**
 * An error of the file system as one that a person can do something about: Failure `DXPY_SYSTEM_REFUSED`. `undefined` for what is
 * no such error.
 */
export function systemFailure(error: unknown): Failure | undefined {
  if (!(error instanceof Error) || error instanceof Failure) return undefined;
  const {
    code = "",
    syscall,
    path,
    dest,
  } = error as Error & Record<"code" | "syscall" | "path" | "dest", string>;
  const making = syscall === "mkdir";
  // A folder that cannot be made although all above it are made first: /proc and its like.
  const none = making && code === "ENOENT" ? "no folder can be made there" : undefined;
  const words = making && code === "EEXIST" ? WORDS["ENOTDIR"] : (none ?? WORDS[code]);
  if (words === undefined || syscall === undefined) return undefined;
  // A file that is written under a temporary name first: its folder says more.
  const place = (dest ?? path ?? "").replace(/\/\.tmp-[^/]*$/, "");
  const what = place === "" ? `\`${syscall}\` failed` : `${place} cannot be used`;
  return new Failure("DXPY_SYSTEM_REFUSED", `${what}: ${words} (${code})`, {
    ...(place === "" ? {} : { context: { path: place } }),
    hint: HINTS[code] ?? "Check the permissions of that place.",
  });
}
