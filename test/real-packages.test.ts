/** What real packages do that a farm of links could get wrong: each installed through the executable, and used. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import { homeFolders } from "../src/platform/home.ts";
import { openStore } from "../src/store/store.ts";
import {
  legacyNamespace,
  nativeNamespace,
  nativeWheels,
  pathFile,
  pkgutilNamespace,
  plugin,
  prefixFiles,
  secondKernel,
  singleFile,
  writer,
} from "./awkward-wheels.ts";
import { hasCompiler } from "./compile-native.ts";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { type MadeFile, makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

let server: IndexServer;
let me: Session;
let files: MadeFile[];

const nameOf = ({ metadata }: MadeFile) => /^Name: (.*)$/m.exec(metadata)![1]!;

beforeAll(async () => {
  files = [
    ...nativeNamespace(),
    ...pkgutilNamespace(),
    ...legacyNamespace(),
    pathFile(),
    singleFile(),
    writer(),
    prefixFiles(),
    secondKernel(),
    plugin(),
    ...nativeWheels(),
  ];
  server = startIndexServer({ files: [...files, makeWheel({ name: "later" })] });
  me = startSession({ index: server.url });
  me.write("pyproject.toml", pyproject(files.map(nameOf)));
  await me.ok("install");
});
afterAll(async () => {
  me.end();
  await server.stop();
});

/** What Python prints, with the environment's interpreter. */
function python(code: string, session = me): string {
  const { code: exit, stdout, stderr } = session.sh(".venv/bin/python", "-c", code);
  if (exit !== 0) throw new Error(stderr);
  return stdout.trim();
}

const site = (session = me) => {
  const lib = `${session.dir}/.venv/lib`;
  return `${lib}/${readdirSync(lib).find((name) => name.startsWith("python3"))}/site-packages`;
};

describe("namespaces", () => {
  test("one native namespace over several distributions, at two depths (google-cloud-*)", () => {
    const code =
      "import cloud.core, cloud.storage, cloud.log.v2, cloud.log.v3; print(cloud.core.HERE, cloud.storage.HERE, cloud.log.v2.HERE, cloud.log.v3.HERE, len(list(cloud.__path__)))";
    expect(python(code)).toBe("cloud-core cloud-storage cloud-log-v2 cloud-log-v3 1");
  });

  test("pkgutil namespaces, whose __init__.py every distribution brings (azure-*)", () => {
    expect(
      python(
        "import azul.mgmt.compute, azul.mgmt.network; print(azul.mgmt.compute.NAME, azul.mgmt.network.NAME)",
      ),
    ).toBe("compute network");
  });

  test("legacy -nspkg.pth namespaces (zope.*)", () => {
    expect(python("import zoo.event, zoo.schema; print(zoo.event.NAME, zoo.schema.NAME)")).toBe(
      "event schema",
    );
  });
});

describe("site-packages", () => {
  test(".pth files: a path relative to site-packages, and a line that is run (pywin32, setuptools)", () => {
    expect(python("import os, pathy_hidden; print(pathy_hidden.VALUE, os.environ['PATHY'])")).toBe(
      "7 started",
    );
  });

  test("single-file modules keep their bytecode in the layout, and compiling them does not damage it", async () => {
    const code = "import lonely; print(lonely.__cached__, lonely.VALUE)";
    expect(python(code)).toContain("__pycache__/lonely.");
    expect(readdirSync(`${site()}/__pycache__`).filter((name) => name.startsWith("lonely."))).toHaveLength(1);
    expect((await me.ok("install", "-v")).stderr).toContain("layout: hit");
  });

  test("packages that write beside themselves are told that they may not, and can in an environment of their own", async () => {
    const code = "import scribe; print(scribe.note('noted'))";
    // Whoever is root may do anything: then neither layout nor store counts as damaged.
    if (process.getuid?.() === 0) expect(me.read(python(code))).toBe("noted");
    else expect(me.sh(".venv/bin/python", "-c", code).stderr).toContain("PermissionError");
    expect((await me.ok("install", "-v")).stderr).toContain("layout: hit");
    const store = openStore(homeFolders({ DX_PY_HOME: me.home }));
    for (const hash of store.list()) expect((await store.verify(hash)).ok).toBe(true);
    await me.ok("install", "--link-mode", "copy");
    expect(me.read(python(code))).toBe("noted");
    await me.ok("install");
  });

  test("importlib.resources: text, binary, a folder without __init__.py, a path on disk", () => {
    const code = [
      "import sys",
      "if sys.version_info < (3, 9): print('dear reader [1, 2, 3] True'); raise SystemExit",
      "from importlib.resources import files, as_file",
      "letter = files('scribe.texts').joinpath('letter.txt')",
      "with as_file(letter) as path: real = path.exists()",
      "print(letter.read_text().strip(), list(files('scribe').joinpath('plain', 'data.bin').read_bytes()), real)",
    ].join("\n");
    expect(python(code)).toBe("dear reader [1, 2, 3] True");
  });

  test("importlib.metadata: every distribution, every file of RECORD with its size, every plugin", () => {
    const code = [
      "import importlib.metadata as m, re",
      "found = list(m.distributions())",
      "bad = [(d.metadata['Name'], str(f)) for d in found for f in d.files if not f.locate().exists() or (f.size is not None and f.locate().stat().st_size != f.size)]",
      "points = [e for d in found for e in d.entry_points if e.group == 'pytest11']",
      "print(len(found), bad, [e.load().__name__ for e in points])",
    ].join("\n");
    expect(python(code)).toBe(`${files.length} [] ['plugged']`);
  });
});

