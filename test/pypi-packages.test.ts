/**
 * Tools that look into an environment from the inside, as PyPI serves them: setuptools' `pkg_resources`, pytest with
 * plugins, mypy. Skips, and says so, where PyPI cannot be reached.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeWheel } from "./make-wheel.ts";
import { oraclePython } from "./oracles.ts";
import { pyproject, type Session, startSession } from "./session.ts";

let local: IndexServer;
let me: Session;
let reached = false;

beforeAll(async () => {
  local = startIndexServer({
    files: [
      makeWheel({
        name: "typed-one",
        modules: {
          "typed_one/__init__.py": "from typed_one.deep import double as double\n",
          "typed_one/deep.py": "def double(n: int) -> int:\n    return 2 * n\n",
          "typed_one/py.typed": "",
        },
      }),
      // A part of a namespace, so that its folder is real and its parts are links.
      makeWheel({
        name: "space-a",
        modules: { "space/a/__init__.py": "A: int = 1\n", "space/a/py.typed": "" },
      }),
      makeWheel({
        name: "space-b",
        modules: { "space/b/__init__.py": "B: str = 'b'\n", "space/b/py.typed": "" },
      }),
      makeWheel({
        name: "plugged",
        modules: {
          "plugged.py":
            "import pytest\n@pytest.fixture\ndef answer():\n    return 42\ndef pytest_report_header(config):\n    return 'plugged in'\n",
          "plugged_data/text.txt": "text\n",
          "plugged_data/__init__.py": "",
        },
        distInfo: { "entry_points.txt": "[pytest11]\nplugged = plugged\n" },
        requires: ["pytest"],
      }),
    ],
  });
  me = startSession();
  if (oraclePython() === undefined) return;
  me.write(
    "pyproject.toml",
    pyproject(["typed-one", "space-a", "space-b", "plugged", "pytest", "mypy", "setuptools<81"]).replace(
      ">=3.8",
      ">=3.9",
    ),
  );
  const answer = await me.dx("install", "--index", local.url);
  reached = answer.code === 0;
  if (!reached && !/unreachable|cannot be reached|timed out|connect/i.test(answer.stderr))
    throw new Error(answer.stderr);
}, 120_000);
afterAll(async () => {
  me.end();
  await local.stop();
});

function ifReached(name: string, action: () => void | Promise<void>): void {
  test(name, async () => {
    if (reached) await action();
    else console.log(`SKIP ${name}: PyPI cannot be reached`);
  });
}

ifReached("pkg_resources finds distributions, entry points, resources and namespaces", () => {
  const code = [
    "import warnings; warnings.simplefilter('ignore')",
    "import pkg_resources as p",
    "print(p.get_distribution('plugged').version, p.resource_string('plugged_data', 'text.txt').decode().strip(),",
    "  [e.name for e in p.iter_entry_points('pytest11') if e.name == 'plugged'],",
    "  len(list(p.working_set)) > 5, p.require('plugged')[0].location.endswith('site-packages'))",
  ].join("\n");
  const { stdout, stderr } = me.sh(".venv/bin/python", "-c", code);
  expect(stderr).toBe("");
  expect(stdout.trim()).toBe("1.0 text ['plugged'] True True");
});

ifReached(
  "pytest loads plugins of other distributions, rewrites assertions, and collects the project's own",
  async () => {
    me.write(
      "test_it.py",
      "def test_answer(answer):\n    assert answer == 42\ndef test_not(answer):\n    assert answer == 43\n",
    );
    const done = await me.dx("run", "pytest", "-p", "no:cacheprovider", "test_it.py");
    expect(done.code).toBe(1);
    expect(done.stdout).toContain("plugged in");
    expect(done.stdout).toContain("assert 42 == 43");
    expect(done.stdout).toContain("1 failed, 1 passed");
  },
);

ifReached("mypy follows the links: types of packages, of parts of namespaces", async () => {
  me.write(
    "typed.py",
    "import typed_one\nfrom space.a import A\nfrom space.b import B\nx: str = typed_one.double(2)\ny: str = A\nz: int = B\n",
  );
  const done = await me.dx("run", "mypy", "--no-error-summary", "--cache-dir", "/dev/null", "typed.py");
  expect(
    done.stdout
      .trim()
      .split("\n")
      .map((line) => /^typed\.py:(\d+): error: (.*?) {2}/.exec(line)?.slice(1)),
  ).toEqual([
    ["4", expect.stringContaining('expression has type "int", variable has type "str"')],
    ["5", expect.stringContaining('expression has type "int", variable has type "str"')],
    ["6", expect.stringContaining('expression has type "str", variable has type "int"')],
  ]);
});
