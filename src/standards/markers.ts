/** Environment markers: syntax, text form and meaning (PEP 508, PEP 685; `extras` and `dependency_groups` of PEP 751). */
import type { MarkerEnvironment } from "./marker-environment.ts";
import { normalizeExtra } from "./names.ts";
import { stripPythonSpace } from "./python-space.ts";
import { readSpecifier, type Specifier, specifierContains } from "./specifiers.ts";
import {
  atEnd,
  openCursor,
  skipWhite,
  syntaxFailure,
  type TokenCursor,
  take,
  takeCharacter,
} from "./token-cursor.ts";
import { tryParseVersion, type Version } from "./version.ts";

export type MarkerVariable = keyof MarkerEnvironment | "extra" | "extras" | "dependency_groups";

export type MarkerOperand =
  | { readonly kind: "variable"; readonly name: MarkerVariable }
  | { readonly kind: "value"; readonly value: string };

export type MarkerOperator = "==" | "!=" | "<=" | ">=" | "<" | ">" | "~=" | "===" | "in" | "not in";

export interface MarkerComparison {
  readonly kind: "compare";
  readonly left: MarkerOperand;
  readonly op: MarkerOperator;
  readonly right: MarkerOperand;
}

/** `operands` are two or more, and none of them is of the same kind as its parent. */
export type Marker = { readonly kind: "and" | "or"; readonly operands: readonly Marker[] } | MarkerComparison;

/** What a marker is evaluated against. Absent: no extra, no extras, no groups. */
export type MarkerContext = MarkerEnvironment & {
  extra?: string | undefined;
  extras?: readonly string[] | undefined;
  dependency_groups?: readonly string[] | undefined;
};

/** Parentheses deeper than this are refused. */
const MAX_DEPTH = 100;

const QUOTED = /'[^'\x00-\x08\x0a-\x1f\x7f]*'|"[^"\x00-\x08\x0a-\x1f\x7f]*"/y;
const OPERATOR = /===|==|~=|!=|<=|>=|<|>|\bin\b|\bnot[ \t]+in\b/y;
const BOOLEAN = /\b(?:or|and)\b/y;
const VARIABLE =
  /\b(?:python_version|python_full_version|os[._]name|sys[._]platform|platform_(?:release|system)|platform[._](?:version|machine|python_implementation)|python_implementation|implementation_(?:name|version)|extras?|dependency_groups)\b/y;

/** Reads a marker. Failure: DXPY_BAD_MARKER, the place marked in `context.detail`. */
export function parseMarker(text: string, options: { where?: string } = {}): Marker {
  const cursor = openCursor(text, "DXPY_BAD_MARKER", options.where);
  const marker = readMarker(cursor);
  if (!atEnd(cursor)) throw syntaxFailure(cursor, "`and`, `or` or the end is expected here");
  return marker;
}

/** Reads `comparison (and|or comparison)*` up to the first token that does not continue it. */
export function readMarker(cursor: TokenCursor, depth = 0): Marker {
  const alternatives: Marker[] = [];
  let conjunction: Marker[] = [readAtom(cursor, depth)];
  for (let word = take(cursor, BOOLEAN); word !== undefined; word = take(cursor, BOOLEAN)) {
    if (word === "or") {
      alternatives.push(combine("and", conjunction));
      conjunction = [];
    }
    conjunction.push(readAtom(cursor, depth));
  }
  alternatives.push(combine("and", conjunction));
  return combine("or", alternatives);
}

function combine(kind: "and" | "or", operands: Marker[]): Marker {
  if (operands.length === 1) return operands[0]!;
  return { kind, operands: operands.flatMap((one) => (one.kind === kind ? one.operands : [one])) };
}

function readAtom(cursor: TokenCursor, depth: number): Marker {
  skipWhite(cursor);
  const open = cursor.at;
  if (!takeCharacter(cursor, "(")) return readComparison(cursor);
  if (depth >= MAX_DEPTH) throw syntaxFailure(cursor, `parentheses are nested deeper than ${MAX_DEPTH}`);
  const inner = readMarker(cursor, depth + 1);
  skipWhite(cursor);
  if (!takeCharacter(cursor, ")")) throw syntaxFailure(cursor, "the parenthesis is not closed", open);
  skipWhite(cursor);
  return inner;
}

function readComparison(cursor: TokenCursor): Marker {
  const left = readOperand(cursor);
  skipWhite(cursor);
  const word = take(cursor, OPERATOR);
  if (word === undefined) {
    throw syntaxFailure(
      cursor,
      "an operator is expected here, one of ==, !=, <=, <, >=, >, ~=, ===, in, not in",
    );
  }
  skipWhite(cursor);
  const right = readOperand(cursor);
  skipWhite(cursor);
  return {
    kind: "compare",
    left: normalizeValue(left, right),
    op: (word.startsWith("not") ? "not in" : word) as MarkerOperator,
    right: normalizeValue(right, left),
  };
}

