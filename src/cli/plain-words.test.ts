import { describe, expect, test } from "bun:test";
import { type Application, buildCommand, run, numberParser as stricliNumber } from "@stricli/core";
import fc from "fast-check";
import { applicationOf } from "./application.ts";
import { numberParser } from "./common-flags.ts";
import type { CliContext } from "./context.ts";
import { ADD, REMOVE } from "./definitions/edit-definitions.ts";
import { INSTALL, RUN } from "./definitions/install-definitions.ts";
import { LOCK, TREE } from "./definitions/lock-definitions.ts";
import { type PlainDefinition, readPlainWords } from "./plain-words.ts";

const DEFINITIONS: Record<string, PlainDefinition> = {
  add: ADD,
  remove: REMOVE,
  lock: LOCK,
  tree: TREE,
  install: INSTALL,
  run: RUN,
};

/** What Stricli makes of the words; `undefined` where it refuses them or answers by itself. */
async function parsed(name: string, words: readonly string[]): Promise<unknown> {
  let seen: unknown;
  const loader =
    async () =>
    (flags: unknown, ...args: unknown[]) => {
      seen = { flags, args };
    };
  const command = buildCommand({ ...DEFINITIONS[name]!, docs: { brief: "" }, loader } as never);
  const stream = { write: () => {} };
  const context = {
    process: { stdout: stream, stderr: stream, env: { STRICLI_SKIP_VERSION_CHECK: "1" } },
  };
  const application = applicationOf({ [name]: command as never }) as Application<CliContext>;
  await run(application, [name, ...words], context as never);
  return seen;
}

const read = (name: string, line: string) =>
  readPlainWords(line.split(" ").filter(Boolean), DEFINITIONS[name]!.parameters);

describe("words without the parser", () => {
  test("are those that are typed most", () => {
    expect(read("lock", "--offline --python 3.12 -q")?.flags).toMatchObject({
      offline: true,
      python: "3.12",
      quiet: true,
      check: undefined,
      index: [],
    });
    expect(read("add", "httpx rich --dev --index a=b --index c")).toMatchObject({
      args: ["httpx", "rich"],
      flags: { dev: true, index: ["a=b", "c"] },
    });
    expect(read("run", "--group=dev -- pytest -x -- --color yes")).toMatchObject({
      args: ["pytest", "-x", "--", "--color", "yes"],
      flags: { group: ["dev"] },
    });
    expect(read("install", "--color never --no-dev -P x")?.flags).toMatchObject({
      color: "never",
      noDev: true,
      upgradePackage: ["x"],
    });
  });

  test("are left to it where they are not plain", () => {
    const lines = {
      lock: ["x", "--help", "-h", "-qv", "--ofline", "--python", "--python --offline", "--color blue", "-"],
      install: ["--quiet=true", "-q -q", "--python a --python b", "--python=", "--findLinks x", "-p=3"],
      tree: ["--depth 3"],
      remove: ["", "--dev"],
    };
    for (const [name, all] of Object.entries(lines))
      for (const line of all) expect([name, line, read(name, line)]).toEqual([name, line, undefined]);
  });

  test("what is read is what Stricli reads", async () => {
    let plain = 0;
    for (const [name, { parameters }] of Object.entries(DEFINITIONS)) {
      const names = Object.keys(parameters.flags ?? {}).map((key) =>
        key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
      );
      const values = [
        "x",
        "3.12",
        "",
        "never",
        "highest",
        "symlink",
        "a=b",
        "-x",
        "--",
        "--offline",
        "é",
        "0",
      ];
      const value = fc.constantFrom(...values);
      const option = fc.constantFrom(...names, "help", "no-offline", "dev", "pythn");
      const group = fc.oneof(
        option.map((one) => [`--${one}`]),
        fc.tuple(option, value).map(([one, given]) => [`--${one}`, given]),
        fc.tuple(option, value).map(([one, given]) => [`--${one}=${given}`]),
        fc.constantFrom("-q", "-v", "-p", "-P", "-U", "-r", "-qv", "-h", "-Z", "-p=x").map((one) => [one]),
        value.map((one) => [one]),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(group, { maxLength: 5 }), async (groups) => {
          const words = groups.flat();
          const own = readPlainWords(words, parameters);
          if (own === undefined) return;
          plain += 1;
          expect(own).toEqual((await parsed(name, words)) as never);
        }),
        { numRuns: 300 },
      );
    }
    expect(plain).toBeGreaterThan(100);
  });

  test("a number is read as Stricli reads it", () => {
    for (const text of ["3", "1e3", "", " 4 ", "-0", "0x10"])
      expect(numberParser(text)).toBe(stricliNumber(text));
    const own = () => numberParser("three");
    expect(own).toThrow("Cannot convert three to a number");
    expect(() => stricliNumber("three")).toThrow("Cannot convert three to a number");
  });
});
