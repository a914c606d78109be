/** The layouts of a home as they describe themselves, for who asks about them or mends them one by one. */
import { readdirSync } from "node:fs";
import { inspectInterpreter } from "../interpreters/inspect.ts";
import { buildLayout } from "../layout/build-layout.ts";
import { insertHoldingLock, withIndexLock } from "../layout/dxc-writer.ts";
import { type LayoutDescription, readDescription } from "../layout/layout-description.ts";
import type { LayoutPlan } from "../layout/layout-plan.ts";
import { type LayoutFault, verifyLayout } from "../layout/verify-layout.ts";
import { Failure } from "../platform/errors.ts";
import type { Home } from "../platform/home.ts";
import type { Store } from "../store/store.ts";
import { planOfDescription } from "./private-environment.ts";

export interface DescribedLayout {
  /** Absolute path of the prefix. */
  path: string;
  /** Lower-case hex: its name. */
  projectHash: string;
  /** Absent: it does not say what it is. */
  description?: LayoutDescription;
}

/** Every layout, in the order of their hashes. */
export function describedLayouts(home: Home): DescribedLayout[] {
  return names(home.layouts)
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .sort()
    .map((projectHash) => {
      const path = `${home.layouts}/${projectHash}`;
      const description = readDescription(path);
      return description === undefined ? { path, projectHash } : { path, projectHash, description };
    });
}

/** Output hashes of packages that layouts link to and no level of the store has, with what the layouts call them. */
export function lostPackages(home: Home, store: Store): Map<string, string> {
  const lost = new Map<string, string>();
  for (const { description } of describedLayouts(home)) {
    for (const { outputHash, name, version } of description?.packages ?? [])
      if (!lost.has(outputHash) && !store.has(outputHash)) lost.set(outputHash, `${name} ${version}`);
  }
  return lost;
}

/** The layout of a hash or of at least six of its first digits. Failures `DXPY_NO_LAYOUT`, `DXPY_AMBIGUOUS_LAYOUT`. */
export function layoutNamed(home: Home, what: string): DescribedLayout {
  const found = /^[0-9a-f]{6,64}$/.test(what)
    ? describedLayouts(home).filter(({ projectHash }) => projectHash.startsWith(what))
    : [];
  const [layout, another] = found;
  if (layout !== undefined && another === undefined) return layout;
  if (another !== undefined)
    throw new Failure("DXPY_AMBIGUOUS_LAYOUT", `${what} are the first digits of ${found.length} layouts`, {
      exitCode: 2,
    });
  throw new Failure("DXPY_NO_LAYOUT", `There is no layout ${JSON.stringify(what.slice(0, 100))}`, {
    hint: "`dx-py layout ls` lists them. A hash needs at least its first six digits.",
  });
}

export interface LayoutCheck {
  /** What is not as it was made; empty when all is well. */
  faults: LayoutFault[];
  /** Why it could not be compared at all: its description is gone, or a package that it links to. */
  unknown?: string;
  /** It is a package that is not there. */
  lacking?: boolean;
  plan?: LayoutPlan;
}

/** Compares a layout with its own description, every link and every file that is not the store's. */
export function checkLayout(layout: DescribedLayout, home: Home, store: Store): LayoutCheck {
  const { description, path, projectHash } = layout;
  if (description === undefined || description.projectHash !== projectHash)
    return { faults: [], unknown: "it does not say any more what it is" };
  try {
    const interpreter = inspectInterpreter(description.interpreter.executable, { home, env: process.env });
    const plan = planOfDescription(description, interpreter, store);
    return { faults: verifyLayout(plan, path), plan };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { faults: [], unknown: error.message, lacking: error.code === "DXPY_NOT_IN_STORE" };
  }
}

/** Builds a layout again in its place, under the index lock. */
export async function rebuildLayout(plan: LayoutPlan, hash: string, home: Home): Promise<void> {
  await withIndexLock(home, () => {
    const built = buildLayout(plan, home, { replace: true, hash });
    insertHoldingLock(home, [built.record]);
  });
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
