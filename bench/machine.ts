// What machine the figures were measured on: figures without it say nothing.
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

/** One line: cores, processor, memory, system, the filesystem of `folder`, versions. */
export function machineLine(versions: Readonly<Record<string, string>>, folder = "/tmp"): string {
  const cpu = cpus();
  const model = (cpu[0]?.model ?? "unknown processor").trim();
  const filesystem = filesystemOf(folder);
  const parts = [
    `${cpu.length} cores of ${model || "an unnamed processor"}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Linux ${release().split("-")[0]}`,
    filesystem,
    ...Object.entries(versions).map(([name, version]) => `${name} ${version}`),
  ];
  return parts.filter(Boolean).join(", ");
}

/** "ext4", "tmpfs": what holds this absolute path. */
export function filesystemOf(path: string): string {
  const mounts = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "));
  const holding = mounts
    .filter((m) => m[1] !== undefined && (path === m[1] || path.startsWith(m[1] === "/" ? "/" : `${m[1]}/`)))
    .sort((a, b) => (b[1]?.length ?? 0) - (a[1]?.length ?? 0));
  return holding[0]?.[2] ?? "";
}
