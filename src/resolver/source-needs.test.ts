import { describe, expect, test } from "bun:test";
import type { ResolveRequest } from "./request.ts";
import { resolve } from "./resolve.ts";
import { lines, python312, requestOf } from "./testing/requests.ts";
import { sourcesSaying } from "./testing/sources.ts";
import { universeIndex } from "./testing/universe.ts";

const index = universeIndex({
  a: { versions: { "1.0": {}, "2.0": {}, "3.0": { yanked: true } } },
  b: { versions: { "1.0": {}, "2.0": { requires: ["c"] }, "3.0rc1": {} } },
  c: { versions: { "1.0": {}, "2.0": {} } },
});

/** The root requires `member`, which requires all this. */
async function through(member: string[], kind: "directory" | "git", change: Partial<ResolveRequest> = {}) {
  const build = sourcesSaying({ requiresDist: member, providesExtra: ["x"] }, (name) =>
    kind === "directory"
      ? { kind, path: name, editable: true }
      : { kind, url: "https://127.0.0.1/m.git", commitId: "0".repeat(40) },
  );
  const source =
    kind === "directory"
      ? { kind: "workspace" as const, path: "/w/member", editable: true }
      : { kind, url: "https://127.0.0.1/m.git" };
  const request = requestOf({ requires: ["member[x]"], sources: { member: [source] }, ...change });
  const found = lines(await resolve(request, { index, build, interpreter: python312 }));
  return found.filter((line) => !line.startsWith("member"));
}

describe("what a project from a source of its own requires is as declared as what the root does", () => {
  test("a yanked version that it names", async () => {
    expect(await through(["a==3.0"], "directory")).toEqual(["a 3.0"]);
    expect(await through(['a==3.0; extra == "x"'], "git")).toEqual(["a 3.0"]);
  });

  test("a pre-release that it names, where only named ones may be", async () => {
    const change = { prerelease: "explicit" as const };
    expect(await through(["b>=3.0rc1"], "directory", change)).toEqual(["b 3.0rc1"]);
  });

  test("the lowest of what is direct: folders', not what comes from elsewhere", async () => {
    const change = { resolution: "lowest-direct" as const };
    expect(await through(["a", "b>=2"], "directory", change)).toEqual(["a 1.0", "b 2.0", "c 2.0"]);
    expect(await through(["a"], "git", change)).toEqual(["a 2.0"]);
  });
});
