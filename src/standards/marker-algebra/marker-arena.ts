import { type IntegerSet, limit } from "./integer-set.ts";

/**
 * A marker as a node of a reduced, ordered decision diagram: two markers of one arena are the same number exactly
 * when they hold in the same environments (known impossible platforms aside, see `known-platforms.ts`).
 */
export type MarkerTree = number;

export const falseMarker: MarkerTree = 0;
export const trueMarker: MarkerTree = 1;

/**
 * What a node asks. `range`: where a Python version lies. `choice`: which text a variable has. `question`: yes or no,
 * for `in`, for `extra`, and for comparisons that say nothing more.
 */
export type Variable =
  | { kind: "range"; name: "python_full_version" | "implementation_version" }
  | { kind: "choice"; name: string }
  | { kind: "question"; name: string; asked: Question };

export type Question =
  | { kind: "extra" | "extras" | "group"; value: string }
  /** `value in variable`, `variable in value`, or an order of texts or versions. */
  | { kind: "compare"; variable: string; op: string; value: string; reversed: boolean };

export interface MarkerNode {
  variable: number;
  /** `range`: where the answer changes. `choice`: the texts, sorted. Otherwise empty. */
  cuts: readonly (number | string)[];
  /** `range` and `choice`: one more than cuts; the last of a choice is "any other". `question`: no, yes. */
  children: readonly MarkerTree[];
  /** Some node below asks for the platform, of which some combinations cannot be. */
  platform: boolean;
}

/** From the root of a diagram to its leaves. */
const choiceOrder = [
  "os_name",
  "sys_platform",
  "platform_system",
  "platform_machine",
  "platform_python_implementation",
  "platform_release",
  "platform_version",
  "implementation_name",
];

function rankOf({ kind, name }: Variable): string {
  if (kind === "choice") return `0${choiceOrder.indexOf(name)}${name}`;
  return `${kind === "range" ? 1 : 2}${name}`;
}

/** Where decision diagrams live. Grows only; make one for each resolution. */
export class MarkerArena {
  readonly variables: Variable[] = [];
  readonly nodes: MarkerNode[] = [
    { variable: -1, cuts: [], children: [], platform: false },
    { variable: -1, cuts: [], children: [], platform: false },
  ];
  #variableIds = new Map<string, number>();
  /** By variable id: sorts variables from the root of a diagram to its leaves. */
  readonly #ranks: string[] = [];
  /** By a hash of its parts, the newest node with that hash; by node, the one before it, or 0. */
  #unique = new Map<number, MarkerTree>();
  #nextWithHash: MarkerTree[] = [0, 0];
  #textIds = new Map<string, number>();
  #and = new Map<number, MarkerTree>();
  #or = new Map<number, MarkerTree>();
  #not = new Map<MarkerTree, MarkerTree>();
  #possible: MarkerTree = trueMarker;

  /** Platforms come first, so that what excludes each other meets at the top; then the other texts, Python, questions. */
  variable(variable: Variable): number {
    const key = rankOf(variable);
    const known = this.#variableIds.get(key);
    if (known !== undefined) return known;
    const id = this.variables.length;
    this.variables.push(variable);
    this.#ranks.push(key);
    this.#variableIds.set(key, id);
    return id;
  }

  /** The environments whose `variable` lies in `set`. */
  inRange(name: "python_full_version" | "implementation_version", set: IntegerSet): MarkerTree {
    const inside = set[0] === 0;
    const cuts = set.slice(inside ? 1 : 0);
    if (cuts[cuts.length - 1] === limit) cuts.pop();
    const children = [inside ? trueMarker : falseMarker];
    for (let i = 0; i < cuts.length; i++)
      children.push(children[i] === trueMarker ? falseMarker : trueMarker);
    return this.node(this.variable({ kind: "range", name }), cuts, children);
  }

  textEquals(name: string, value: string): MarkerTree {
    return this.node(this.variable({ kind: "choice", name }), [value], [trueMarker, falseMarker]);
  }

  question(asked: Question): MarkerTree {
    const name =
      asked.kind === "compare"
        ? `${asked.variable} ${asked.reversed ? "reversed " : ""}${asked.op} ${asked.value}`
        : `~${asked.kind} ${asked.value}`;
    return this.node(this.variable({ kind: "question", name, asked }), [], [falseMarker, trueMarker]);
  }

  /** Says which environments exist at all: what contradicts it counts as false in `isFalse` and `isDisjoint`. */
  setPossible(tree: MarkerTree): void {
    this.#possible = tree;
  }

