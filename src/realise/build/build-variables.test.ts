import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { removeTree } from "../../platform/staging.ts";
import { buildVariables, cargoHomeFor, recordedVariables } from "./build-variables.ts";

describe("where cargo works in a build", () => {
  const folder = mkdtempSync(`${tmpdir()}/build-variables-`);
  const user = `${folder}/user`;
  mkdirSync(user);
  const caller = { HOME: user, PATH: "/usr/bin" };

  test("where it works for the caller: his variable, else his home, be it there or not", () => {
    expect(cargoHomeFor(caller, "/own")).toBe(`${user}/.cargo`);
    mkdirSync(`${user}/.cargo`);
    expect(cargoHomeFor(caller, "/own")).toBe(`${user}/.cargo`);
    mkdirSync(`${folder}/elsewhere`);
    expect(cargoHomeFor({ ...caller, CARGO_HOME: `${folder}/elsewhere` }, "/own")).toBe(
      `${folder}/elsewhere`,
    );
  });

  test("in a folder of dx-py's own where the caller has none, or one that is not for writing", () => {
    expect(cargoHomeFor({}, "/own")).toBe("/own");
    expect(cargoHomeFor({ HOME: `${folder}/nobody` }, "/own")).toBe("/own");
    expect(cargoHomeFor({ ...caller, CARGO_HOME: "relative" }, "/own")).toBe("/own");
  });

  test.skipIf(process.getuid?.() === 0)("a folder that may only be read is none", () => {
    chmodSync(`${user}/.cargo`, 0o555);
    expect(cargoHomeFor(caller, "/own")).toBe("/own");
    chmodSync(`${user}/.cargo`, 0o755);
  });

  test("a derivation does not say where it is", () => {
    const folders = { staging: `${folder}/staging`, cargoHome: `${user}/.cargo` };
    const variables = buildVariables(folders, caller, {});
    expect(variables["CARGO_HOME"]).toBe(`${user}/.cargo`);
    expect(recordedVariables(variables, folders, caller)).toMatchObject({
      CARGO_HOME: "<cargo>",
      HOME: "<staging>/home",
    });
  });

  afterAll(() => removeTree(folder));
});
