import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { askPython, oraclePython } from "../../test/oracles.ts";
import { Failure } from "../platform/errors.ts";
import type { Lock, LockedPackage } from "./lock-model.ts";
import { canonicalLock } from "./lock-order.ts";
import { wheelBuildHash } from "./package-identity.ts";
import { formatPylock, parsePylock } from "./pylock-file.ts";
import { anyLock, anyText, largeLock, normalName } from "./testing/arbitrary-lock.ts";
import { bare, lockOf } from "./testing/small-lock.ts";

/** A lock as PEP 751 can say it: files belong to an index alone. */
const textLock = anyLock({ name: normalName, text: anyText, maxPackages: 10, maxExtras: 5 }).map(
  (lock): Lock => ({
    ...lock,
    packages: lock.packages.map((entry) => {
      if (entry.source.kind === "index") return entry;
      const { sdist: _, ...rest } = entry;
      return { ...rest, wheels: [] };
    }),
  }),
);

const sha = (digit: string) => ({ sha256: digit.repeat(64) });

/** One of everything, valid by every rule of PEP 751. */
const example: Lock = canonicalLock({
  requiresPython: ">=3.9,<4",
  environments: ["sys_platform == 'linux'", 'sys_platform == "win32"'],
  extras: ["fast"],
  dependencyGroups: ["dev"],
  defaultGroups: ["dev"],
  fingerprint: "ab".repeat(32),
  options: { resolution: "highest", "exclude-newer": "2026-01-01" },
  packages: [
    {
      name: "alpha",
      version: "1.0+cu121",
      marker: "python_version < '3.12' or 'fast' in extras",
      requiresPython: ">=3.8",
      source: { kind: "index", url: "https://index.example/simple" },
      dependencies: [
        { name: "beta", version: "1.0", extras: ["x", "y"], marker: "extra == 'fast'" },
        { name: "beta", version: "2.0" },
        { name: "gamma" },
        { name: "gamma", marker: 'os_name == "nt"' },
      ],
      sdist: {
        name: "alpha-1.0+cu121.tar.gz",
        url: "https://index.example/f/alpha-1.0%2Bcu121.tar.gz",
        hashes: sha("1"),
      },
      wheels: [
        {
          name: "alpha-1.0+cu121-py3-none-any.whl",
          url: "https://index.example/f/alpha-1.0%2Bcu121-py3-none-any.whl?x=1#y",
          size: 123,
          uploadTime: 1_700_000_000_123,
          hashes: { ...sha("2"), md5: "3".repeat(32) },
        },
      ],
    },
    {
      name: "beta",
      version: "1.0",
      source: {
        kind: "git",
        url: "https://git.example/beta.git",
        requestedRevision: "main",
        commitId: "4".repeat(40),
        subdirectory: "sub",
      },
      dependencies: [],
      wheels: [],
    },
    {
      name: "beta",
      version: "2.0",
      source: {
        kind: "archive",
        url: "https://files.example/beta.zip",
        size: 5,
        hashes: sha("5"),
        subdirectory: "s",
      },
      dependencies: [],
      wheels: [],
    },
    {
      name: "gamma",
      source: { kind: "directory", path: "packages/gamma", editable: true },
      dependencies: [],
      wheels: [],
    },
    {
      name: "root",
      source: { kind: "directory", path: ".", editable: false, virtual: true },
      dependencies: [{ name: "alpha" }],
      wheels: [],
    },
    {
      name: "zeta",
      version: "3",
      source: { kind: "index" },
      dependencies: [],
      wheels: [
        {
          name: "zeta-3-py3-none-any.whl",
          url: "https://index.example/f/zeta-3-py3-none-any.whl",
          hashes: sha("6"),
        },
      ],
    },
  ],
});

