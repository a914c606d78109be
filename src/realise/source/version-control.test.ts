import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { commitAll, put } from "../../../test/source-tree.ts";
import { type TestPlace, testPlace } from "../testing/test-context.ts";
import { directoryDigest, editableDigest } from "./directory-digest.ts";
import { versionControlFiles, versionControlState } from "./version-control.ts";

let place: TestPlace;
beforeEach(() => {
  place = testPlace();
});
afterEach(() => place.remove());

describe("the state of version control", () => {
  test("counts where a tool asks it for the version, and nowhere else", () => {
    const folder = place.projectDir;
    put(folder, "pyproject.toml", '[build-system]\nrequires = ["setuptools"]\n');
    commitAll(folder, "v1");
    expect(versionControlState(folder)).toBeUndefined();
    expect(versionControlFiles(folder)).toEqual([]);
    for (const tool of [
      "setuptools_scm",
      "setuptools-scm[toml]>=8",
      "hatch-vcs",
      "versioneer[toml]",
      'pdm.version]\nsource = "scm',
    ]) {
      put(folder, "pyproject.toml", `[build-system]\nrequires = ["${tool}"]\n`);
      expect(versionControlState(folder)).toStartWith("v1-0-g");
    }
    expect(versionControlFiles(folder)).toContain(`${folder}/.git/HEAD`);
  });

  test("a commit, a tag and a member's repository above make another digest; without a repository there is none", () => {
    const folder = place.projectDir;
    put(folder, "member/pyproject.toml", '[build-system]\nrequires = ["setuptools-scm"]\n');
    const member = `${folder}/member`;
    const digests = () => [directoryDigest(member, place.home), editableDigest(member)].join(" ");
    const seen = new Set([digests()]);
    commitAll(folder);
    seen.add(digests());
    commitAll(folder);
    seen.add(digests());
    commitAll(folder, "v2");
    seen.add(digests());
    expect(seen.size).toBe(4);
    expect(digests()).toBe([...seen].at(-1)!);
  });
});
