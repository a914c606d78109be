/** Layouts that running processes have their files from: nothing of them may go while they run. Linux only; elsewhere nothing is known. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Home } from "../platform/home.ts";

/** Project hashes of layouts that occur in a command line or the mapped files of any process that can be looked at. */
export function layoutsOfProcesses(home: Home): Set<string> {
  const used = new Set<string>();
  if (process.platform !== "linux") return used;
  const pattern = new RegExp(`${RegExp.escape(home.layouts)}/([0-9a-f]{64})`, "g");
  for (const pid of processes()) {
    for (const text of [read(`/proc/${pid}/cmdline`), link(`/proc/${pid}/cwd`), read(`/proc/${pid}/maps`)]) {
      for (const match of text.matchAll(pattern)) used.add(match[1] as string);
    }
  }
  return used;
}

/** Output hashes of objects of a store that processes have mapped (native libraries of layouts). */
export function objectsOfProcesses(home: Home): Set<string> {
  const used = new Set<string>();
  if (process.platform !== "linux") return used;
  const pattern = new RegExp(`${RegExp.escape(home.store)}/[0-9a-f]{2}/[0-9a-f]{2}/([0-9a-f]{64})`, "g");
  for (const pid of processes()) {
    for (const match of read(`/proc/${pid}/maps`).matchAll(pattern)) used.add(match[1] as string);
  }
  return used;
}

function processes(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  } catch {
    return [];
  }
}

/** Of another user, or gone meanwhile: nothing. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
