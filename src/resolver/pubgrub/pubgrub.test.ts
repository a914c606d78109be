import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  fullSet,
  type IntegerSet,
  interval,
  limit,
  singleton,
} from "../../standards/marker-algebra/integer-set.ts";
import type { Arena } from "./incompatibility.ts";
import { possibleVersions } from "./partial-solution.ts";
import { SolverState } from "./solver-state.ts";
import { isSolvable, isValid, type Needs, type Registry, solve } from "./testing/offline.ts";

/** Versions as in the paper: `^1.0.0` is every version whose first number is 1. Written as 10, 11, … 20. */
const caret = (major: number): IntegerSet => interval(major * 10, major * 10 + 10);
const from = (version: number): IntegerSet => interval(version, limit);

describe("the examples of the paper", () => {
  test("no conflicts", () => {
    const registry: Registry = {
      root: { 0: { foo: caret(1) } },
      foo: { 10: { bar: caret(1) } },
      bar: { 10: {}, 20: {} },
    };
    expect(solve(registry).versions).toEqual({ foo: 10, bar: 10 });
  });

  test("a conflict is avoided while deciding", () => {
    const registry: Registry = {
      root: { 0: { foo: caret(1), bar: caret(1) } },
      foo: { 11: { bar: caret(2) }, 10: {} },
      bar: { 10: {}, 11: {}, 20: {} },
    };
    expect(solve(registry).versions).toEqual({ foo: 10, bar: 11 });
  });

  test("conflict resolution", () => {
    const registry: Registry = {
      root: { 0: { foo: from(10) } },
      foo: { 20: { bar: caret(1) }, 10: {} },
      bar: { 10: { foo: caret(1) } },
    };
    expect(solve(registry).versions).toEqual({ foo: 10 });
  });

  test("conflict resolution with a partial satisfier", () => {
    const registry: Registry = {
      root: { 0: { foo: caret(1), target: caret(2) } },
      foo: { 11: { left: caret(1), right: caret(1) }, 10: {} },
      left: { 10: { shared: from(10) } },
      right: { 10: { shared: interval(0, 20) } },
      shared: { 20: {}, 10: { target: caret(1) } },
      target: { 20: {}, 10: {} },
    };
    expect(solve(registry).versions).toEqual({ foo: 10, target: 20 });
  });

  test("linear error", () => {
    const registry: Registry = {
      root: { 0: { foo: caret(1), baz: caret(1) } },
      foo: { 10: { bar: caret(2) } },
      bar: { 20: { baz: caret(3) } },
      baz: { 10: {}, 30: {} },
    };
    const { failed } = solve(registry);
    expect(leaves(failed!.state.arena, failed!.incompatibility, failed!.names)).toEqual([
      "bar needs baz",
      "foo needs bar",
      "root needs baz",
      "root needs foo",
    ]);
  });

  test("branching error", () => {
    const registry: Registry = {
      root: { 0: { foo: caret(1) } },
      foo: { 10: { a: caret(1), b: caret(1) }, 11: { x: caret(1), y: caret(1) } },
      a: { 10: { b: caret(2) } },
      b: { 10: {}, 20: {} },
      x: { 10: { y: caret(2) } },
      y: { 10: {}, 20: {} },
    };
    const { failed } = solve(registry);
    const found = leaves(failed!.state.arena, failed!.incompatibility, failed!.names);
    expect(found).toContain("a needs b");
    expect(found).toContain("x needs y");
    expect(found).toContain("root needs foo");
  });
});

/** What a failure follows from, sorted. */
function leaves(arena: Arena, id: number, names: readonly string[]): string[] {
  const out = new Set<string>();
  const walk = (one: number) => {
    const { cause } = arena[one]!;
    if (cause.kind === "derived") {
      walk(cause.left);
      walk(cause.right);
    } else if (cause.kind === "dependency") {
      out.add(`${names[cause.dependent]} needs ${names[cause.on]}`);
    } else if (cause.kind === "root") {
      out.add("root");
    }
  };
  walk(id);
  return Array.from(out).sort();
}

