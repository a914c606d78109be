/** Layouts and package objects are shared: what one project, tool or accident does to them must not hurt the others. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homeFolders } from "../src/platform/home.ts";
import { openStore } from "../src/store/store.ts";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeSdist, makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

let server: IndexServer;
let me: Session;
let other: Session;

beforeAll(() => {
  server = startIndexServer({
    files: [
      makeWheel({
        name: "apple",
        requires: ["core"],
        entryPoints: { apple: "apple:main" },
        modules: {
          "apple/__init__.py": "def main():\n    print('apple')\n",
          "apple/late.py": "value = 1\n",
          "single.py": "value = 2\n",
        },
      }),
      makeWheel({
        name: "core",
        modules: { "core/__init__.py": "value = 3\n", "core/deep/data.txt": "data\n" },
      }),
      makeWheel({ name: "new-one" }),
      makeSdist({ name: "built" }),
    ],
  });
});
afterAll(async () => {
  me.end();
  await server.stop();
});
// One home for all: what is damaged must be whole again for the next.
beforeAll(async () => {
  me = startSession({ index: server.url });
  me.write("pyproject.toml", pyproject(["apple"]));
  await me.ok("install");
  other = me.project("other");
  other.write("pyproject.toml", pyproject(["apple", "new-one"], "", "other"));
  await other.ok("install");
});
beforeEach(async () => {
  me.write("pyproject.toml", pyproject(["apple"]));
  await me.ok("install");
});

const layout = () => readlinkSync(`${me.dir}/.venv`);
function site(session = me): string {
  const lib = `${readlinkSync(`${session.dir}/.venv`)}/lib`;
  return `${lib}/${readdirSync(lib).find((name) => name.startsWith("python3"))}/site-packages`;
}
const works = (session = me) =>
  session.sh(
    ".venv/bin/python",
    "-c",
    "import apple.late, core, single; print(apple.late.value, single.value, core.value)",
  ).stdout;
const store = () => openStore(homeFolders({ DX_PY_HOME: me.home }));
async function storeIsWhole(): Promise<void> {
  for (const hash of store().list())
    expect(await store().verify(hash)).toMatchObject({ outputHash: hash, ok: true });
}

describe("nothing in a layout can be written to by accident", () => {
  test("folders are 0555 and files 0444, but for the place of bytecode", () => {
    const seen: string[] = [];
    const walk = (path: string) => {
      const stats = lstatSync(path);
      if (stats.isSymbolicLink()) return;
      if ((stats.mode & 0o222) !== 0 && !path.includes("__pycache__")) seen.push(path);
      if (stats.isDirectory()) for (const name of readdirSync(path)) walk(`${path}/${name}`);
    };
    walk(layout());
    expect(seen).toEqual([]);
    const stored = realpathSync(`${site()}/apple/late.py`);
    expect(statSync(stored).mode & 0o222).toBe(0);
  });

  test("it says whose it is, and what to do instead", () => {
    const text = me.read(`${layout()}/SHARED-READ-ONLY.txt`);
    for (const words of ["dx-py add", "dx-py remove", "dx-py pip install", "dx-py install --detach"])
      expect(text).toContain(words);
  });

  test("`pip install` into it fails, whoever does it, says what to do, and changes nothing", async () => {
    // The pip that comes with Python, without a network.
    const bundled =
      "import ensurepip, os; print(os.path.join(os.path.dirname(ensurepip.__file__), '_bundled'))";
    const folder = me.sh(".venv/bin/python", "-c", bundled).stdout.trim();
    if (folder === "" || !existsSync(folder)) {
      console.log("SKIP: this Python brings no pip");
      return;
    }
    me.write("pyproject.toml", pyproject(["apple", "pip"]));
    await me.ok("install", "--find-links", folder);
    const before = layout();
    const pip = (...args: string[]) =>
      me.sh(".venv/bin/python", "-m", "pip", "--disable-pip-version-check", ...args);
    const target = ["--no-index", "--find-links", me.dir];
    const wheel = makeWheel({ name: "wanted" });
    await Bun.write(`${me.dir}/${wheel.filename}`, wheel.bytes);
    const refused = pip("install", ...target, "wanted");
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toContain("dx-py add NAME");
    const kept = pip("uninstall", "-y", "core");
    expect(kept.code).not.toBe(0);
    expect(kept.stdout + kept.stderr).toContain("dx-py remove NAME");
    // What only reads goes on.
    expect(pip("list").stdout).toContain("apple");
    expect(pip("check").code).toBe(0);
    expect(pip("download", ...target, "-d", "got", "wanted").code).toBe(0);
    expect((await me.ok("install", "-v", "--find-links", folder)).stderr).toContain("layout: hit");
    expect(layout()).toBe(before);
  });
});

/** Damage as a tool, a person or root does it: what is changed, and how. */
const damages: Record<string, () => void> = {
  "a package's link is gone": () => rmSync(`${site()}/core`),
  "a module of one file is gone": () => rmSync(`${site()}/single.py`),
  "a foreign package was put in": () => writeFileSync(`${site()}/foreign.py`, "value = 9\n"),
  "a foreign folder was put in": () => void Bun.spawnSync(["mkdir", `${site()}/foreign`]),
  "a script is gone": () => rmSync(`${layout()}/bin/apple`),
  "a foreign script was put in": () => writeFileSync(`${layout()}/bin/foreign`, "#!/bin/sh\n"),
  "the interpreter's link is gone": () => rmSync(`${layout()}/bin/python`),
  "the interpreter's link leads to another": () => {
    rmSync(`${layout()}/bin/python`);
    Bun.spawnSync(["ln", "-s", "/bin/sh", `${layout()}/bin/python`]);
  },
  "pyvenv.cfg was changed": () => {
    chmodSync(`${layout()}/pyvenv.cfg`, 0o644);
    writeFileSync(`${layout()}/pyvenv.cfg`, "home = /nowhere\ninclude-system-site-packages = true\n");
  },
  "pyvenv.cfg is gone": () => rmSync(`${layout()}/pyvenv.cfg`),
  "a package's link leads elsewhere": () => {
    rmSync(`${site()}/core`);
    Bun.spawnSync(["ln", "-s", "/tmp", `${site()}/core`]);
  },
  "a .dist-info is gone": () => {
    const name = readdirSync(site()).find((entry) => entry.startsWith("core-"))!;
    Bun.spawnSync(["sh", "-c", `chmod -R u+w '${site()}/${name}' && rm -r '${site()}/${name}'`]);
  },
  "all of it is gone": () =>
    void Bun.spawnSync(["sh", "-c", `chmod -R u+w '${layout()}' && rm -r '${layout()}'`]),
  "all but the folder is gone": () =>
    void Bun.spawnSync([
      "sh",
      "-c",
      `chmod -R u+w '${layout()}' && rm -r '${layout()}'/* && chmod 555 '${layout()}'`,
    ]),
};