  get possible(): MarkerTree {
    return this.#possible;
  }

  and(a: MarkerTree, b: MarkerTree): MarkerTree {
    if (a === b || b === trueMarker) return a;
    if (a === trueMarker) return b;
    if (a === falseMarker || b === falseMarker) return falseMarker;
    const key = a < b ? a * 0x400_0000 + b : b * 0x400_0000 + a;
    const known = this.#and.get(key);
    if (known !== undefined) return known;
    const result = this.#apply(a, b, true);
    this.#and.set(key, result);
    return result;
  }

  or(a: MarkerTree, b: MarkerTree): MarkerTree {
    if (a === b || b === falseMarker) return a;
    if (a === falseMarker) return b;
    if (a === trueMarker || b === trueMarker) return trueMarker;
    const key = a < b ? a * 0x400_0000 + b : b * 0x400_0000 + a;
    const known = this.#or.get(key);
    if (known !== undefined) return known;
    const result = this.#apply(a, b, false);
    this.#or.set(key, result);
    return result;
  }

  not(tree: MarkerTree): MarkerTree {
    if (tree <= 1) return 1 - tree;
    const known = this.#not.get(tree);
    if (known !== undefined) return known;
    const { variable, cuts, children } = this.nodes[tree]!;
    const result = this.node(
      variable,
      cuts,
      children.map((child) => this.not(child)),
    );
    this.#not.set(tree, result);
    this.#not.set(result, tree);
    return result;
  }

