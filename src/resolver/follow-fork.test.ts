import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Resolution } from "./resolution.ts";
import { type Asked, lines, resolveIn } from "./testing/requests.ts";
import type { Universe, UniverseVersion } from "./testing/universe.ts";

/** A fork that follows others comes to what solving it would have come to. */

const MARKERS = [
  "",
  "",
  "",
  "; sys_platform == 'linux'",
  "; sys_platform == 'win32'",
  "; sys_platform != 'linux'",
  "; python_version < '3.11'",
  "; python_version >= '3.11'",
  "; python_version >= '3.12' and sys_platform == 'darwin'",
  "; platform_machine == 'x86_64'",
];
const SPECIFIERS = ["", "", "", "", "", "", ">=1.5", "<4", ">=1,<3", "!=2", "<2.5", ">=2", "==2", ">=2.5a1"];
const VERSIONS = ["1", "1.5", "2", "2.5", "3", "3.5a1", "4", "4+cpu"];
const NAMES = ["a", "b", "c", "d", "e", "f", "g"];

const requirement = (names: readonly string[]) =>
  fc
    .tuple(
      fc.constantFrom(...names),
      fc.constantFrom("", "", "", "[x]", "[y]"),
      fc.constantFrom(...SPECIFIERS),
      fc.constantFrom(...MARKERS),
    )
    .map(([name, extra, specifier, marker]) => `${name}${extra}${specifier} ${marker}`.trim());

const version = fc.record<UniverseVersion>({
  requires: fc.array(requirement(NAMES), { maxLength: 3 }),
  extras: fc.record(
    { x: fc.array(requirement(NAMES), { maxLength: 2 }), y: fc.array(requirement(NAMES), { maxLength: 2 }) },
    { requiredKeys: [] },
  ),
  requires_python: fc.constantFrom("", "", "", ">=3.10", ">=3.12", "<3.13"),
  yanked: fc.constantFrom(false, false, false, true),
  sdist: fc.constantFrom(true, true, false),
  wheel_tags: fc.constantFrom(["py3-none-any"], ["py3-none-any"], ["cp311-cp311-manylinux_2_17_x86_64"]),
});

const universe: fc.Arbitrary<Universe> = fc
  .tuple(...NAMES.map(() => fc.dictionary(fc.constantFrom(...VERSIONS), version, { minKeys: 4, maxKeys: 7 })))
  .map((all) => Object.fromEntries(NAMES.map((name, i) => [name, { versions: all[i]! }])));

const asked: fc.Arbitrary<Asked> = fc.record(
  {
    requires: fc.array(requirement(NAMES), { minLength: 2, maxLength: 5 }),
    optional: fc.dictionary(fc.constantFrom("one", "two"), fc.array(requirement(NAMES), { maxLength: 2 })),
    dependencyGroups: fc.dictionary(fc.constantFrom("dev"), fc.array(requirement(NAMES), { maxLength: 2 })),
    constrain: fc.array(requirement(NAMES), { maxLength: 1 }),
    override: fc.array(requirement(NAMES), { maxLength: 1 }),
    requiresPython: fc.constantFrom(">=3.9", ">=3.10", ">=3.12"),
    resolution: fc.constantFrom("highest", "highest", "lowest", "lowest-direct"),
    forkStrategy: fc.constantFrom("requires-python", "requires-python", "fewest"),
    prerelease: fc.constantFrom("if-necessary-or-explicit", "if-necessary-or-explicit", "allow", "disallow"),
    preferences: fc.array(
      fc.record({ name: fc.constantFrom(...NAMES), version: fc.constantFrom(...VERSIONS) }),
      { maxLength: 4 },
    ),
    excludes: fc.constantFrom([], [], [], ["g"]),
    environments: fc.constantFrom([], [], [], ["sys_platform == 'linux'", "sys_platform == 'win32'"]),
    requiredEnvironments: fc.constantFrom(
      [],
      [],
      [],
      ["sys_platform == 'linux' and platform_machine == 'x86_64'"],
    ),
    conflicts: fc.constantFrom(
      [],
      [],
      [],
      [[{ extra: "one" }, { extra: "two" }]],
      [[{ extra: "one" }, { group: "dev" }]],
    ),
    forks: fc.constantFrom(undefined, undefined, [
      "sys_platform == 'linux'",
      "sys_platform == 'win32'",
      "sys_platform != 'linux' and sys_platform != 'win32'",
    ]),
  },
  { requiredKeys: ["requires", "requiresPython"] },
) as fc.Arbitrary<Asked>;

async function outcome(
  of: Universe,
  request: Asked,
  options: Parameters<typeof resolveIn>[2],
): Promise<unknown> {
  let resolution: Resolution;
  try {
    resolution = await resolveIn(of, request, options);
  } catch (error) {
    return (error as Error).message;
  }
  const { packages, forks, environments, unknownExtras } = resolution;
  return { packages, forks, environments, unknownExtras };
}

test("a fork that follows others comes to what solving it would have come to", async () => {
  let followed = 0;
  await fc.assert(
    fc.asyncProperty(universe, asked, async (of, request) => {
      expect(await outcome(of, request, {})).toEqual(await outcome(of, request, { solveEachFork: true }));
      followed += await resolveIn(of, request).then(
        ({ stats }) => stats.followed,
        () => 0,
      );
    }),
    { numRuns: Number(process.env["DX_PY_RUNS"] ?? 800) },
  );
  console.log(`${followed} forks followed others`);
  expect(followed).toBeGreaterThan(20);
}, 600_000);

test("so it does while its pages and metadata come in, in whatever order", async () => {
  let followed = 0;
  await fc.assert(
    fc.asyncProperty(
      universe,
      asked,
      fc.array(fc.nat(2), { minLength: 5, maxLength: 5 }),
      async (of, request, ms) => {
        let n = 0;
        const delay = () => ms[n++ % ms.length]!;
        expect(await outcome(of, request, { delay })).toEqual(
          await outcome(of, request, { solveEachFork: true }),
        );
        followed += await resolveIn(of, request, { delay }).then(
          ({ stats }) => stats.followed,
          () => 0,
        );
      },
    ),
    { numRuns: Number(process.env["DX_PY_RUNS"] ?? 300) },
  );
  expect(followed).toBeGreaterThan(3);
}, 600_000);

test("a fork whose requirements the others' versions do not meet is solved", async () => {
  const plain = (...versions: string[]) => ({ versions: Object.fromEntries(versions.map((v) => [v, {}])) });
  const universe = { a: plain("1", "2"), b: plain("1", "2"), c: plain("1") };
  const both = {
    requires: [
      "a<2; sys_platform == 'linux'",
      "a>=2; sys_platform != 'linux'",
      "b<2; sys_platform != 'linux'",
      "c",
    ],
  };
  const resolution = await resolveIn(universe, both);
  expect(lines(resolution)).toEqual([
    'a 1 ; sys_platform == "linux"',
    'a 2 ; sys_platform != "linux"',
    'b 1 ; sys_platform != "linux"',
    "c 1",
  ]);
});
