/** Layouts that running processes have their files from: nothing of them may go while they run. Linux only; elsewhere nothing is known. */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Home } from "../platform/home.ts";

/**
 * Project hashes of layouts that occur in the command line, the variables (`PATH` of what `dx-py run` started), or the mapped files of any
 * process that can be looked at, or that its program was started from (`.venv/bin/python`).
 */
export function layoutsOfProcesses(home: Home): Set<string> {
  const used = new Set<string>();
  if (process.platform !== "linux") return used;
  const pattern = new RegExp(`${RegExp.escape(home.layouts)}/([0-9a-f]{64})`, "g");
  for (const pid of processes()) {
    const words = read(`/proc/${pid}/cmdline`);
    const cwd = link(`/proc/${pid}/cwd`);
    const started = programFolder(words.split("\0", 1)[0] ?? "", cwd);
    for (const text of [words, cwd, started, read(`/proc/${pid}/environ`), read(`/proc/${pid}/maps`)]) {
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

/** A warm `dx-py run` needs a hundredth of that; one that installs first finds out by itself what was taken away. Milliseconds. */
const LONGEST_START = 1000;

/**
 * Waits for those that found their layout before it was taken out of the index, and say nothing of it yet: every `dx-py run` that is
 * there now has become its command, has ended, or has taken so long that it is about something else.
 */
export async function runsHaveStarted(): Promise<void> {
  if (process.platform !== "linux") return;
  const until = performance.now() + LONGEST_START;
  for (let left = processes().filter(isStarting); left.length > 0; left = left.filter(isStarting)) {
    if (performance.now() > until) return;
    await Bun.sleep(2);
  }
}

function isStarting(pid: string): boolean {
  const program = link(`/proc/${pid}/exe`);
  if (!program.slice(program.lastIndexOf("/") + 1).startsWith("dx-py")) return false;
  return read(`/proc/${pid}/cmdline`).split("\0").includes("run");
}

function processes(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  } catch {
    return [];
  }
}

/** Where a program's links lead, as far as its name tells. */
function programFolder(name: string, cwd: string): string {
  if (!name.includes("/")) return "";
  try {
    return realpathSync(dirname(resolve(cwd, name)));
  } catch {
    return "";
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