  /** Whether no environment that exists satisfies the marker. */
  isFalse(tree: MarkerTree): boolean {
    if (tree === falseMarker) return true;
    return this.nodes[tree]!.platform && this.and(tree, this.#possible) === falseMarker;
  }

  isTrue(tree: MarkerTree): boolean {
    return tree === trueMarker || (this.nodes[tree]!.platform && this.isFalse(this.not(tree)));
  }

  /** Whether no environment that exists satisfies both. */
  isDisjoint(a: MarkerTree, b: MarkerTree): boolean {
    return this.isFalse(this.and(a, b));
  }

  /** Whether every environment that satisfies `a` satisfies `b`. */
  implies(a: MarkerTree, b: MarkerTree): boolean {
    return this.isDisjoint(a, this.not(b));
  }

  /** The marker with the answers filled in that `answer` gives (a child's position); `undefined` leaves a variable. */
  assume(tree: MarkerTree, answer: (variable: Variable) => number | undefined): MarkerTree {
    const memory = new Map<MarkerTree, MarkerTree>();
    const walk = (one: MarkerTree): MarkerTree => {
      if (one <= 1) return one;
      const known = memory.get(one);
      if (known !== undefined) return known;
      const { variable, cuts, children } = this.nodes[one]!;
      const chosen = answer(this.variables[variable]!);
      const result =
        chosen !== undefined ? walk(children[chosen]!) : this.node(variable, cuts, children.map(walk));
      memory.set(one, result);
      return result;
    };
    return walk(tree);
  }

  /** Follows the diagram with the answers of one environment: the position of the child to go to. */
  follow(tree: MarkerTree, answer: (variable: Variable) => number | string | boolean): boolean {
    let at = tree;
    while (at > 1) {
      const { variable, cuts, children } = this.nodes[at]!;
      const value = answer(this.variables[variable]!);
      if (typeof value === "boolean") {
        at = children[value ? 1 : 0]!;
      } else if (typeof value === "string") {
        const index = cuts.indexOf(value);
        at = children[index < 0 ? cuts.length : index]!;
      } else {
        let index = 0;
        while (index < cuts.length && (cuts[index] as number) <= value) index += 1;
        at = children[index]!;
      }
    }
    return at === trueMarker;
  }

  /** Whether a variable comes before another on the way from the root of a diagram. */
  comesBefore(variable: number, other: number): boolean {
    return this.#ranks[variable]! < this.#ranks[other]!;
  }

  /** `and` where `both`, else `or`. */
  #apply(a: MarkerTree, b: MarkerTree, both: boolean): MarkerTree {
    const x = this.nodes[a]!;
    const y = this.nodes[b]!;
    if (x.variable !== y.variable) {
      const first = this.comesBefore(x.variable, y.variable) ? x : y;
      const other = first === x ? b : a;
      const children = first.children.map((child) => this.#combine(child, other, both));
      return this.node(first.variable, first.cuts, children);
    }
    switch (this.variables[x.variable]!.kind) {
      case "question": {
        const children = x.children.map((child, i) => this.#combine(child, y.children[i]!, both));
        return this.node(x.variable, [], children);
      }
      case "choice":
        return this.#applyChoice(x, y, both);
      case "range":
        return this.#applyRange(x, y, both);
    }
  }

  #combine(a: MarkerTree, b: MarkerTree, both: boolean): MarkerTree {
    return both ? this.and(a, b) : this.or(a, b);
  }

  #applyChoice(x: MarkerNode, y: MarkerNode, both: boolean): MarkerTree {
    const values: string[] = [];
    const children: MarkerTree[] = [];
    const anyX = x.children[x.cuts.length]!;
    const anyY = y.children[y.cuts.length]!;
    let i = 0;
    let j = 0;
    while (i < x.cuts.length || j < y.cuts.length) {
      const a = x.cuts[i] as string | undefined;
      const b = y.cuts[j] as string | undefined;
      const hasA = a !== undefined && (b === undefined || a <= b);
      const hasB = b !== undefined && (a === undefined || b <= a);
      values.push(hasA ? a : b!);
      children.push(this.#combine(hasA ? x.children[i]! : anyX, hasB ? y.children[j]! : anyY, both));
      if (hasA) i += 1;
      if (hasB) j += 1;
    }
    children.push(this.#combine(anyX, anyY, both));
    return this.node(x.variable, values, children);
  }

  #applyRange(x: MarkerNode, y: MarkerNode, both: boolean): MarkerTree {
    const cuts: number[] = [];
    const children: MarkerTree[] = [];
    let i = 0;
    let j = 0;
    while (true) {
      children.push(this.#combine(x.children[i]!, y.children[j]!, both));
      const a = x.cuts[i] as number | undefined;
      const b = y.cuts[j] as number | undefined;
      if (a === undefined && b === undefined) return this.node(x.variable, cuts, children);
      const next = a === undefined ? b! : b === undefined ? a : Math.min(a, b);
      cuts.push(next);
      if (a === next) i += 1;
      if (b === next) j += 1;
    }
  }

  /** The one node with these parts: reduced, and shared. The children ask only for what comes after `variable`. */
  node(variable: number, cuts: readonly (number | string)[], children: readonly MarkerTree[]): MarkerTree {
    const first = children[0]!;
    if (children.every((child) => child === first)) return first;
    const { kind, name } = this.variables[variable]!;
    let keptCuts = cuts;
    let kept = children;
    if (kind === "range") {
      if (children.some((child, i) => i > 0 && child === children[i - 1])) {
        keptCuts = cuts.filter((_, i) => children[i] !== children[i + 1]);
        kept = children.filter((child, i) => i === 0 || child !== children[i - 1]);
      }
    } else if (kind === "choice") {
      const other = children[children.length - 1]!;
      if (children.indexOf(other) !== children.length - 1) {
        keptCuts = cuts.filter((_, i) => children[i] !== other);
        kept = [...children.slice(0, -1).filter((child) => child !== other), other];
      }
    }
    const hash = this.#hashOf(variable, keptCuts, kept);
    const newest = this.#unique.get(hash);
    for (let one = newest ?? 0; one > 0; one = this.#nextWithHash[one]!) {
      const known = this.nodes[one]!;
      if (known.variable === variable && sameItems(known.cuts, keptCuts) && sameItems(known.children, kept))
        return one;
    }
    const id = this.nodes.length;
    const platform =
      (kind === "choice" && (name === "os_name" || name === "sys_platform" || name === "platform_system")) ||
      kept.some((child) => this.nodes[child]!.platform);
    this.nodes.push({ variable, cuts: keptCuts, children: kept, platform });
    this.#nextWithHash.push(newest ?? 0);
    this.#unique.set(hash, id);
    return id;
  }

  #hashOf(variable: number, cuts: readonly (number | string)[], children: readonly MarkerTree[]): number {
    let hash = variable;
    for (const cut of cuts)
      hash = (Math.imul(hash, 0x01000193) + (typeof cut === "number" ? cut : this.#textId(cut))) | 0;
    for (const child of children) hash = Math.imul(hash, 0x01000193) ^ child;
    return hash;
  }

  #textId(text: string): number {
    let id = this.#textIds.get(text);
    if (id === undefined) {
      id = this.#textIds.size;
      this.#textIds.set(text, id);
    }
    return id;
  }
}

function sameItems(a: readonly (number | string)[], b: readonly (number | string)[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
