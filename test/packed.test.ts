import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, renameSync, truncateSync } from "node:fs";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

/** `dx-py run --packed`: pure packages are imported from their packed form, mapped into memory; there need be no tree. */

let server: IndexServer;
let me: Session;

beforeAll(async () => {
  server = startIndexServer({
    files: [
      makeWheel({
        name: "pure-one",
        version: "1.2",
        modules: {
          "pure_one/__init__.py": "from .sub import deep\nvalue = 1\ndef main():\n    print('ran', value)\n",
          "pure_one/__main__.py": "print('as a module')\n",
          "pure_one/sub/__init__.py": "",
          "pure_one/sub/deep.py": "# a comment: ü\ndef answer():\n    return 42\n",
          "pure_one/py.typed": "",
          "pure_one/broken.py": "def (:\n",
        },
        entryPoints: { "pure-one": "pure_one:main" },
      }),
      makeWheel({ name: "single", modules: { "single.py": "value = 'single'\n" } }),
      makeWheel({ name: "space-one", modules: { "space/one/__init__.py": "value = 1\n" } }),
      makeWheel({
        name: "space-two",
        modules: { "space/two.py": "value = 2\n", "space/data.txt": "data\n" },
      }),
      makeWheel({
        name: "with-data",
        modules: {
          "with_data/__init__.py": "",
          "with_data/text.txt": "the text\n",
          "with_data/more/__init__.py": "",
          "with_data/more/bytes.bin": new Uint8Array([0, 255]),
        },
      }),
    ],
  });
  me = startSession({ index: server.url });
  me.write("pyproject.toml", pyproject(["pure-one", "single", "space-one", "space-two", "with-data"]));
  await me.ok("install");
});
afterAll(async () => {
  await server.stop();
  me.end();
});

const run = async (code: string, flag = "--packed") =>
  (await me.ok("run", flag, "-q", "--", "python", "-c", code)).stdout.trim();

describe("what is imported from the packed form", () => {
  test("packages, modules, namespaces that a tree has a part of; what has data stays in its tree", async () => {
    const said = await run(
      "import pure_one, single, space.one, space.two, with_data\n" +
        "print(pure_one.deep.answer(), single.value, space.one.value + space.two.value)\n" +
        "for m in (pure_one, single, space.one, space.two, with_data): print(m.__name__, 'dx_py_packed' in m.__file__)",
    );
    expect(said.split("\n")).toEqual([
      "42 single 3",
      "pure_one True",
      "single True",
      "space.one True",
      "space.two False",
      "with_data False",
    ]);
    const { stderr } = await me.ok("run", "--packed", "-v", "--", "python", "-c", "pass");
    expect(stderr).toContain("packed: pure-one, single, space-one\n");
    expect(stderr).toContain("with a tree: space-two, with-data");
  });

  test("there is no need of a tree", async () => {
    const [object] = JSON.parse((await me.ok("store", "ls", "pure-one", "--json")).stdout);
    const tree = `${me.home}/store/${object.outputHash.slice(0, 2)}/${object.outputHash.slice(2, 4)}/${object.outputHash}`;
    const python = await run("import sys; print(sys.executable)");
    renameSync(tree, `${tree}.away`);
    try {
      const done = me.sh(python, "-c", "import pure_one.sub.deep as d; print(d.answer())");
      expect(done.stdout).toBe("42\n");
    } finally {
      renameSync(`${tree}.away`, tree);
    }
  });

  test("commands of the packages, `python -m`, and processes that they start", async () => {
    expect((await me.ok("run", "--packed", "-q", "--", "pure-one")).stdout).toBe("ran 1\n");
    expect((await me.ok("run", "--packed", "-q", "--", "python", "-m", "pure_one")).stdout).toBe(
      "as a module\n",
    );
    me.write(
      "spawn.py",
      "import multiprocessing as m\nfrom pure_one.sub.deep import answer\n" +
        "if __name__ == '__main__':\n    with m.get_context('spawn').Pool(2) as p: print(p.apply(answer))\n",
    );
    expect((await me.ok("run", "--packed", "-q", "--", "python", "spawn.py")).stdout).toBe("42\n");
  });

  test("a file that does not compile fails where it is imported, with its name", async () => {
    const failed = await me.dx("run", "--packed", "-q", "--", "python", "-c", "import pure_one.broken");
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("broken.py");
    expect(failed.stderr).toContain("SyntaxError");
  });
});

describe("what the standard library says of packed packages", () => {
  test("importlib.metadata: versions, entry points, files", async () => {
    expect(
      await run(
        "import importlib.metadata as m\n" +
          "print(m.version('Pure_One'), [e.value for e in m.distribution('pure-one').entry_points])\n" +
          "print(sorted({d.metadata['Name'] for d in m.distributions()}))\n" +
          "f = [f for f in m.files('pure-one') if f.name == 'deep.py'][0]\n" +
          "print(f, f.read_text().splitlines()[0])",
      ),
    ).toBe(
      "1.2 ['pure_one:main']\n['dx-py-packed', 'pure-one', 'single', 'space-one', 'space-two', 'with-data']\n" +
        "pure_one/sub/deep.py # a comment: ü",
    );
  });

  test("inspect, linecache, pkgutil", async () => {
    expect(
      await run(
        "import inspect, linecache, pkgutil, traceback, pure_one.sub.deep as d\n" +
          "print(repr(inspect.getsource(d.answer)), inspect.getsourcefile(d) == d.__file__)\n" +
          "print([m.name for m in pkgutil.walk_packages(__import__('pure_one').__path__, 'pure_one.') if 'broken' not in m.name])\n" +
          "print(pkgutil.get_data('pure_one', 'py.typed'))",
      ),
    ).toBe(
      `'def answer():\\n    return 42\\n' True\n['pure_one.__main__', 'pure_one.sub', 'pure_one.sub.deep']\nb''`,
    );
  });

  test("importlib.resources, with --packed-data", async () => {
    expect(
      await run(
        "import importlib.resources as r, with_data, sys\n" +
          "print('dx_py_packed' in with_data.__file__)\n" +
          "root = r.files('with_data')\n" +
          "print((root / 'text.txt').read_text().strip(), (root / 'more' / 'bytes.bin').read_bytes())\n" +
          "print(sorted(c.name for c in root.iterdir()), (root / 'none').is_file(), (root / 'more').is_dir())\n" +
          "with r.as_file(root / 'text.txt') as p: print(open(p).read().strip())\n" +
          "import os; print(os.path.exists(os.path.join(os.path.dirname(with_data.__file__), 'text.txt')))",
        "--packed-data",
      ),
    ).toBe("True\nthe text b'\\x00\\xff'\n['__init__.py', 'more', 'text.txt'] False True\nthe text\nFalse");
  });
});

test("a damaged packed file is an ImportError, and the next run makes another when it is removed", async () => {
  const python = await run("import sys; print(sys.executable)");
  const folder = `${me.home}/store/packed`;
  const [object] = JSON.parse((await me.ok("store", "ls", "single", "--json")).stdout);
  for (const name of readdirSync(folder).filter((one) => one.startsWith(object.outputHash))) {
    chmodSync(`${folder}/${name}`, 0o644);
    truncateSync(`${folder}/${name}`, 20);
  }
  const failed = me.sh(python, "-c", "import single");
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain("ImportError");
  for (const name of readdirSync(folder).filter((one) => one.startsWith(object.outputHash)))
    me.remove(`${folder}/${name}`);
  expect(await run("import single; print(single.value)")).toBe("single");
});
