import type { MarkerEnvironment } from "../marker-environment.ts";
import type { Marker, MarkerComparison, MarkerOperator } from "../markers.ts";
import { evaluateMarker, type MarkerContext } from "../markers.ts";
import { normalizeExtra } from "../names.ts";
import { readSpecifier, type Specifier } from "../specifiers.ts";
import { tryParseVersion } from "../version.ts";
import { complement, emptySet, type IntegerSet, union } from "./integer-set.ts";
import { possiblePlatforms, systemNames } from "./known-platforms.ts";
import { falseMarker, MarkerArena, type MarkerTree, trueMarker, type Variable } from "./marker-arena.ts";
import { fullVersions, pythonPoint, shortVersions } from "./python-versions.ts";

/** An arena that knows which platforms exist. */
export function createMarkerArena(): MarkerArena {
  const arena = new MarkerArena();
  arena.setPossible(possiblePlatforms(arena));
  return arena;
}

/** The diagram of a marker (PEP 508); `undefined`, the absent marker, is always true. */
export function fromMarker(arena: MarkerArena, marker: Marker | undefined): MarkerTree {
  if (marker === undefined) return trueMarker;
  if (marker.kind === "compare") return fromComparison(arena, marker);
  let tree = marker.kind === "and" ? trueMarker : falseMarker;
  for (const operand of marker.operands) {
    const one = fromMarker(arena, operand);
    tree = marker.kind === "and" ? arena.and(tree, one) : arena.or(tree, one);
  }
  return tree;
}

const mirrored: Readonly<Record<string, MarkerOperator>> = {
  "==": "==",
  "!=": "!=",
  "===": "===",
  "~=": "~=",
  "<": ">",
  ">": "<",
  "<=": ">=",
  ">=": "<=",
};

function fromComparison(arena: MarkerArena, comparison: MarkerComparison): MarkerTree {
  const { left, right, op } = comparison;
  if (left.kind === right.kind) return falseMarker;
  const reversed = left.kind === "value";
  const variable = left.kind === "variable" ? left.name : right.kind === "variable" ? right.name : "extra";
  const value = left.kind === "value" ? left.value : right.kind === "value" ? right.value : "";
  if (variable === "extras" || variable === "dependency_groups") {
    if (!reversed || (op !== "in" && op !== "not in")) return falseMarker;
    const kind = variable === "extras" ? "extras" : "group";
    return negatedIf(arena, op === "not in", arena.question({ kind, value: normalizeExtra(value) }));
  }
  if (variable === "extra") {
    if (op !== "==" && op !== "!=") return falseMarker;
    return negatedIf(arena, op === "!=", arena.question({ kind: "extra", value: normalizeExtra(value) }));
  }
  if (variable === "python_version" || variable === "python_full_version") {
    const set = pythonSet(variable, op, value, reversed);
    if (set !== undefined) return arena.inRange("python_full_version", set);
  } else if (op === "==" || op === "!=") {
    const sameAs = variable === "platform_system" ? systemNames[value] : undefined;
    const holds =
      sameAs === undefined ? arena.textEquals(variable, value) : arena.textEquals("sys_platform", sameAs);
    return negatedIf(arena, op === "!=", holds);
  }
  if (op === "not in")
    return arena.not(arena.question({ kind: "compare", variable, op: "in", value, reversed }));
  return arena.question({ kind: "compare", variable, op, value, reversed });
}

function negatedIf(arena: MarkerArena, negate: boolean, tree: MarkerTree): MarkerTree {
  return negate ? arena.not(tree) : tree;
}

/** The versions that satisfy a comparison; `undefined` where the value is no version and text is compared. */
function pythonSet(
  variable: "python_version" | "python_full_version",
  op: MarkerOperator,
  value: string,
  reversed: boolean,
): IntegerSet | undefined {
  const versionsFor = variable === "python_version" ? shortVersions : fullVersions;
  if (op === "in" || op === "not in") {
    if (reversed) return undefined;
    let set: IntegerSet = emptySet;
    for (const word of value.split(/[\s,|]+/).filter((one) => one !== "")) {
      const specifier = readSpecifier(`==${word}`);
      if (specifier === undefined) return undefined;
      set = union(set, versionsFor(specifier));
    }
    return op === "in" ? set : complement(set);
  }
  const operator = reversed ? mirrored[op]! : op;
  const specifier: Specifier | undefined = readSpecifier(`${operator}${value.trim()}`);
  return specifier?.parsed === undefined ? undefined : versionsFor(specifier);
}

/** Whether an environment satisfies the marker. `extra` in it may be one name; `extras` and groups are lists. */
export function evaluateTree(arena: MarkerArena, tree: MarkerTree, env: MarkerContext): boolean {
  return arena.follow(tree, (variable) => answerOf(variable, env));
}

function answerOf(variable: Variable, env: MarkerContext): number | string | boolean {
  if (variable.kind === "range") {
    const version = tryParseVersion(env[variable.name].replace(/\+$/, ""));
    return version === undefined ? 0 : pythonPoint(version.release);
  }
  if (variable.kind === "choice") {
    return String(env[variable.name as keyof MarkerEnvironment] ?? "");
  }
  const { asked } = variable;
  if (asked.kind === "compare") return evaluateMarker(comparisonOf(asked), env);
  if (asked.kind === "extra") return normalizeExtra(env.extra ?? "") === asked.value;
  return (asked.kind === "extras" ? env.extras : env.dependency_groups)?.includes(asked.value) ?? false;
}

/** A question that is a comparison, as a marker again. */
export function comparisonOf(asked: {
  variable: string;
  op: string;
  value: string;
  reversed: boolean;
}): MarkerComparison {
  const variable = { kind: "variable", name: asked.variable as keyof MarkerEnvironment } as const;
  const value = { kind: "value", value: asked.value } as const;
  return {
    kind: "compare",
    left: asked.reversed ? value : variable,
    op: asked.op as MarkerOperator,
    right: asked.reversed ? variable : value,
  };
}