const RUN_TOO = [
  "a package's link is gone",
  "a foreign package was put in",
  "the interpreter's link is gone",
  "all of it is gone",
];

describe("L7 damage to a layout is found by `install` and by `run`, and healed", () => {
  const path = "lib/python*/site-packages";
  for (const [what, damage] of Object.entries(damages)) {
    // What `run` sees is what `install` sees: the warm path of both is one.
    for (const how of RUN_TOO.includes(what) ? ["install", "run"] : ["install"]) {
      test(`${what}: ${how}`, async () => {
        const before = layout();
        // Asked before in the same words, and found to stand: the next answer is the quickest there is.
        me.settle();
        await me.ok("install", "-v");
        await me.ok("run", "python", "-c", "pass");
        Bun.spawnSync(["sh", "-c", `chmod u+w '${before}' '${before}/bin' '${before}'/${path}`]);
        damage();
        if (how === "install") expect((await me.ok("install", "-v")).stderr).toMatch(/layout: (healed|miss)/);
        else
          expect((await me.ok("run", "python", "-c", "import core, apple; print(core.value)")).stdout).toBe(
            "3\n",
          );
        expect(layout()).toBe(before);
        expect(works()).toBe("1 2 3\n");
        expect(me.sh(".venv/bin/apple").stdout).toBe("apple\n");
        expect(readdirSync(site())).not.toContain("foreign");
        expect(readdirSync(site())).not.toContain("foreign.py");
        expect(readdirSync(`${layout()}/bin`)).not.toContain("foreign");
        expect((await me.ok("install", "-v")).stderr).toContain("layout: hit");
        expect(works(other)).toBe("1 2 3\n");
      });
    }
  }
});

describe("damage to the store", () => {
  function stored(path: string): string {
    return realpathSync(`${site()}/${path}`);
  }
  const harm: Record<string, () => void> = {
    "a changed file": () => {
      chmodSync(stored("apple/late.py"), 0o644);
      writeFileSync(stored("apple/late.py"), "value = 666\n");
    },
    "a missing file": () => {
      const file = stored("apple/late.py");
      chmodSync(file.slice(0, file.lastIndexOf("/")), 0o755);
      rmSync(file);
    },
    "a missing tree": () => {
      const tree = stored("apple").replace(/\/lib\/apple$/, "");
      Bun.spawnSync(["sh", "-c", `chmod -R u+w '${tree}' && rm -r '${tree}'`]);
    },
    "a missing index file": () =>
      rmSync(`${stored("apple").replace(/\/lib\/apple$/, "")}.dxpkg`, { force: true }),
    "a damaged index file": () => {
      const path = `${stored("apple").replace(/\/lib\/apple$/, "")}.dxpkg`;
      chmodSync(path, 0o644);
      writeFileSync(path, "nonsense");
    },
  };

  for (const [what, damage] of Object.entries(harm)) {
    test(`${what} is found by \`store verify\`, made again, and every layout that uses it is whole`, async () => {
      damage();
      const found = await me.dx("store", "verify");
      expect(found.code).toBe(1);
      expect(found.stdout).toMatch(/^damaged /m);
      expect((await me.ok("store", "verify", "--repair")).stderr).toContain("1 repaired");
      await me.ok("store", "verify");
      await me.ok("install");
      await other.ok("install");
      await storeIsWhole();
      expect(works()).toBe("1 2 3\n");
      expect(works(other)).toBe("1 2 3\n");
    });
  }
});
