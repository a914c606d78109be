/** Answers `env rollback [N] [-q]` on the warm path: a generation that is there and whole is attached by one symlink. */
import { lstatSync } from "node:fs";
import { layoutPath, looksHealthy } from "../environment/layout-health.ts";
import { readRoot } from "../environment/roots.ts";
import { linkTarget, swapLink } from "../environment/warm.ts";
import { findRecord } from "../layout/dxc.ts";
import { openDxc } from "../layout/open-dxc.ts";
import { homeFolders } from "../platform/home.ts";
import { writeLine } from "./reporter/write-line.ts";

/** What comes after `env rollback`. True when it was done; else the full command line finds out what is the matter. */
export function answerRollback(words: readonly string[]): boolean {
  try {
    return attachGeneration(words);
  } catch {
    return false;
  }
}

function attachGeneration(words: readonly string[]): boolean {
  let wanted: number | undefined;
  let quiet = false;
  for (const word of words) {
    if (word === "-q" || word === "--quiet") quiet = true;
    else if (wanted === undefined && /^[1-9]\d{0,8}$/.test(word)) wanted = Number(word);
    else return false;
  }
  const link = nearestLink();
  const home = homeFolders(process.env);
  const current = link === undefined ? null : linkTarget(link);
  const generations = link === undefined ? undefined : readRoot(home, link)?.generations;
  if (link === undefined || generations === undefined || current == null) return false;
  const paths = generations.map(({ layout }) => `${home.layouts}/${layout}`);
  const attached = paths.indexOf(current);
  const place =
    wanted === undefined
      ? (attached === -1 ? generations.length : attached) - 1
      : generations.findIndex(({ n }) => n === wanted);
  const chosen = generations[place];
  if (chosen === undefined) return false;
  const dxc = openDxc(home.layoutsIndex);
  const record = dxc && findRecord(dxc, Uint8Array.fromHex(chosen.layout));
  if (record?.kind !== "layout" || !looksHealthy(home, record)) return false;
  const path = layoutPath(home, record);
  if (path !== current) swapLink(path, link, current);
  if (quiet) return true;
  const packages = record.packages === 1 ? "1 package" : `${record.packages} packages`;
  writeLine(2, `Attached generation ${chosen.n} (${packages})`);
  writeLine(2, "hint: `dx-py install`, and `run` without `--no-sync`, go back to what the lock says");
  return true;
}

/** The `.venv` of the nearest folder upward that has one. */
function nearestLink(): string | undefined {
  for (let dir = process.cwd(); ; dir = dir.slice(0, dir.lastIndexOf("/"))) {
    const link = `${dir}/.venv`;
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) return link;
    if (dir === "") return undefined;
  }
}
