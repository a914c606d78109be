import { describe, expect, test } from "bun:test";
import { createMarkerArena, fromMarker } from "../standards/marker-algebra/from-marker.ts";
import { markerText } from "../standards/marker-algebra/to-marker.ts";
import { parseRequirement } from "../standards/requirements.ts";
import { NeedList } from "./need-list.ts";

function listOf(lines: readonly string[]) {
  const arena = createMarkerArena();
  const read: string[] = [];
  const list = new NeedList(lines, arena, (text) => {
    read.push(text);
    if (text.startsWith("!")) return { problem: "cannot be read" };
    const { normalized, extras, specifier, marker } = parseRequirement(text);
    return { name: normalized, extras, specifier, marker: fromMarker(arena, marker), text };
  });
  const names = (extra?: string) => {
    const needs = list.for(extra);
    if ("problem" in needs) return needs.problem;
    return needs.map(({ name, marker }) =>
      [name, markerText(arena, marker)].filter((part) => part !== undefined).join(" ; "),
    );
  };
  return { list, read, names };
}

describe("the requirements of one version", () => {
  test("are told apart by extra, and read only when that is asked for", () => {
    const { read, names } = listOf([
      "a",
      "b ; python_version >= '3.9'",
      'c ; extra == "test"',
      "d ; (sys_platform == 'win32' or os_name == 'nt') and extra == 'Test'",
      "e ; sys_platform == 'win32' and extra == 'docs'",
      "!broken ; extra == 'unused'",
    ]);
    expect(names()).toEqual(["a", 'b ; python_full_version >= "3.9"']);
    expect(read).toHaveLength(2);
    expect(names("test")).toEqual(["c", 'd ; os_name == "nt" or sys_platform == "win32"']);
    expect(names("docs")).toEqual(['e ; sys_platform == "win32"']);
    expect(names("none")).toEqual([]);
    expect(names("unused")).toBe("cannot be read");
  });

  test("conditions on extras that are not plain are read", () => {
    const { names } = listOf([
      "a ; extra == 'x' or extra == 'y'",
      "b ; extra != 'x'",
      "c ; sys_platform == 'win32' or extra == 'x'",
      "d ; (os_name == 'nt') or (os_name == 'posix') and extra == 'x'",
    ]);
    expect(names()).toEqual(["b", 'c ; sys_platform == "win32"', 'd ; os_name == "nt"']);
    expect(names("y")).toEqual(["a"]);
    expect(names("x")).toEqual(["a"]);
  });

  test("say whether they name an extra of the project itself", () => {
    expect(listOf(["My.Project[x] ; extra == 'all'"]).list.refersTo("my-project")).toBe(true);
    expect(listOf(["other[x]", "my-project"]).list.refersTo("my-project")).toBe(false);
  });
});