function readOperand(cursor: TokenCursor): MarkerOperand {
  const variable = take(cursor, VARIABLE);
  if (variable !== undefined) {
    const name = variable.replaceAll(".", "_");
    if (name === "python_implementation") return { kind: "variable", name: "platform_python_implementation" };
    return { kind: "variable", name: name as MarkerVariable };
  }
  const quoted = take(cursor, QUOTED);
  if (quoted !== undefined) return { kind: "value", value: quoted.slice(1, -1) };
  throw syntaxFailure(cursor, "a marker variable or a quoted string is expected here");
}

/** A value compared with extras or groups is a name, and names are compared in their normal form (PEP 685). */
function normalizeValue(operand: MarkerOperand, other: MarkerOperand): MarkerOperand {
  if (operand.kind !== "value" || other.kind !== "variable") return operand;
  if (other.name !== "extra" && other.name !== "extras" && other.name !== "dependency_groups") return operand;
  return { kind: "value", value: normalizeExtra(operand.value) };
}

/** Double quotes, single spaces, parentheses around an `and` or `or` within the other. `parseMarker` reads it back. */
export function formatMarker(marker: Marker): string {
  if (marker.kind === "compare") {
    return `${formatOperand(marker.left)} ${marker.op} ${formatOperand(marker.right)}`;
  }
  return marker.operands
    .map((one) => (one.kind === "compare" ? formatMarker(one) : `(${formatMarker(one)})`))
    .join(` ${marker.kind} `);
}

function formatOperand(operand: MarkerOperand): string {
  if (operand.kind === "variable") return operand.name;
  return operand.value.includes('"') ? `'${operand.value}'` : `"${operand.value}"`;
}

/**
 * Whether the environment satisfies the marker. Versions are compared as versions where the variable holds one and the
 * other side is one (pre-releases count); everything else as text, for which `<` and `>` never hold. A comparison that means
 * nothing (two literals, two variables, `~=` on text) is false.
 */
export function evaluateMarker(marker: Marker, env: MarkerContext): boolean {
  if (marker.kind === "compare") return evaluateComparison(marker, env);
  if (marker.kind === "and") return marker.operands.every((one) => evaluateMarker(one, env));
  return marker.operands.some((one) => evaluateMarker(one, env));
}

function evaluateComparison(comparison: MarkerComparison, env: MarkerContext): boolean {
  const { left, right, op } = comparison;
  if (left.kind === right.kind) return false;
  const variable = left.kind === "variable" ? left.name : (right as { name: MarkerVariable }).name;
  if (variable === "extras" || variable === "dependency_groups") {
    if (left.kind === "variable" || (op !== "in" && op !== "not in")) return false;
    const has = (env[variable] ?? []).some((name) => normalizeExtra(name) === left.value);
    return op === "in" ? has : !has;
  }
  const value = variableText(variable, env);
  const leftText = left.kind === "value" ? left.value : value;
  const rightText = right.kind === "value" ? right.value : value;
  if (HOLDS_VERSION.has(variable)) {
    const specifier = specifierOf(op, rightText);
    if (specifier !== undefined) {
      return specifierContains(specifier, op === "===" ? leftText : (versionOf(leftText) ?? leftText));
    }
  }
  switch (op) {
    case "in":
      return rightText.includes(leftText);
    case "not in":
      return !rightText.includes(leftText);
    case "==":
    case "<=":
    case ">=":
      return leftText === rightText;
    case "!=":
      return leftText !== rightText;
    default:
      return false;
  }
}

const HOLDS_VERSION: ReadonlySet<MarkerVariable> = new Set<MarkerVariable>([
  "implementation_version",
  "platform_release",
  "python_full_version",
  "python_version",
]);

function variableText(
  variable: Exclude<MarkerVariable, "extras" | "dependency_groups">,
  env: MarkerContext,
): string {
  if (variable === "extra") return normalizeExtra(env.extra ?? "");
  const text = env[variable];
  // An untagged build of CPython calls itself `3.14.0a1+`, which is no version until something follows the plus.
  return variable === "python_full_version" && text.endsWith("+") ? `${text}local` : text;
}

// Metadata repeats a few dozen comparisons thousands of times; what was read stays read, up to a bound.
const MEMORY = 1024;
const specifiers = new Map<string, Specifier | undefined>();
const versions = new Map<string, Version | undefined>();

function specifierOf(op: MarkerOperator, text: string): Specifier | undefined {
  if (op === "in" || op === "not in") return undefined;
  return remembered(specifiers, op + text, () => readSpecifier(stripPythonSpace(op + text)));
}

function versionOf(text: string): Version | undefined {
  return remembered(versions, text, () => tryParseVersion(text));
}

function remembered<T>(memory: Map<string, T>, key: string, make: () => T): T {
  if (memory.has(key)) return memory.get(key)!;
  const made = make();
  if (memory.size >= MEMORY) memory.clear();
  memory.set(key, made);
  return made;
}
