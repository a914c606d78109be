import type { Interpreter } from "../../interpreters/interpreter.ts";
import { parseRequirement } from "../../standards/requirements.ts";
import type { ResolveRequest, RootRequirement } from "../request.ts";
import type { Resolution } from "../resolution.ts";
import { resolve } from "../resolve.ts";
import { type Universe, universeIndex } from "./universe.ts";

/** What a test asks for, in few words. */
export interface Asked extends Partial<Omit<ResolveRequest, "requirements" | "constraints" | "overrides">> {
  requires?: string[];
  optional?: Record<string, string[]>;
  dependencyGroups?: Record<string, string[]>;
  constrain?: string[];
  override?: string[];
}

export function requestOf(asked: Asked): ResolveRequest {
  const {
    requires = [],
    optional = {},
    dependencyGroups = {},
    constrain = [],
    override = [],
    ...rest
  } = asked;
  const declared = (texts: string[], scope: RootRequirement["scope"], at: string): RootRequirement[] =>
    texts.map((text, i) => ({ requirement: parseRequirement(text), scope, declaredAt: `${at}[${i}]` }));
  return {
    root: { name: "project", version: "0.1.0" },
    requirements: [
      ...declared(requires, {}, "project.dependencies"),
      ...Object.entries(optional).flatMap(([extra, texts]) =>
        declared(texts, { extra }, `project.optional-dependencies.${extra}`),
      ),
      ...Object.entries(dependencyGroups).flatMap(([group, texts]) =>
        declared(texts, { group }, `dependency-groups.${group}`),
      ),
    ],
    requiresPython: ">=3.12",
    extras: Object.keys(optional),
    groups: Object.keys(dependencyGroups),
    constraints: constrain.map((text) => parseRequirement(text)),
    overrides: override.map((text) => parseRequirement(text)),
    excludes: [],
    sources: {},
    indexPins: {},
    environments: [],
    requiredEnvironments: [],
    conflicts: [],
    prerelease: "if-necessary-or-explicit",
    resolution: "highest",
    forkStrategy: "requires-python",
    excludeNewerPackage: {},
    noBinary: [],
    noBuild: [],
    preferences: [],
    upgrade: [],
    ...rest,
  };
}

/** Of an interpreter the resolver only asks the version. */
export const python312 = { version: "3.12.1" } as Interpreter;

export async function resolveIn(
  universe: Universe,
  asked: Asked,
  options: { delay?: (key: string) => number; solveEachFork?: boolean } = {},
): Promise<Resolution> {
  const { solveEachFork = false } = options;
  const index = universeIndex(universe, options);
  return await resolve(requestOf(asked), { index, interpreter: python312, solveEachFork });
}

/** `name version ; marker` of each package. */
export function lines(resolution: Resolution): string[] {
  return resolution.packages.map(
    ({ name, version, marker }) => `${name} ${version}${marker === undefined ? "" : ` ; ${marker}`}`,
  );
}
