/** Scripts of a layout: entry points written out, and the shebangs of scripts that wheels bring along. */
import type { ScriptEntryPoint } from "../store/package-object.ts";

/** The kernel reads so many bytes of a shebang line (Linux cut it at 128 for long, with the newline). */
const SHEBANG_LIMIT = 127;

/**
 * The first line or lines of a script that `python` (absolute path) runs. A path that a shebang cannot hold, because it
 * is too long or has white space, goes through `/bin/sh` in a form that Python reads as a string.
 */
export function shebang(python: string, posix = true): string {
  const length = new TextEncoder().encode(python).length + "#!\n".length;
  if (!posix || (length <= SHEBANG_LIMIT && !/\s/.test(python))) return `#!${python}\n`;
  return `#!/bin/sh\n'''exec' '${python.replaceAll("'", `'"'"'`)}' "$0" "$@"\n' '''\n`;
}

/** The script of an entry point (entry points specification): the text that uv writes, byte by byte after the shebang. */
export function entryPointScript(
  python: string,
  entry: Pick<ScriptEntryPoint, "module" | "attribute">,
  posix = true,
): string {
  const imported = entry.attribute.split(".")[0]!;
  return `${shebang(python, posix)}# -*- coding: utf-8 -*-
import sys
from ${entry.module} import ${imported}
if __name__ == "__main__":
    if sys.argv[0].endswith("-script.pyw"):
        sys.argv[0] = sys.argv[0][:-11]
    elif sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit(${entry.attribute}())
`;
}

/** A wheel's script that begins with `#!python` or `#!pythonw`, with the whole first line replaced. */
export function rewrittenScript(python: string, script: Uint8Array, posix = true): Uint8Array {
  const newline = script.indexOf(0x0a);
  const rest = newline === -1 ? new Uint8Array() : script.subarray(newline + 1);
  const first = new TextEncoder().encode(shebang(python, posix));
  const whole = new Uint8Array(first.length + rest.length);
  whole.set(first);
  whole.set(rest, first.length);
  return whole;
}

/** A `.cmd` beside a script makes it a command on Windows. */
export function windowsWrapper(python: string, scriptName: string): string {
  return `@echo off\r\n"${python}" "%~dp0${scriptName}" %*\r\n`;
}
