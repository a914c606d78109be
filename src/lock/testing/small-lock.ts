import { Failure } from "../../platform/errors.ts";
import type { Lock, LockedPackage } from "../lock-model.ts";

/** Locks for examples: everything that is not said is empty. */
export function lockOf(packages: LockedPackage[], rest: Partial<Lock> = {}): Lock {
  return {
    environments: [],
    extras: [],
    dependencyGroups: [],
    defaultGroups: [],
    fingerprint: "",
    options: {},
    ...rest,
    packages,
  };
}

export function bare(name: string, rest: Partial<LockedPackage> = {}): LockedPackage {
  return { name, source: { kind: "index" }, dependencies: [], wheels: [], ...rest };
}

/** What the act fails with; anything else that it throws is passed on. */
export function failureOf(act: () => unknown): Failure {
  try {
    act();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
