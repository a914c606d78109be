/** Attaching makes a project's `.venv` the link to a layout, without a moment in which there is none. */
import { existsSync, lstatSync, readdirSync, renameSync } from "node:fs";
import { readDescription } from "../layout/layout-description.ts";
import { uniqueName } from "../platform/atomic-file.ts";
import { Failure } from "../platform/errors.ts";
import type { Home } from "../platform/home.ts";
import { readLink, symlinkAtomic } from "../platform/links.ts";
import { removeTree } from "../platform/staging.ts";
import { recordGeneration } from "./roots.ts";

export interface AttachOptions {
  home: Home;
  /** Absolute path of the link. */
  link: string;
  /** Absolute path of the layout: `<home>/layouts/<project-hash>`. */
  layoutPath: string;
  /** Lower-case hex digest of the lock. */
  lock: string;
}

/** True when something changed. The generation is recorded first: no link is without a root that keeps its layout. */
export function attach(options: AttachOptions): boolean {
  const { home, link, layoutPath, lock } = options;
  recordGeneration(home, link, layoutPath.slice(layoutPath.lastIndexOf("/") + 1), lock);
  if (readLink(link) === layoutPath) return false;
  replaceEnvironment(link, () => symlinkAtomic(layoutPath, link));
  return true;
}

/**
 * Puts something new where an environment may be. A link is simply replaced; a folder only when it is an environment
 * (or empty): it is moved aside, comes back when `put` fails, and is removed when the new one stands. Failure
 * `DXPY_NOT_AN_ENVIRONMENT` for anything else: it is somebody's.
 */
export function replaceEnvironment(link: string, put: () => void): void {
  const stats = lstatSync(link, { throwIfNoEntry: false });
  if (stats === undefined || isLink(link)) {
    put();
    return;
  }
  if (!stats.isDirectory() || !isEnvironment(link)) {
    throw new Failure(
      "DXPY_NOT_AN_ENVIRONMENT",
      `${link} is there already, and is not a Python environment`,
      {
        context: { path: link },
        hint: "Move it away or remove it, then run the command again.",
      },
    );
  }
  const aside = `${link}.${uniqueName("replaced-")}`;
  renameSync(link, aside);
  try {
    put();
  } catch (error) {
    if (!existsSync(link)) renameSync(aside, link);
    throw error;
  }
  removeTree(aside);
}

function isLink(path: string): boolean {
  const target = readLink(path);
  return target !== undefined && target !== null;
}

/** Whether a real environment that dx-py did not make is at a place: what is in it goes when another comes. */
export function foreignEnvironment(link: string): boolean {
  return readLink(link) === null && existsSync(`${link}/pyvenv.cfg`) && readDescription(link) === undefined;
}

/** A virtual environment (PEP 405), or the empty folder that some tools make beforehand. */
function isEnvironment(path: string): boolean {
  return existsSync(`${path}/pyvenv.cfg`) || readdirSync(path).length === 0;
}
