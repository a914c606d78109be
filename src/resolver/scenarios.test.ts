/**
 * Resolver scenarios in the packse format, when they lie beside the repository: each must have a solution exactly where
 * it says so, with the versions that it names.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../platform/errors.ts";
import type { Resolution } from "./resolution.ts";
import { type Asked, resolveIn } from "./testing/requests.ts";
import type { Universe } from "./testing/universe.ts";

interface Scenario {
  name: string;
  root: { requires?: string[]; requires_python?: string; extras?: Record<string, string[]> };
  packages?: Universe;
  environment?: { python?: string };
  resolver_options?: {
    python?: string;
    universal?: boolean;
    prereleases?: boolean;
    resolution?: Asked["resolution"];
    no_binary?: string[];
    no_build?: string[];
    required_environments?: string[];
  };
  expected: { satisfiable?: boolean; packages?: Record<string, string> };
  /** Present where the scenario is about another command than a first lock. */
  testgen?: unknown;
}

/** What is expected here is expected of a second lock: the first one, without preferences, has a solution. */
const ofSecondLock = new Set(["preferences-dependent-forking-conflicting"]);

const folder = join(import.meta.dir, "../../../shared/conformance/scenarios");
const present = existsSync(folder);
const files = present
  ? (readdirSync(folder, { recursive: true }) as string[]).filter((file) => file.endsWith(".toml")).sort()
  : [];

function askedBy({ root, environment, resolver_options: options = {} }: Scenario): Asked {
  const python = String(options.python ?? environment?.python ?? "3.12");
  const asked: Asked = {
    requires: root.requires ?? [],
    optional: root.extras ?? {},
    requiresPython: root.requires_python ?? `>=${python.split(".").slice(0, 2).join(".")}`,
    prerelease: options.prereleases === true ? "allow" : "if-necessary-or-explicit",
  };
  if (options.resolution !== undefined) asked.resolution = options.resolution;
  if (options.no_binary !== undefined) asked.noBinary = options.no_binary;
  if (options.no_build !== undefined) asked.noBuild = options.no_build;
  if (options.required_environments !== undefined) asked.requiredEnvironments = options.required_environments;
  return asked;
}

/** What a scenario expects of one Python or platform says little about a resolution for all of them. */
function isUniversal({ resolver_options: options, root }: Scenario): boolean {
  return options?.universal === true || root.requires_python === undefined;
}

describe.skipIf(!present)("scenarios beside the repository", () => {
  for (const file of files) {
    const scenario = Bun.TOML.parse(readFileSync(join(folder, file), "utf8")) as unknown as Scenario;
    const otherCommand = scenario.testgen !== undefined || ofSecondLock.has(scenario.name);
    test.skipIf(otherCommand)(file, async () => {
      const outcome: Resolution | Failure = await resolveIn(scenario.packages ?? {}, askedBy(scenario)).catch(
        (error: unknown) => {
          if (error instanceof Failure && error.code === "DXPY_UNSATISFIABLE") return error;
          throw error;
        },
      );
      if (outcome instanceof Failure) {
        expect(outcome.message.length).toBeGreaterThan(0);
        if (isUniversal(scenario) && scenario.expected.satisfiable === true) {
          expect(outcome.message).toBe("a solution");
        }
        return;
      }
      expect(scenario.expected.satisfiable).toBe(true);
      for (const [name, version] of Object.entries(scenario.expected.packages ?? {})) {
        expect(outcome.packages.filter((one) => one.name === name).map((one) => one.version)).toContain(
          version,
        );
      }
    });
  }
});
