import { describe, expect, test } from "bun:test";
import { type Application, buildApplication, buildRouteMap, run } from "@stricli/core";
import fc from "fast-check";
import { type SelectionRequest, WHOLE_DEFAULT } from "../project/environment-question.ts";
import { arrange } from "./arguments.ts";
import type { CliContext } from "./context.ts";
import type { InstallFlags, RunFlags } from "./flags/install-flags.ts";
import { installCommand, runRoute } from "./routes/install-routes.ts";
import { selectionOf } from "./selection-flags.ts";
import { readWarmArguments } from "./warm-arguments.ts";

describe("the order of words", () => {
  const cases: [string, string][] = [
    ["--offline install", "install --offline"],
    ["--python 3.12 -v lock --check", "lock --python 3.12 -v --check"],
    ["--python=3.12 lock", "lock --python=3.12"],
    ["-q cache clean --all", "cache clean -q --all"],
    ["help lock", "lock --help"],
    ["help cache clean", "cache clean --help"],
    ["help", "--help"],
    ["--help", "--help"],
    ["run pytest -x --color yes", "run -- pytest -x --color yes"],
    ["run -q --group dev pytest -x", "run -q --group dev -- pytest -x"],
    ["run --group=dev pytest", "run --group=dev -- pytest"],
    ["-q run -- -strange", "run -q -- -strange"],
    ["run", "run"],
    ["", ""],
  ];
  test.each(cases)("%j becomes %j", (given, expected) => {
    expect(arrange(given.split(" ").filter(Boolean)).join(" ")).toBe(expected);
  });
});

describe("the warm path's own reader", () => {
  test("reads what is typed most", () => {
    expect(readWarmArguments(["install"])).toMatchObject({
      command: "install",
      selection: WHOLE_DEFAULT,
      frozen: false,
    });
    expect(readWarmArguments(["sync", "--frozen", "-q", "--python", "3.12"])).toMatchObject({
      frozen: true,
      quiet: true,
      python: "3.12",
    });
    expect(readWarmArguments(["run", "-q", "pytest", "-q"])).toMatchObject({
      command: "run",
      quiet: true,
      argv: ["pytest", "-q"],
    });
    expect(readWarmArguments(["lock", "--check"])).toMatchObject({ command: "lock", check: true });
  });

  test("gives way for everything else", () => {
    for (const line of [
      "",
      "add x",
      "install x",
      "install --upgrade",
      "install --index u",
      "lock --upgrade",
      "lock --frozen",
      "run",
      "run --json x",
      "install --python",
      "install --frozen=yes",
      "cache clean",
      "install --help",
      "--version",
    ]) {
      expect(readWarmArguments(line.split(" ").filter(Boolean))).toBeUndefined();
    }
  });
});

/** What the full parser makes of a command line. */
async function fullParse(
  argv: readonly string[],
): Promise<{ flags: InstallFlags & RunFlags; rest: string[]; command: string } | undefined> {
  let found: Awaited<ReturnType<typeof fullParse>>;
  const catching = (command: string) => async () =>
    ((flags: InstallFlags & RunFlags, ...rest: string[]) => {
      found = { flags, rest, command };
    }) as never;
  const app = buildApplication(
    buildRouteMap({
      routes: {
        install: { ...installCommand, loader: catching("install") },
        run: { ...runRoute, loader: catching("run") },
      },
      aliases: { sync: "install" },
      docs: { brief: "" },
    }),
    { name: "dx-py", scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true } },
  ) as Application<CliContext>;
  const streams = { stdout: { write() {} }, stderr: { write() {} }, env: {} };
  await run(app, arrange(argv), { process: streams, cwd: "/", env: {}, home: {} } as unknown as CliContext);
  return found;
}

test("property: where the warm reader understands a line, the full parser understands the same", async () => {
  const name = fc.constantFrom("dev", "Docs_x", "web", "a.b");
  const option = fc.oneof(
    fc.constantFrom(
      ["--frozen"],
      ["-q"],
      ["--quiet"],
      ["-v"],
      ["--verbose"],
      ["--offline"],
      ["--locked"],
      ["--json"],
      ["--all-extras"],
      ["--all-groups"],
    ),
    fc.constantFrom(
      ["--no-dev"],
      ["--only-dev"],
      ["--dev"],
      ["--no-default-groups"],
      ["--no-install-project"],
      ["--all-packages"],
    ),
    fc.tuple(
      fc.constantFrom(
        "--extra",
        "--group",
        "--no-group",
        "--only-group",
        "--no-extra",
        "--package",
        "--project",
        "--python",
        "-p",
      ),
      name,
    ),
    fc
      .tuple(fc.constantFrom("--extra", "--group", "--python", "--no-extra"), name)
      .map(([key, value]) => [`${key}=${value}`]),
    fc.constantFrom(["--color", "never"], ["--link-mode", "copy"]),
  );
  const line = fc.record({
    before: fc.array(option, { maxLength: 2 }),
    command: fc.constantFrom("install", "sync", "run"),
    after: fc.array(option, { maxLength: 3 }),
    rest: fc.constantFrom([], ["python", "-q", "--group", "x"], ["--", "-c"]),
  });
  await fc.assert(
    fc.asyncProperty(line, async ({ before, command, after, rest }) => {
      const argv = [...before.flat(), command, ...after.flat(), ...(command === "run" ? rest : [])];
      const warm = readWarmArguments(argv);
      if (warm === undefined) return;
      const full = await fullParse(argv);
      // An option that may be given once only: the full parser never sees what the warm one took.
      if (full === undefined) {
        const short: Record<string, string> = { "-q": "--quiet", "-v": "--verbose", "-p": "--python" };
        const options = [...before, ...after]
          .map(([word = ""]) => word.replace(/=.*/, ""))
          .map((word) => short[word] ?? word);
        const single = options.filter(
          (word) =>
            !["--extra", "--group", "--no-group", "--only-group", "--no-extra", "--package"].includes(word),
        );
        expect(new Set(single).size).toBeLessThan(single.length);
        return;
      }
      const sorted = (selection: SelectionRequest) =>
        Object.fromEntries(
          Object.entries(selection).map(([key, value]) => [
            key,
            Array.isArray(value) ? [...value].sort() : value,
          ]),
        );
      expect(full.command).toBe(warm.command);
      expect(sorted(selectionOf(full.flags))).toEqual(sorted(warm.selection));
      expect(full.flags.frozen ?? false).toBe(warm.frozen);
      expect(full.flags.quiet ?? false).toBe(warm.quiet);
      expect(full.flags.python).toBe(warm.python);
      expect(full.flags.project).toBe(warm.projectDir);
      expect(full.rest).toEqual([...warm.argv]);
    }),
    { numRuns: 300 },
  );
});
