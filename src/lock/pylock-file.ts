import { Failure } from "../platform/errors.ts";
import { validatePylock } from "../standards/pylock.ts";
import type { Lock } from "./lock-model.ts";
import { canonicalLock } from "./lock-order.ts";
import { hasConflictMarkers } from "./pylock-conflict.ts";
import { lockFromPylock } from "./pylock-to-lock.ts";
import { writePylock } from "./pylock-writer.ts";

/** `pylock.toml` (PEP 751) as text: the lock that people review and merge. docs/formats/pylock.md says what is written. */

/** Deterministic; what is not in the writers' order is put in it. */
export function formatPylock(lock: Lock): string {
  return writePylock(canonicalLock(lock));
}

export interface ParseOptions {
  /** Told of what is read over: unknown keys, a newer minor version. */
  report?: (warning: string) => void;
}

/**
 * Also the files of other tools (uv, pip). `path` is for messages. Failures: DXPY_LOCK_CONFLICT (conflict markers),
 * DXPY_BAD_TOML (with line and column), DXPY_BAD_PYLOCK (with the key's path), DXPY_PYLOCK_VERSION.
 */
export function parsePylock(text: string, path = "pylock.toml", options: ParseOptions = {}): Lock {
  let document: unknown;
  try {
    document = Bun.TOML.parse(text);
  } catch (cause) {
    if (hasConflictMarkers(text)) throw conflictFailure(path);
    throw tomlFailure(text, path, cause);
  }
  const report = options.report ?? (() => {});
  const lock = canonicalLock(lockFromPylock(document, path, report));
  if (isForeign(document)) checkForeign(document, path, report);
  return lock;
}

/** dx-py's own locks hold what its resolver put in; the names, markers and file names of others are all looked at. */
function isForeign(document: unknown): boolean {
  return (document as { "created-by"?: unknown })["created-by"] !== "dx-py";
}

/** What can be read all the same is said and not refused: the lock was made by a tool that works with it. */
function checkForeign(document: unknown, path: string, report: (warning: string) => void): void {
  try {
    validatePylock(document);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    report(`${path} is not as PEP 751 has it: ${error.message}`);
  }
}

export function conflictFailure(path: string): Failure {
  return new Failure("DXPY_LOCK_CONFLICT", `${path} has conflict markers of an unfinished merge`, {
    context: { path },
    hint: "Run `dx-py lock`: it keeps what both sides agree on and resolves the rest.",
    exitCode: 2,
  });
}

/** Bun's parser is fast and does not say where; the second parser does, and is loaded only to complain. */
function tomlFailure(text: string, path: string, cause: unknown): Failure {
  const { parseTOML } = require("toml-eslint-parser") as typeof import("toml-eslint-parser");
  let message = cause instanceof Error ? cause.message : String(cause);
  const context: { path: string; line?: number; column?: number; detail?: string } = { path };
  try {
    parseTOML(text, { tomlVersion: "1.1" });
  } catch (error) {
    const fault = error as { message?: string; lineNumber?: number; column?: number };
    if (typeof fault.lineNumber === "number") {
      message = fault.message ?? message;
      context.line = fault.lineNumber;
      context.column = (fault.column ?? 0) + 1;
      const line = text.split("\n")[fault.lineNumber - 1];
      if (line !== undefined && line.length < 200)
        context.detail = `${line}\n${" ".repeat(fault.column ?? 0)}^`;
    }
  }
  return new Failure("DXPY_BAD_TOML", `${path} is not valid TOML: ${message}`, { context, exitCode: 2 });
}