const packages = ["a", "b", "c", "d"];

const ranges: fc.Arbitrary<IntegerSet> = fc.oneof(
  fc.constant(fullSet),
  fc.nat(4).map((version) => singleton(version)),
  fc.nat(4).map((version) => interval(version, limit)),
  fc.nat(4).map((version) => interval(0, version)),
  fc.tuple(fc.nat(2), fc.nat(3)).map(([low, length]) => interval(low, low + length)),
);

const needs: fc.Arbitrary<Needs> = fc.dictionary(fc.constantFrom(...packages), ranges, { maxKeys: 3 });

const registries: fc.Arbitrary<Registry> = fc
  .record({
    root: needs,
    a: fc.array(needs, { maxLength: 3 }),
    b: fc.array(needs, { maxLength: 3 }),
    c: fc.array(needs, { maxLength: 3 }),
    d: fc.array(needs, { maxLength: 3 }),
  })
  .map(({ root, ...others }) => {
    const registry: Registry = { root: { 0: root } };
    for (const [name, versions] of Object.entries(others)) registry[name] = { ...versions };
    return registry;
  });

describe("small registries, compared with trying everything", () => {
  test("a solution is found exactly when there is one, and it is one", () => {
    fc.assert(
      fc.property(registries, (registry) => {
        const { versions } = solve(registry);
        expect(versions !== undefined).toBe(isSolvable(registry));
        if (versions !== undefined) expect(isValid(registry, versions)).toBe(true);
      }),
      { numRuns: 1500 },
    );
  });

  test("every incompatibility that was learned holds in every solution", () => {
    fc.assert(
      fc.property(registries, (registry) => {
        const { failed } = solve(registry);
        // A failure is a proof: its last incompatibility has no term besides the root's.
        if (failed !== undefined) {
          expect(
            failed.state.arena[failed.incompatibility]!.packages.filter((id) => failed.names[id] !== "root"),
          ).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });
});

test("a copy of a state goes on by itself", () => {
  const registry: Registry = {
    root: { 0: { foo: from(10) } },
    foo: { 20: { bar: caret(1) }, 10: {} },
    bar: { 10: {} },
  };
  const first = solve(registry);
  const second = solve({ ...registry, bar: {} });
  expect(first.versions).toEqual({ foo: 20, bar: 10 });
  expect(second.versions).toEqual({ foo: 10 });
});

test("what a copy that is done with added is forgotten, and the others go on as if it had never been", () => {
  const [root, foo, bar, baz] = [0, 1, 2, 3];
  const start = SolverState.start(root, 0);
  start.propagate(root);
  start.solution.pick((id) => -id);
  start.decide(root, 0, singleton(0), [{ on: foo, range: from(10) }]);
  start.propagate(root);
  const first = start.clone();
  const second = start.clone();
  const { mark } = second;
  first.solution.pick((id) => -id);
  first.decide(foo, 20, singleton(20), [
    { on: bar, range: from(20) },
    { on: baz, range: from(10) },
  ]);
  first.propagate(foo);
  first.addNoVersions(bar, from(20));
  first.propagate(bar);
  expect(second.arena.length).toBeGreaterThan(mark.incompatibilities);
  first.rewind(mark);
  expect(second.arena.length).toBe(mark.incompatibilities);
  second.solution.pick((id) => -id);
  second.decide(foo, 30, singleton(30), [{ on: baz, range: from(30) }]);
  second.propagate(foo);
  expect(second.solution.pick((id) => -id)).toBe(baz);
  expect(possibleVersions(second.solution, baz)).toEqual(from(30));
  expect(second.solution.term(bar)).toBeUndefined();
  second.decide(baz, 40, singleton(40), []);
  expect(second.solution.decisions()).toEqual([
    [root, 0],
    [foo, 30],
    [baz, 40],
  ]);
});