function failureOf(text: string): Failure {
  try {
    parsePylock(text, "pylock.toml");
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("text and lock", () => {
  test("text of a lock reads back as the lock", () => {
    fc.assert(
      fc.property(textLock, (lock) => {
        expect(Bun.deepEquals(parsePylock(formatPylock(lock)), lock, true)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("the same lock in another order gives the same text", () => {
    const shuffled = { ...example, packages: [...example.packages].reverse().map(reverseWithin) };
    expect(formatPylock(shuffled)).toBe(formatPylock(example));
    expect(parsePylock(formatPylock(example))).toEqual(example);
  });

  test("nothing that dx-py writes is reported as unknown", () => {
    const warnings: string[] = [];
    parsePylock(formatPylock(example), "pylock.toml", { report: (warning) => warnings.push(warning) });
    expect(warnings).toEqual([]);
  });

  test("one line for each file, one block for each package", () => {
    const text = formatPylock(largeLock(3, 2));
    expect(text.match(/^\[\[packages\]\]$/gm)?.length).toBe(3);
    expect(text.match(/^ {4}\{url = .*\},$/gm)?.length).toBe(6);
  });

  test("adding a package changes only lines of its own, apart from the fingerprint", () => {
    const before = formatPylock(largeLock(20)).split("\n");
    const added: LockedPackage = {
      name: "package-00010a",
      version: "1",
      source: { kind: "index" },
      dependencies: [],
      wheels: [],
    };
    const lock = largeLock(20);
    const after = formatPylock({ ...lock, packages: [...lock.packages, added] }).split("\n");
    const gone = before.filter((line) => !after.includes(line));
    expect(gone).toEqual([]);
  });
});

function reverseWithin(entry: LockedPackage): LockedPackage {
  return { ...entry, dependencies: [...entry.dependencies].reverse(), wheels: [...entry.wheels].reverse() };
}

describe("files of other tools", () => {
  const foreign = `
lock-version = "1.0"
created-by = "another tool"

[[packages]]
name = "Some_Package"
version = "1.0"
wheels = [
  { url = "https://index.example/Some_Package-1.0%2Blocal-py3-none-any.whl", upload-time = 2026-03-19T14:22:25.5Z, hashes = { sha256 = "${"AB".repeat(32)}" } },
]
[packages.tool.another]
key = 1

[[packages]]
name = "local"
directory = { path = "./x" }

[[packages.attestation-identities]]
kind = "some-publisher"
`;

  test("names come from URLs, hashes are lower case, index may be missing", () => {
    const lock = parsePylock(foreign);
    expect(lock.packages[1]).toEqual({
      name: "some-package",
      version: "1.0",
      source: { kind: "index" },
      dependencies: [],
      wheels: [
        {
          name: "Some_Package-1.0+local-py3-none-any.whl",
          url: "https://index.example/Some_Package-1.0%2Blocal-py3-none-any.whl",
          uploadTime: Date.parse("2026-03-19T14:22:25.5Z"),
          hashes: { sha256: "ab".repeat(32) },
        },
      ],
    });
    expect(lock.packages[0]?.source).toEqual({ kind: "directory", path: "./x", editable: false });
  });

  test("what is not as the specification has it is reported; of dx-py's own locks nothing is", () => {
    const text = (by: string) =>
      `lock-version = "1.0"\ncreated-by = "${by}"\n[[packages]]\nname = "a"\nwheels = [{name = "b-1-py3-none-any.whl", url = "https://h/b-1-py3-none-any.whl", hashes = {sha256 = "00"}}]\n`;
    const warnings: string[] = [];
    parsePylock(text("uv"), "pylock.toml", { report: (warning) => warnings.push(warning) });
    expect(warnings).toEqual([
      "pylock.toml is not as PEP 751 has it: packages[0].wheels[0]: `b-1-py3-none-any.whl` is no file of the package `a`",
    ]);
    parsePylock(text("dx-py"), "pylock.toml", { report: (warning) => warnings.push(warning) });
    expect(warnings).toHaveLength(1);
  });

  test("unknown keys and a newer minor version are reported, not refused", () => {
    const warnings: string[] = [];
    const newer = foreign.replace("1.0", "1.7").replace("created-by", "new-key = 1\ncreated-by");
    parsePylock(newer, "pylock.toml", { report: (warning) => warnings.push(warning) });
    expect(warnings.join("\n")).toContain("`new-key`");
    expect(warnings.join("\n")).toContain("1.7");
  });
});

describe("faults", () => {
  test("not TOML: line, column, and the line itself", () => {
    const failure = failureOf('lock-version = "1.0"\nextras = = 1\n');
    expect(failure.code).toBe("DXPY_BAD_TOML");
    expect(failure.context.line).toBe(2);
    expect(failure.context.detail).toContain("extras = = 1\n");
  });

  test.each([
    ["packages = 1", "`packages` is not an array of tables"],
    ["[[packages]]\nversion = '1'", "`packages[0].name` is missing"],
    ["[[packages]]\nname = 1", "`packages[0].name` is not a string"],
    ["[[packages]]\nname = 'a'\nwheels = [{}]", "`packages[0].wheels[0].name` is missing"],
    [
      "[[packages]]\nname = 'a'\nwheels = [{name = 'w', size = -1}]",
      "`packages[0].wheels[0].size` is not a whole number",
    ],
    [
      "[[packages]]\nname = 'a'\nwheels = [{name = 'w', hashes = {sha256 = 1}}]",
      "`packages[0].wheels[0].hashes.sha256` is not a string",
    ],
    [
      "[[packages]]\nname = 'a'\nvcs = {type = 'hg', url = 'u', commit-id = 'c'}",
      'is "hg"; dx-py knows git only',
    ],
    ["[[packages]]\nname = 'a'\nvcs = {}\narchive = {}", "more than one of vcs, directory and archive"],
    [
      "[[packages]]\nname = 'a'\ndirectory = {path='.'}\nwheels = [{name = 'w'}]",
      "cannot stand beside a directory source",
    ],
    ["[[packages]]\nname = '../a'", '`packages[0].name` "../a" is not a valid name'],
    ["[[packages]]\nname = 'a'\nwheels = [{name = '../a.whl'}]", '"../a.whl" is not the name of a file'],
    ["packages = []\n[tool]\ndx-py = 1", "`tool.dx-py` is not a table"],
    ["extras = [1]\npackages = []", "`extras` is not an array of strings"],
    ["", "`packages` is missing"],
  ])("%s", (body, message) => {
    const failure = failureOf(`lock-version = "1.0"\n${body}\n`);
    expect(failure.code).toBe("DXPY_BAD_PYLOCK");
    expect(failure.message).toContain(message);
  });

  test("another major version, and no version", () => {
    expect(failureOf('lock-version = "2.0"').code).toBe("DXPY_PYLOCK_VERSION");
    expect(failureOf("[project]").message).toContain("this is not a pylock.toml");
  });

  test("conflict markers are told from other faults", () => {
    expect(failureOf("<<<<<<< HEAD\na = 1\n=======\na = 2\n>>>>>>> x\n").code).toBe("DXPY_LOCK_CONFLICT");
  });

  test("arbitrary documents throw nothing but failures", () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom(
          "1",
          "'a'",
          "true",
          "1.5",
          "1979-05-27",
          "07:32:00",
          "1979-05-27T07:32:00Z",
          "[]",
          "{}",
          "[[]]",
          "[{}]",
          "-1",
        ),
        fc.array(tie("any"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`),
        fc
          .dictionary(
            fc.constantFrom("name", "url", "hashes", "type", "path", "dx-py", "__proto__"),
            tie("any"),
            { maxKeys: 4 },
          )
          .map(
            (members) =>
              `{${Object.entries(members)
                .map(([k, v]) => `${k} = ${v}`)
                .join(", ")}}`,
          ),
      ),
    })).any as fc.Arbitrary<string>;
    const keys =
      "lock-version environments packages wheels sdist vcs directory archive dependencies tool marker".split(
        " ",
      );
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...keys), value),
        fc.dictionary(fc.constantFrom(...keys, "name"), value),
        (top, inner) => {
          const body = (members: Record<string, string>) =>
            Object.entries(members)
              .map(([k, v]) => `${k} = ${v}\n`)
              .join("");
          for (const text of [body(top), `lock-version = "1.0"\n[[packages]]\nname = "a"\n${body(inner)}`]) {
            try {
              parsePylock(text);
            } catch (error) {
              expect(error).toBeInstanceOf(Failure);
            }
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});

const python = oraclePython();

describe.skipIf(python === undefined)("by the standard's own reader (packaging.pylock)", () => {
  const script = `
import json, sys, tomllib
from packaging.pylock import Pylock
for line in sys.stdin:
    document = tomllib.loads(json.loads(line))
    lock = Pylock.from_dict(document)
    print(json.dumps([[str(p.name), str(p.version) if p.version else None, [w.filename for w in p.wheels or []]] for p in lock.packages]))
`;

  test("what dx-py writes is valid, and says the same", () => {
    const locks = [example, { ...example, packages: [] }];
    const answers = askPython(python!, script, locks.map(formatPylock));
    expect(answers).toEqual(
      locks.map((lock) =>
        lock.packages.map((entry) => [
          entry.name,
          entry.version ?? null,
          entry.wheels.map((wheel) => wheel.name),
        ]),
      ),
    );
  });

  test("uv installs from it (dry run)", () => {
    const folder = mkdtempSync(join(tmpdir(), "dx-py-pylock-"));
    try {
      const wheel = {
        name: "zeta-3-py3-none-any.whl",
        url: "http://127.0.0.1:9/zeta-3-py3-none-any.whl",
        hashes: sha("6"),
      };
      const packages = [{ ...example.packages.at(-1)!, wheels: [wheel] }];
      writeFileSync(join(folder, "pylock.toml"), formatPylock({ ...example, environments: [], packages }));
      const uv = join(python!, "..", "uv");
      const run = (args: string[]) =>
        Bun.spawnSync([uv, ...args], {
          cwd: folder,
          stderr: "pipe",
          env: { ...process.env, UV_CACHE_DIR: join(folder, "cache"), VIRTUAL_ENV: join(folder, "venv") },
        });
      expect(run(["venv", "--python", python!, "venv", "--offline"]).exitCode).toBe(0);
      const done = run(["pip", "sync", "--preview", "--dry-run", "pylock.toml"]);
      expect(done.stderr.toString()).toContain("Would install 1 package");
      expect(done.exitCode).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("pinned outputs", () => {
  const wheel = { name: "alpha-1.0-py3-none-any.whl", hashes: sha("a") };
  const build = wheelBuildHash(wheel)!;
  const [one, two] = ["1".repeat(64), "2".repeat(64)] as [string, string];
  const lock = lockOf([
    bare("alpha", { version: "1.0", wheels: [wheel], outputs: { [build]: one, [two]: two } }),
  ]);
  const text = formatPylock(lock);

  test("a wheel's is named by its file, what was built by its build hash; the same comes back", () => {
    expect(text).toContain(
      `    {file = "${wheel.name}", output = "${one}"},\n    {build = "${two}", output = "${two}"},\n`,
    );
    expect(parsePylock(text, "pylock.toml")).toEqual(lock);
  });

  test("one of a wheel that is not there any more pins nothing", () => {
    const merged = parsePylock(
      text.replace(`{file = "${wheel.name}"`, '{file = "gone-1.0-py3-none-any.whl"'),
      "pylock.toml",
    );
    expect(merged.packages[0]!.outputs).toEqual({ [two]: two });
  });

  test.each([
    ["no hash", one, "x"],
    ["a hash in capitals", one, "A".repeat(64)],
    ["a path", two, "../../../etc/passwd"],
  ])("%s is refused with its place", (_, was, is) => {
    const failure = failureOf(text.replace(`output = "${was}"`, `output = "${is}"`));
    expect([failure.code, failure.message]).toEqual([
      "DXPY_BAD_PYLOCK",
      expect.stringContaining("packages[0].tool.dx-py.outputs"),
    ]);
  });
});
