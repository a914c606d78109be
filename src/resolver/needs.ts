import type { MarkerArena, MarkerTree } from "../standards/marker-algebra/marker-arena.ts";
import { falseMarker, trueMarker } from "../standards/marker-algebra/marker-arena.ts";
import type { SpecifierSet } from "../standards/specifiers.ts";
import { admits, type ForkEnvironment } from "./fork-environment.ts";
import type { PackageSource } from "./request.ts";

/** A requirement as the resolver works with it: read once, with its marker as a diagram. */
export interface Need {
  name: string;
  extras: readonly string[];
  specifier: SpecifierSet;
  /** May ask for `extra`. */
  marker: MarkerTree;
  /** Where this one requirement says that the project comes from. */
  source?: PackageSource;
  /** As written, and where, for messages. */
  text: string;
  declaredAt?: string;
}

/** What projects from sources of their own require. */
export interface SourceNeeds {
  /** Of every project from a source that the root requires, or that another one of these does. */
  all: Need[];
  /** Those of the folders among them, members of the workspace included. */
  local: Need[];
}

/** What replaces, narrows and drops requirements everywhere. */
export interface NeedPolicy {
  constraints: ReadonlyMap<string, readonly Need[]>;
  overrides: ReadonlyMap<string, readonly Need[]>;
  excludes: ReadonlySet<string>;
}

/** The environments of a fork and its Pythons, as one looks at requirements in them. */
export interface View {
  arena: MarkerArena;
  env: ForkEnvironment;
  python: MarkerTree;
}

/**
 * The requirements of a package, or of one extra of it, that count in a fork. `of` gives them with `extra` answered in
 * their markers. An extra that the package asks of itself (`black[d]` in `black`'s extra `all`) is replaced by what it
 * asks for.
 */
export function flattenNeeds(
  owner: string | undefined,
  of: (extra: string | undefined) => readonly Need[],
  extra: string | undefined,
  policy: NeedPolicy,
  view: View,
): Need[] {
  const out = countedNeeds(of(extra), policy, view);
  if (owner === undefined) return out;
  const queue: [string, MarkerTree][] = out
    .filter((need) => need.name === owner)
    .flatMap((need) => need.extras.map((one): [string, MarkerTree] => [one, need.marker]));
  const seen = new Set<string>();
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const [wanted, marker] = next;
    const key = `${wanted} ${marker}`;
    if (seen.has(key)) continue;
    seen.add(key);
    for (const need of countedNeeds(of(wanted), policy, view)) {
      const both = view.arena.and(marker, need.marker);
      if (need.name === owner) queue.push(...need.extras.map((one): [string, MarkerTree] => [one, both]));
      else out.push({ ...need, marker: both });
    }
  }
  const own = out
    .filter((need) => need.name === owner && need.specifier.specifiers.length > 0)
    .map((need) => ({ ...need, extras: [] }));
  return [...out.filter((need) => need.name !== owner || need.extras.length === 0), ...own];
}

function countedNeeds(needs: readonly Need[], policy: NeedPolicy, view: View): Need[] {
  const out: Need[] = [];
  for (const need of needs) {
    if (policy.excludes.has(need.name)) continue;
    const overrides = policy.overrides.get(need.name);
    if (overrides === undefined) addNeed(need, policy, view, out);
    else for (const override of overrides) addNeed(override, policy, view, out);
  }
  return out;
}

function addNeed(need: Need, policy: NeedPolicy, view: View, out: Need[]): void {
  if (!applies(need.marker, view)) return;
  out.push(need);
  for (const constraint of policy.constraints.get(need.name) ?? []) {
    const marker = view.arena.and(constraint.marker, need.marker);
    if (!view.arena.isFalse(marker) && applies(marker, view)) out.push({ ...constraint, marker });
  }
}

function applies(marker: MarkerTree, { arena, env, python }: View): boolean {
  return marker === trueMarker || (!arena.isDisjoint(python, marker) && admits(arena, env, marker));
}

/** By arena: the marker with `extra` answered, for the two questions that are asked again and again. */
const answered = new WeakMap<MarkerArena, Map<string, MarkerTree>>();

/**
 * A requirement's marker for one extra, or for none. False for an extra when the requirement is there without it: then
 * it is the base package's.
 */
export function markerForExtra(
  arena: MarkerArena,
  marker: MarkerTree,
  extra: string | undefined,
): MarkerTree {
  if (marker === trueMarker) return extra === undefined ? trueMarker : falseMarker;
  let memory = answered.get(arena);
  if (memory === undefined) {
    memory = new Map();
    answered.set(arena, memory);
  }
  const key = `${marker} ${extra ?? ""}`;
  const known = memory.get(key);
  if (known !== undefined) return known;
  const answer = (wanted: string | undefined) =>
    arena.assume(marker, (variable) => {
      if (variable.kind !== "question" || variable.asked.kind !== "extra") return undefined;
      return variable.asked.value === wanted ? 1 : 0;
    });
  const base = answer(undefined);
  const result = extra === undefined ? base : base !== falseMarker ? falseMarker : answer(extra);
  memory.set(key, result);
  return result;
}