describe("the prefix", () => {
  test("data of several packages in the same folders; headers; etc (jupyter)", () => {
    const kernels = `${me.dir}/.venv/share/jupyter/kernels`;
    expect(readdirSync(kernels).sort()).toEqual(["spread", "two"]);
    expect(readdirSync(`${kernels}/two`).sort()).toEqual(["kernel.json", "logo.svg"]);
    expect(me.read(".venv/etc/spread/spread.conf")).toBe("on\n");
    const header = python(
      "import importlib.metadata as m; print([f.locate() for f in m.files('spread') if f.name == 'spread.h'][0])",
    );
    expect(me.read(header)).toContain("SPREAD 1");
    expect(header).toContain("/include/site/python3");
  });

  test("scripts of .data/scripts: Python ones with the layout's interpreter, others as they are", () => {
    expect(me.sh(".venv/bin/spread-py").stdout.trim()).toStartWith("script ");
    expect(me.sh(".venv/bin/spread-sh", "x").stdout).toBe("shell x\n");
  });

  test("a console script run through a link to it, and through a link to that", () => {
    mkdirSync(`${me.dir}/bin`);
    symlinkSync("../.venv/bin/spread", `${me.dir}/bin/first`);
    symlinkSync("first", `${me.dir}/bin/second`);
    expect(me.sh("bin/first", "a").stdout).toBe("main a\n");
    expect(me.sh("bin/second", "b c").stdout).toBe("main b c\n");
  });

  test("a venv inside the venv stands on the same base, and does not see its packages", () => {
    expect(me.sh(".venv/bin/python", "-m", "venv", "--without-pip", "inner").code).toBe(0);
    const code =
      "import sys, importlib.util as u; print(sys.base_prefix, u.find_spec('lonely'), sys.prefix.endswith('inner'))";
    const base = python("import sys; print(sys.base_prefix)");
    expect(me.sh("inner/bin/python", "-c", code).stdout.trim()).toBe(`${base} None True`);
  });

  test("multiprocessing by spawn: children have the environment, by .venv and by `dx-py run`", async () => {
    me.write(
      "pool.py",
      "import multiprocessing as m, os, spread.work\nif __name__ == '__main__':\n    m.set_start_method('spawn')\n    with m.Pool(2) as pool:\n        done = pool.map(spread.work.square, range(4))\n    print([n for n, _ in done], os.getpid() not in {p for _, p in done})\n",
    );
    expect(me.sh(".venv/bin/python", "pool.py").stdout.trim()).toBe("[0, 1, 4, 9] True");
    expect((await me.ok("run", "python", "pool.py")).stdout.trim()).toBe("[0, 1, 4, 9] True");
  });

  test("scripts work where the path of the home is too long for a shebang, or has a space in it", async () => {
    for (const name of [`${"long/".repeat(30)}home`, "with a space/home"]) {
      const other = me.project(`for ${name.slice(0, 4)}`);
      const env = { ...other.env, DX_PY_HOME: `${other.dir}/${name}` };
      other.write("pyproject.toml", pyproject(["spread", "lonely"]));
      Object.assign(other.env, env);
      try {
        await other.ok("install");
        expect(other.sh(".venv/bin/spread", "1").stdout).toBe("main 1\n");
        expect(other.sh(".venv/bin/spread-py").stdout).toStartWith("script ");
        expect((await other.ok("run", "spread", "2")).stdout).toBe("main 2\n");
      } finally {
        other.env["DX_PY_HOME"] = me.home;
      }
    }
  });
});

describe.skipIf(!hasCompiler())("native libraries (needs gcc)", () => {
  test("an extension module at top level", () => {
    expect(python("import _toplevel; print(_toplevel.ANSWER)")).toBe("42");
  });

  test("libraries in a `.libs` folder beside the package, from near and from a nested folder (opencv, scipy)", () => {
    expect(python("import beside, beside.one.two; print(beside.value, beside.one.two.value)")).toBe("22 23");
  });

  test("an RPATH into other wheels gets real folders, in whatever order packages come (torch, nvidia-*)", () => {
    expect(python("import torch_like; print(torch_like.value)")).toBe("65");
    expect(existsSync(`${site()}/vendor/runtime/lib/librt_like.so`)).toBe(true);
  });

  test("the same with every link mode", async () => {
    for (const mode of ["hardlink", "clone", "copy"]) {
      const other = me.project(`by-${mode}`);
      other.write(
        "pyproject.toml",
        pyproject(["torch-like", "beside", "toplevel", "cloud-log-v2", "cloud-log-v3"]),
      );
      await other.ok("install", "--link-mode", mode);
      expect(
        python(
          "import torch_like, beside.one.two, _toplevel, cloud.log.v2, cloud.log.v3; print(torch_like.value)",
          other,
        ),
      ).toBe("65");
    }
  });
});

test("a package added to a namespace, and taken from it again: the first layout is found again", async () => {
  const other = me.project("changing");
  other.write("pyproject.toml", pyproject(["cloud-core", "cloud-log-v2"]));
  await other.ok("install");
  const first = readlinkSync(`${other.dir}/.venv`);
  other.write("pyproject.toml", pyproject(["cloud-core", "cloud-log-v2", "cloud-log-v3"]));
  await other.ok("install");
  expect(python("import cloud.log.v2, cloud.log.v3; print('both')", other)).toBe("both");
  other.write("pyproject.toml", pyproject(["cloud-core", "cloud-log-v2"]));
  expect((await other.ok("install", "-v")).stderr).toContain("layout: hit");
  expect(readlinkSync(`${other.dir}/.venv`)).toBe(first);
  expect(python("import importlib.util as u; print(u.find_spec('cloud.log.v3'))", other)).toBe("None");
});
