import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { makeSdist, makeWheel } from "../../test/make-wheel.ts";
import { diffDerivations } from "./drv-diff.ts";
import { derivationTree, producersByOutput, showDerivation, whoHolds } from "./drv-queries.ts";
import { writeDerivation } from "./drv-store.ts";
import { realisePackages } from "./realise-packages.ts";
import {
  type TestPlace,
  testContext,
  testIndex,
  testInterpreter,
  testPlace,
  wantedSdist,
  wantedWheel,
} from "./testing/test-context.ts";

// Processes are started: on a busy machine that takes its time.
setDefaultTimeout(60_000);

let place: TestPlace;
beforeEach(() => {
  place = testPlace();
});
afterEach(() => place.remove());

const tool = makeWheel({ name: "Tool.Kit", version: "3.0" });
const odd = makeSdist({
  name: "odd",
  pyproject: '[build-system]\nrequires = ["tool-kit"]\nbuild-backend = "odd_backend"\nbackend-path = ["."]\n',
  files: {
    "odd_backend.py": `from build_backend import *
import os
_build = build_wheel
def build_wheel(directory, *args):
    with open("src/odd/flags.txt", "w") as f:
        f.write("first\\n" + os.environ.get("CFLAGS", "") + "\\n")
    return _build(directory)
`,
  },
});

import { takeAway } from "../platform/testing/closed-folders.ts";

describe.skipIf(testInterpreter === undefined)("questions to derivations", () => {
  async function made() {
    const context = testContext(place, testIndex([tool, odd]), { "tool-kit": wantedWheel(tool, "tool-kit") });
    const [built] = await realisePackages([wantedSdist(odd, "odd")], context);
    return { context, built: built! };
  }

  test("a package is found by its name, its hashes, and their first digits", async () => {
    const { context, built } = await made();
    const ways = [
      "odd",
      built.derivation,
      built.outputHash,
      built.outputHash.slice(0, 12),
      built.derivation.slice(0, 12),
    ];
    for (const way of ways) {
      const found = showDerivation(way, context.store).find(
        ({ buildHash }) => buildHash === built.derivation,
      );
      expect(found).toMatchObject({
        output: built.outputHash,
        present: true,
        derivation: { kind: "package" },
      });
    }
    expect(showDerivation("tool.kit", context.store)).toHaveLength(1);
    expect(() => showDerivation("nothing", context.store)).toThrow("nothing");
    expect(() => showDerivation("../../x", context.store)).toThrow();
    expect(producersByOutput(context.store).get(built.outputHash)).toEqual([built.derivation]);
  });

  test("the tree goes down to the fetches", async () => {
    const { context, built } = await made();
    const kinds = (tree: ReturnType<typeof derivationTree>): unknown => [
      tree.derivation.kind,
      ...tree.inputs.map(kinds),
    ];
    expect(kinds(derivationTree(built.derivation, context.store))).toEqual([
      "package",
      ["build", ["fetch"], ["package", ["fetch"]]],
    ]);
  });

  test("an environment leads through its layout to everything, each thing shown once", async () => {
    const { context, built } = await made();
    const toolOutput = [...producersByOutput(context.store).keys()].find(
      (output) => output !== built.outputHash,
    )!;
    const layout = writeDerivation(place.home.store, {
      format: 1,
      kind: "layout",
      interpreter: "a".repeat(64),
      linkMode: "symlink",
      packages: [built.outputHash, { output: toolOutput, directUrl: "{}" }].sort(),
      editables: [],
      realPaths: [],
    });
    const env = writeDerivation(place.home.store, {
      format: 1,
      kind: "env",
      layout,
      lock: "b".repeat(64),
      project: "/somewhere",
      selection: { extras: [], groups: [] },
    });
    const tree = derivationTree(env, context.store);
    expect(tree.inputs[0]!.buildHash).toBe(layout);
    expect(JSON.stringify(tree).match(/"repeated":true/g)).toHaveLength(1);
    expect(
      whoHolds(toolOutput, context.store, place.home).map(({ kind, what, present }) => [kind, what, present]),
    ).toEqual(
      expect.arrayContaining([
        ["layout", undefined, false],
        ["build", "odd 1.0", undefined],
        ["env", "/somewhere", undefined],
      ]),
    );
    mkdirSync(`${place.home.layouts}/${layout}`, { recursive: true });
    expect(whoHolds(built.outputHash, context.store, place.home)).toContainEqual({
      kind: "layout",
      buildHash: layout,
      present: true,
    });
  });

  test("two builds that differ: what was asked, and the line of the file that came out differently", async () => {
    const { context, built } = await made();
    const [other] = await realisePackages([wantedSdist(odd, "odd")], {
      ...context,
      env: { ...context.env, CFLAGS: "-O3" },
    });
    const diff = diffDerivations(built.derivation, other!.derivation, context.store);
    expect(diff.asked).toEqual([{ path: "build.environment.CFLAGS", before: undefined, after: "-O3" }]);
    expect(diff.sameOutput).toBe(false);
    expect(diff.files.find(({ path }) => path.endsWith("flags.txt"))).toMatchObject({
      change: "content",
      line: 2,
      texts: ["", "-O3"],
    });
    expect(diffDerivations(built.derivation, built.derivation, context.store)).toEqual({
      asked: [],
      files: [],
      sameOutput: true,
    });
  });

  test("an object that is gone does not make the questions fail", async () => {
    const { context, built } = await made();
    takeAway(`${place.home.store}/${built.outputHash.slice(0, 2)}`);
    expect(showDerivation(built.outputHash, context.store)[0]!.present).toBe(false);
    expect(derivationTree(built.derivation, context.store).inputs).toHaveLength(1);
  });
});
