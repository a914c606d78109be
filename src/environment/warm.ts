/**
 * The warm path's second step: an environment that was made before is attached again, without parsing a lock, looking for an
 * interpreter, or walking a directory. It takes no lock, trusts nothing that does not check out, and gives way to the slow
 * path (`undefined`) in every doubt. It is linked into the entry point: imports nothing that costs time to load.
 */
import { readlinkSync, renameSync, symlinkSync, unlinkSync } from "node:fs";
import { type Dxc, findRecord } from "../layout/dxc.ts";
import type { AliasRecord } from "../layout/dxc-format.ts";
import { openDxc } from "../layout/open-dxc.ts";
import { changedInputs, DPL_FILE, freshnessStamp, textMatches } from "../lock/dpl-freshness.ts";
import { type Dpl, openDpl } from "../lock/dpl-reader.ts";
import type { Home } from "../platform/home.ts";
import { type AliasFacts, aliasKeys } from "./alias-key.ts";
import { aliasHolds, aliasParts, layoutPath, looksHealthy } from "./layout-health.ts";
import type { FreshLock, Root } from "./root-record.ts";
import { readRoot, recordFresh, recordGeneration } from "./roots.ts";

export interface WarmRequest extends Omit<AliasFacts, "lockDigest"> {
  home: Home;
  /** Absolute path of the link; default `<projectDir>/.venv`. */
  link?: string;
  /** With `--frozen`: the lock is taken as it is, whatever became of the inputs. */
  frozen?: boolean;
  /** Only look: say which layout it would be, and change nothing. */
  dryRun?: boolean;
}

export interface WarmResult {
  layoutPath: string;
  /** Lower-case hex. */
  projectHash: string;
  /** The link had to be made or changed. */
  changed: boolean;
  /** Number of packages. */
  packages: number;
  interpreterPath: string;
  /** `site-packages` and the scripts folder, relative to the layout. */
  sitePackages: string;
  scripts: string;
  /** Of the lock, relative to the project. */
  inputs: readonly string[];
  /** Absolute paths, beside the layout's own, that were looked at: while they look the same, the answer is the same. */
  watched: readonly string[];
}

/** Attaches what is known to be right; `undefined`: the slow path is to find out, and to say, what is the matter. */
export function warmInstall(request: WarmRequest): WarmResult | undefined {
  if (process.platform === "win32") return undefined;
  try {
    const link = request.link ?? `${request.projectDir}/.venv`;
    const fresh = freshLock(request, readRoot(request.home, link));
    return fresh === undefined ? undefined : attachKnown(fresh, request, link);
  } catch {
    return undefined;
  }
}

/**
 * The digest of the lock, in hex, and its inputs, when it is fresh: by the stamp that was remembered, else by hashing the text and the
 * inputs, which is remembered then.
 */
function freshLock(request: WarmRequest, root: Root | undefined): Omit<FreshLock, "stamp"> | undefined {
  const { projectDir, frozen, home, dryRun } = request;
  const known = root?.fresh;
  if (known !== undefined && stampOver(projectDir, known.inputs) === known.stamp) return known;
  const dpl = openDpl(`${projectDir}/${DPL_FILE}`);
  try {
    const digest = dpl.digest.toHex();
    // Of a lock that no environment was made of, nothing needs to be hashed.
    if (knownAlias(request, digest) === undefined || !textMatches(projectDir, dpl)) return undefined;
    const inputs = dpl.header.inputs.map((input) => input.path);
    if (frozen) return { digest, inputs };
    // Before the hashing: what changes during it has another stamp later.
    const stamp = stampOver(projectDir, inputs);
    if (changedInputs(projectDir, dpl)?.length !== 0) return undefined;
    if (stamp !== undefined && !dryRun) recordFresh(home, root, { stamp, inputs, digest });
    return { digest, inputs };
  } finally {
    dpl.close();
  }
}

/** `freshnessStamp` looks at the paths of the inputs only. */
function stampOver(projectDir: string, inputs: readonly string[]): string | undefined {
  const header = { inputs: inputs.map((path) => ({ path })) };
  return freshnessStamp(projectDir, { header } as unknown as Dpl);
}

function attachKnown(
  { digest: lockDigest, inputs }: Omit<FreshLock, "stamp">,
  request: WarmRequest,
  link: string,
): WarmResult | undefined {
  const { home } = request;
  const known = knownAlias(request, lockDigest);
  if (known === undefined || !aliasHolds(known.alias)) return undefined;
  const { dxc, alias } = known;
  const layout = findRecord(dxc, alias.projectHash);
  if (layout?.kind !== "layout" || !looksHealthy(home, layout)) return undefined;

  const path = layoutPath(home, layout);
  const projectHash = layout.key.toHex();
  const current = linkTarget(link);
  if (current === null) return undefined;
  const changed = current !== path;
  if (changed && !request.dryRun) {
    // The root first: at no moment is there a link to a layout that nothing keeps.
    recordGeneration(home, link, projectHash, lockDigest);
    swapLink(path, link, current);
    // Between the look and the link, a collection may have taken the layout; from now on the root keeps it.
    if (!looksHealthy(home, layout)) return undefined;
  }
  return {
    layoutPath: path,
    projectHash,
    changed,
    packages: layout.packages,
    interpreterPath: alias.interpreterPath,
    sitePackages: layout.sitePackages,
    scripts: layout.scripts,
    inputs,
    watched: aliasParts(alias),
  };
}

function knownAlias(request: WarmRequest, lockDigest: string): { dxc: Dxc; alias: AliasRecord } | undefined {
  const dxc = openDxc(request.home.layoutsIndex);
  if (dxc === undefined) return undefined;
  const keys = aliasKeys({ ...request, lockDigest: Uint8Array.fromHex(lockDigest) });
  const alias = findAlias(dxc, keys.own) ?? findAlias(dxc, keys.shared);
  return alias && { dxc, alias };
}

function findAlias(dxc: Dxc, key: Uint8Array): AliasRecord | undefined {
  const record = findRecord(dxc, key);
  return record?.kind === "alias" ? record : undefined;
}

/** `undefined`: nothing is there; `null`: something that is not a link. */
export function linkTarget(link: string): string | undefined | null {
  try {
    return readlinkSync(link);
  } catch (error) {
    return (error as { code?: string }).code === "ENOENT" ? undefined : null;
  }
}

export function swapLink(path: string, link: string, current: string | undefined): void {
  if (current === undefined) {
    symlinkSync(path, link);
    return;
  }
  const temporary = `${link}.${process.pid}-${Math.floor(performance.now() * 1e6)}`;
  symlinkSync(path, temporary);
  try {
    renameSync(temporary, link);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
}
