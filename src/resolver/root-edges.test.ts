import { describe, expect, test } from "bun:test";
import type { ResolveRequest } from "./request.ts";
import { resolve } from "./resolve.ts";
import { lines, python312, requestOf } from "./testing/requests.ts";
import { sourcesSaying } from "./testing/sources.ts";
import { type Universe, universeIndex } from "./testing/universe.ts";

// Both have a newest version that does not go with the other's: what is discovered first gets it.
const universe: Universe = {
  x: { versions: { "1.0": {}, "2.0": { requires: ["y<2"] } } },
  y: { versions: { "1.0": {}, "2.0": { requires: ["x<2"] } } },
};

/** Resolves a workspace of the root and one member, each with one requirement. */
async function chosen(root: ResolveRequest["root"], groups: Record<string, string[]>, own: string[]) {
  const build = sourcesSaying({ requiresDist: ["x", 'y; extra == "e"'], providesExtra: ["e"] }, (name) => ({
    kind: "directory",
    path: name,
    editable: true,
  }));
  const request = requestOf({
    root,
    requires: own,
    dependencyGroups: groups,
    sources: { middle: [{ kind: "workspace", path: "/w/middle", editable: true }] },
    members: [
      {
        name: "middle",
        group: "member",
        extraGroups: "member-extra" in groups ? [{ extra: "e", group: "member-extra" }] : [],
        ownGroups: "member-dev" in groups ? [{ name: "dev", group: "member-dev" }] : [],
      },
    ],
  });
  const resolution = await resolve(request, {
    index: universeIndex(universe),
    build,
    interpreter: python312,
  });
  return lines(resolution)
    .map((line) => line.split(" ;")[0] as string)
    .filter((line) => !line.startsWith("middle"));
}

describe("a workspace: requirements are discovered in uv's order", () => {
  test("project by project, by name, the root among them", async () => {
    const groups = { member: ["middle"] };
    expect(await chosen({ name: "a-root" }, groups, ["y"])).toEqual(["x 1.0", "y 2.0"]);
    expect(await chosen({ name: "z-root" }, groups, ["y"])).toEqual(["x 2.0", "y 1.0"]);
  });

  test("a member's groups after its own requirements, and before those of projects that come later", async () => {
    const groups = { member: ["middle"], "member-dev": ["y"] };
    expect(await chosen({ name: "a-root" }, groups, [])).toEqual(["x 2.0", "y 1.0"]);
    const extra = { member: ["middle"], "member-extra": ["middle[e]"] };
    expect(await chosen({ name: "a-root" }, extra, [])).toEqual(["x 2.0", "y 1.0"]);
  });

  test("groups of a workspace without a project at its root before all members", async () => {
    const groups = { member: ["middle"], dev: ["y"] };
    expect(await chosen({ name: "z-root", virtual: true }, groups, [])).toEqual(["x 1.0", "y 2.0"]);
  });
});
