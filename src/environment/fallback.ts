/** When the store or the layouts cannot be used, and why, in words: the case for an ordinary environment (C4). */
import { Failure } from "../platform/errors.ts";

const REASONS: Readonly<Record<string, string>> = {
  EROFS: "it is on a read-only file system",
  EACCES: "permission is denied",
  EPERM: "the system does not permit it",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOTSUP: "the file system has no links",
  EOPNOTSUPP: "the file system has no links",
  ENOSYS: "the file system has no links",
  ENOTDIR: "a file is where a folder should be",
  // Of `mkdir` only: elsewhere it tells of another process.
  EEXIST: "a file is where a folder should be",
  EXDEV: "it is spread over several file systems",
};

/** What about the home makes a layout impossible; `undefined` for errors that an ordinary environment would not avoid. */
export function fallbackReason(error: unknown): string | undefined {
  if (error instanceof Failure) {
    const ours = error.code === "DXPY_STORE_UNWRITABLE" || error.code === "DXPY_LOCK_UNAVAILABLE";
    if (!ours) return undefined;
    // The cause of what a worker says stays with the worker; its code is in the message.
    const code = /\((E[A-Z]+)\)/.exec(error.message)?.[1] ?? "";
    const reason = REASONS[code];
    return (
      fallbackReason(error.cause) ?? (reason === undefined ? error.message : `${error.message}: ${reason}`)
    );
  }
  const { code, path, dest, syscall } = (error ?? {}) as {
    code?: string;
    path?: string;
    dest?: string;
    syscall?: string;
  };
  if (code === undefined || syscall === undefined || (code === "EEXIST" && syscall !== "mkdir"))
    return undefined;
  // Folders above are made first: that one is missing all the same tells of a place like /proc.
  const none = code === "ENOENT" && syscall === "mkdir" ? "no folder can be made there" : undefined;
  const reason = none ?? REASONS[code];
  return reason === undefined
    ? undefined
    : `${dest ?? path ?? "the store"} cannot be written (${code}): ${reason}`;
}
