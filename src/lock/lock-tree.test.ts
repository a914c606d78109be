import { describe, expect, test } from "bun:test";
import { Failure } from "../platform/errors.ts";
import type { Lock, LockedDependency, LockedPackage } from "./lock-model.ts";
import { lockTree, type TreeNode, type TreeOptions } from "./lock-tree.ts";
import { largeLock } from "./testing/arbitrary-lock.ts";

const pkg = (
  name: string,
  edges: (string | LockedDependency)[] = [],
  rest: Partial<LockedPackage> = {},
): LockedPackage => ({
  name,
  version: "1",
  source: { kind: "index" },
  dependencies: edges.map((edge) => (typeof edge === "string" ? { name: edge } : edge)),
  wheels: [],
  ...rest,
});

const lock: Lock = {
  ...largeLock(0),
  packages: [
    pkg("app", ["web", { name: "tool", marker: "sys_platform == 'win32'" }]),
    pkg("base"),
    pkg("speed"),
    pkg("test", ["base"], { marker: "'dev' in dependency_groups" }),
    pkg("tool", ["base"]),
    pkg("web", ["base", { name: "speed", marker: "extra == 'fast'" }]),
  ],
};

/** `name(children…)`; `*`: repeated. */
const draw = (nodes: TreeNode[]): string =>
  nodes
    .map(
      ({ name, children, repeated }) =>
        name + (repeated ? "*" : "") + (children.length ? `(${draw(children)})` : ""),
    )
    .join(" ");
const tree = (options: TreeOptions = {}, of = lock) => draw(lockTree(of, options));

describe("the tree of a lock", () => {
  test("starts at what nothing depends on, and covers every environment", () => {
    // `speed` is asked for by nobody: web's extra is in no edge.
    expect(tree()).toBe("app(tool(base) web(base)) test(base) speed");
  });

  test("follows the extras that an edge asks for", () => {
    const fast = {
      ...lock,
      packages: [pkg("root", [{ name: "web", extras: ["fast"] }]), ...lock.packages.slice(1)],
    };
    expect(tree({ packages: ["root"] }, fast)).toBe("root(web(base speed))");
  });

  test("of one environment", () => {
    expect(tree({ environment: { sys_platform: "linux" }, groups: [] })).toBe(
      "app(web(base)) tool(base) speed",
    );
    expect(tree({ environment: { sys_platform: "win32" }, groups: [], packages: ["app"] })).toBe(
      "app(tool(base) web(base))",
    );
    expect(tree({ groups: ["dev"], packages: ["test"] })).toBe("test(base)");
  });

  test("shows the conditions that are not decided", () => {
    const marker = (options: TreeOptions) =>
      lockTree(lock, { ...options, packages: ["app"] })[0]?.children[0]?.marker;
    expect(marker({})).toBe("sys_platform == 'win32'");
    expect(marker({ environment: { sys_platform: "win32" } })).toBeUndefined();
  });

  test("inverted, it answers who needs a package", () => {
    expect(tree({ invert: true, packages: ["base"] })).toBe("base(test tool(app) web(app))");
    expect(tree({ invert: true, packages: ["base"], depth: 1 })).toBe("base(test tool web)");
  });

  test("to a depth", () => {
    expect(tree({ packages: ["app"], depth: 0 })).toBe("app");
    expect(tree({ packages: ["app"], depth: 1 })).toBe("app(tool web)");
  });

  test("children are shown once, or each time", () => {
    const of = { ...lock, packages: [pkg("a", ["b", "c"]), pkg("b", ["c"]), pkg("c", ["d"]), pkg("d")] };
    expect(tree({}, of)).toBe("a(b(c(d)) c*)");
    expect(tree({ repeat: true }, of)).toBe("a(b(c(d)) c(d))");
  });

  test("cycles end", () => {
    const of = { ...lock, packages: [pkg("a", ["b"]), pkg("b", ["a"])] };
    expect(tree({}, of)).toBe("a(b(a*))");
    expect(tree({ repeat: true }, of)).toBe("a(b(a*))");
  });

  test("versions of one name are told apart", () => {
    const packages = [pkg("a", [{ name: "b", version: "2" }]), pkg("b"), { ...pkg("b"), version: "2" }];
    expect(
      lockTree({ ...lock, packages }, { packages: ["a"] })[0]?.children.map((node) => node.version),
    ).toEqual(["2"]);
  });

  test("a name that is not in the lock is a failure", () => {
    expect(() => tree({ packages: ["nowhere"] })).toThrow(Failure);
  });

  test("a chain of any length is no trouble, and a tree without end is refused", () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => pkg(`p${i}`, [`p${i + 1}`]));
    expect(lockTree({ ...lock, packages: chain }).length).toBe(1);
    const bushy = Array.from({ length: 40 }, (_, i) =>
      pkg(`p${i}`, [`p${i + 1}`, { name: `p${i + 1}`, marker: "os_name == 'nt'" }]),
    );
    expect(() => lockTree({ ...lock, packages: [...bushy, pkg("p40")] }, { repeat: true })).toThrow(
      "more than",
    );
  });
});
