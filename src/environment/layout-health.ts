/** Whether a layout is still as it was built: a fixed number of `stat` calls, whatever it holds. On the warm path. */
import { statSync } from "node:fs";
import type { AliasRecord, LayoutRecord } from "../layout/dxc-format.ts";
import { OTHER_STORE, otherStoreIsThere } from "../layout/other-store.ts";
import type { Home } from "../platform/home.ts";

const PYTHON = process.platform === "win32" ? "python.exe" : "python";

/** Absolute path of the layout of a record. */
export function layoutPath(home: Home, record: Pick<LayoutRecord, "key">): string {
  return `${home.layouts}/${record.key.toHex()}`;
}

/**
 * True while the directories that nothing should change have their times, `pyvenv.cfg` has its size and time, and
 * `bin/python` leads to the interpreter that the layout was made for.
 */
export function looksHealthy(home: Home, record: LayoutRecord): boolean {
  const path = layoutPath(home, record);
  const s = record.stamps;
  const site = stat(`${path}/${record.sitePackages}`);
  if (site?.mtimeNs !== s.siteMtime || site.ctimeNs !== s.siteCtime) return false;
  const scripts = stat(`${path}/${record.scripts}`);
  if (scripts?.mtimeNs !== s.scriptsMtime || scripts.ctimeNs !== s.scriptsCtime) return false;
  const config = stat(`${path}/pyvenv.cfg`);
  if (config?.mtimeNs !== s.configMtime || config.size !== s.configSize) return false;
  if (stat(path)?.mtimeNs !== s.prefixMtime) return false;
  if (process.platform === "win32") return stat(`${path}/${record.scripts}/${PYTHON}`) !== undefined;
  const python = stat(`${path}/${record.scripts}/${PYTHON}`);
  if (python?.size !== record.interpreterSize || python.mtimeNs !== record.interpreterMtimeNs) return false;
  // A store of the system that was taken away takes the packages along that were used in it.
  return otherStoreIsThere(path);
}

/** What {@link looksHealthy} looks at, absolute. */
export function layoutParts(path: string, record: Pick<LayoutRecord, "sitePackages" | "scripts">): string[] {
  const { sitePackages, scripts } = record;
  return [
    path,
    `${path}/${sitePackages}`,
    `${path}/${scripts}`,
    `${path}/pyvenv.cfg`,
    `${path}/${scripts}/${PYTHON}`,
    `${path}/${OTHER_STORE}`,
  ];
}

/** What {@link aliasHolds} looks at. */
export function aliasParts(alias: AliasRecord): string[] {
  return [alias.interpreterPath, ...alias.watched.map((file) => file.path)];
}

/** True while the interpreter that an alias stands for, and the files that it watches, are as they were. */
export function aliasHolds(alias: AliasRecord): boolean {
  const python = stat(alias.interpreterPath);
  if (python?.size !== alias.interpreterSize || python.mtimeNs !== alias.interpreterMtimeNs) return false;
  return alias.watched.every((file) => {
    const found = stat(file.path);
    return (found?.size ?? 0n) === file.size && (found?.mtimeNs ?? 0n) === file.mtimeNs;
  });
}

function stat(path: string) {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    // A path through something that is no directory, or that may not be entered.
    return undefined;
  }
}
