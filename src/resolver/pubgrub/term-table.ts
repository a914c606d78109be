import type { Incompatibility, IncompatibilityId, PackageId } from "./incompatibility.ts";
import type { Term } from "./term.ts";

/** What a row says of a term, as bits. `simple`: one interval, so that its ends say all. */
const bits = { positive: 1, simple: 2, empty: 4 } as const;

/** Whether a row's ends say all of its term. */
export function isInterval(flags: number): boolean {
  return (flags & bits.simple) !== 0;
}

export function isPositive(flags: number): boolean {
  return (flags & bits.positive) !== 0;
}

/** Nothing is known of a package. */
const unknown = -1;

function flagsOf({ positive, set }: Term): number {
  const shape = set.length === 2 ? bits.simple : set.length === 0 ? bits.empty : 0;
  return positive ? shape | bits.positive : shape;
}

/** How one term stands to another as far as their ends tell; `unclear` when only the sets themselves do. */
export const unclear = 2;

/**
 * The terms of incompatibilities as rows of plain integers: a solver looks at millions, and what it looks for is in
 * nearly all cases told by the first and the last version of two terms. Shared by all copies of a state; grows only.
 */
export class IncompatibilityRows {
  /** By incompatibility: where its rows begin. A row: package, flags, from, to; before the first, their number. */
  starts = new Int32Array(1024);
  rows = new Int32Array(8192);
  #end = 0;

  /** Where the next rows begin; to be set back by who knows that nobody looks at later ones any more. */
  get end(): number {
    return this.#end;
  }

  set end(end: number) {
    this.#end = end;
  }

  put(id: IncompatibilityId, { packages, terms }: Incompatibility): void {
    if (id >= this.starts.length) this.starts = grown(this.starts, id + 1);
    const size = 1 + 4 * packages.length;
    if (this.#end + size > this.rows.length) this.rows = grown(this.rows, this.#end + size);
    this.starts[id] = this.#end;
    let at = this.#end;
    this.rows[at++] = packages.length;
    for (let i = 0; i < packages.length; i++) {
      const { set } = terms[i]!;
      this.rows[at++] = packages[i]!;
      this.rows[at++] = flagsOf(terms[i]!);
      this.rows[at++] = set.length === 0 ? 0 : set[0]!;
      this.rows[at++] = set.length === 0 ? 0 : set[set.length - 1]!;
    }
    this.#end = at;
  }
}

/** The ends of what is known of each package. */
export class KnownEnds {
  #flags: Int32Array<ArrayBuffer>;
  #from: Int32Array<ArrayBuffer>;
  #to: Int32Array<ArrayBuffer>;

  constructor(like?: KnownEnds) {
    this.#flags = like === undefined ? new Int32Array(256).fill(unknown) : like.#flags.slice();
    this.#from = like === undefined ? new Int32Array(256) : like.#from.slice();
    this.#to = like === undefined ? new Int32Array(256) : like.#to.slice();
  }

  clone(): KnownEnds {
    return new KnownEnds(this);
  }

  set(id: PackageId, term: Term): void {
    if (id >= this.#flags.length) {
      const { length } = this.#flags;
      this.#flags = grown(this.#flags, id + 1).fill(unknown, length);
      this.#from = grown(this.#from, id + 1);
      this.#to = grown(this.#to, id + 1);
    }
    const { set } = term;
    this.#flags[id] = flagsOf(term);
    this.#from[id] = set.length === 0 ? 0 : set[0]!;
    this.#to[id] = set.length === 0 ? 0 : set[set.length - 1]!;
  }

  delete(id: PackageId): void {
    this.#flags[id] = unknown;
  }

  /** `compareTerms` of what is known and the term of a row, or `unclear`. */
  compare(id: PackageId, flags: number, from: number, to: number): number {
    const known = id < this.#flags.length ? this.#flags[id]! : unknown;
    if (known === unknown) return 0;
    if (((known | flags) & bits.empty) !== 0) return unclear;
    const knownFrom = this.#from[id]!;
    const knownTo = this.#to[id]!;
    const positive = (flags & bits.positive) !== 0;
    if ((known & bits.positive) !== 0) {
      if (knownTo <= from || to <= knownFrom) return positive ? -1 : 1;
      if ((flags & bits.simple) === 0) return unclear;
      if (from <= knownFrom && knownTo <= to) return positive ? 1 : -1;
      return (known & bits.simple) !== 0 ? 0 : unclear;
    }
    // Of what is ruled out only this counts: whether all of the term is.
    if (from < knownFrom || to > knownTo) return 0;
    if ((known & bits.simple) === 0) return unclear;
    return positive ? -1 : 1;
  }
}

function grown(array: Int32Array, needed: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(array.length * 2, needed));
  larger.set(array);
  return larger;
}
