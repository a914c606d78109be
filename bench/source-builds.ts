/**
 * Ten packages built from source, one for each way in which projects are built: the same results as uv's, file by file; which
 * of them are reproducible; how long it takes. Wants a network, compilers and half an hour at most; not a part of any test run.
 *
 * `DX_PY=dist/dx-py PYTHON=3.12 node scripts/bun.mjs run bench/source-builds.ts [FOLDER]`
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { commitAll } from "../test/source-tree.ts";

/** Requirement → how it is built, and what is imported. */
const packages: readonly { name: string; requirement: string; how: string; imports: string }[] = [
  { name: "packaging", requirement: "packaging==24.2", how: "flit-core", imports: "packaging.version" },
  {
    name: "platformdirs",
    requirement: "platformdirs==4.3.6",
    how: "hatchling, hatch-vcs",
    imports: "platformdirs",
  },
  {
    name: "markupsafe",
    requirement: "markupsafe==3.0.2",
    how: "setuptools, C",
    imports: "markupsafe._speedups",
  },
  {
    name: "docopt",
    requirement: "docopt==0.6.2",
    how: "setup.py without pyproject.toml",
    imports: "docopt",
  },
  { name: "tomlkit", requirement: "tomlkit==0.13.2", how: "poetry-core", imports: "tomlkit" },
  { name: "findpython", requirement: "findpython==0.6.2", how: "pdm-backend", imports: "findpython" },
  { name: "rpds-py", requirement: "rpds-py==0.22.3", how: "maturin", imports: "rpds" },
  { name: "contourpy", requirement: "contourpy==1.3.1", how: "meson-python, C++", imports: "contourpy" },
  { name: "pybind11", requirement: "pybind11==3.0.1", how: "scikit-build-core", imports: "pybind11" },
  { name: "cymem", requirement: "cymem==2.0.11", how: "setuptools, Cython, C++", imports: "cymem.cymem" },
];

const only = process.env["ONLY"]?.split(",");
const chosen = packages.filter(({ name }) => only === undefined || only.includes(name));
const dx = resolve(process.env["DX_PY"] ?? "dist/dx-py");
const python = process.env["PYTHON"] ?? "3.12";
const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), "dx-py-source-builds-"));
const env = {
  ...(process.env as Record<string, string>),
  DX_PY_HOME: `${folder}/home`,
  UV_CACHE_DIR: `${folder}/uv-cache`,
  UV_PYTHON: process.env["UV_PYTHON"] ?? python,
  UV_PYTHON_DOWNLOADS: "never",
};
delete (env as Record<string, string | undefined>)["VIRTUAL_ENV"];

function run(argv: string[], cwd: string): { code: number; out: string; err: string; ms: number } {
  const begun = performance.now();
  const done = Bun.spawnSync(argv, { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  return {
    code: done.exitCode,
    out: done.stdout.toString(),
    err: done.stderr.toString(),
    ms: performance.now() - begun,
  };
}

function must(argv: string[], cwd: string) {
  const done = run(argv, cwd);
  if (done.code !== 0) throw new Error(`${argv.join(" ")}\n${done.out}${done.err}`);
  return done;
}

function makeProject(path: string): string {
  mkdirSync(path, { recursive: true });
  const names = JSON.stringify(chosen.map(({ name }) => name));
  writeFileSync(
    `${path}/pyproject.toml`,
    `[project]\nname = "from-source"\nversion = "1"\nrequires-python = ">=${python},<3.${Number(python.split(".")[1]) + 1}"\n` +
      `dependencies = ${JSON.stringify(chosen.map(({ requirement }) => requirement))}\n\n` +
      `[tool.uv]\npackage = false\nno-binary-package = ${names}\n`,
  );
  return path;
}

/** Files below `root` by relative path, links followed, bytecode left out. */
function files(root: string, below = "", found = new Map<string, string>()): Map<string, string> {
  for (const name of readdirSync(join(root, below))) {
    if (name === "__pycache__" || name.endsWith(".pyc")) continue;
    const path = below === "" ? name : `${below}/${name}`;
    if (statSync(join(root, path)).isDirectory()) files(root, path, found);
    else found.set(path, new Bun.CryptoHasher("sha256").update(readFileSync(join(root, path))).digest("hex"));
  }
  return found;
}

/** Debugging information and the like: two builds in different folders cannot be the same. */
function namesItsPlace(site: string, path: string): boolean {
  return ["dx", "uv"].some((side) =>
    readFileSync(`${folder}/${side}/.venv/${site}/${path}`).includes(folder),
  );
}

/** What every installer writes in its own way. */
const own =
  /(^|\/)(RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_cache\.json|uv_build\.json)$|^_virtualenv\.|^distutils-precedence/;

function compare(): void {
  const site = `lib/python${python}/site-packages`;
  const [mine, theirs] = [`${folder}/dx/.venv/${site}`, `${folder}/uv/.venv/${site}`].map((root) =>
    files(root),
  );
  const differ: string[] = [];
  let same = 0;
  for (const path of [...new Set([...mine!.keys(), ...theirs!.keys()])].sort()) {
    if (own.test(path)) continue;
    const [a, b] = [mine!.get(path), theirs!.get(path)];
    if (a === b) same += 1;
    else if (a === undefined || b === undefined)
      differ.push(`  only ${a === undefined ? "uv" : "dx"}  ${path}`);
    else
      differ.push(
        `  differs  ${path}${namesItsPlace(site, path) ? " (it names the folder that it was built in)" : ""}`,
      );
  }
  console.log(`\nfile by file: ${same} the same, ${differ.length} not\n${differ.join("\n")}`);
  for (const { name, imports } of chosen) {
    const done = run([`${folder}/dx/.venv/bin/python`, "-c", `import ${imports}`], folder);
    console.log(`import ${name}: ${done.code === 0 ? "passes" : done.err}`);
  }
}

function rebuild(): void {
  for (const { name, how } of chosen) {
    const done = run([dx, "drv", "rebuild", "--check", "--json", name], `${folder}/dx`);
    let text = done.out + done.err;
    try {
      const [result] = JSON.parse(done.out);
      text = result.same
        ? "reproducible"
        : `not reproducible\n${result.files.map((file: { path: string; change: string; byte?: number; line?: number }) => `    ${file.change} ${file.path} ${file.byte ?? file.line ?? ""}`).join("\n")}`;
    } catch {
      // Said as it came.
    }
    console.log(`rebuild --check ${name} (${how}): ${text} (${done.ms.toFixed(0)} ms)`);
  }
}

/** `dx-py build` in two checkouts of each source: whether sdist and wheel are the same to the last byte. */
function distributions(): void {
  const lock = Bun.TOML.parse(readFileSync(`${folder}/dx/pylock.toml`, "utf8")) as {
    packages: { name: string; sdist?: { hashes: { sha256: string } } }[];
  };
  for (const { name, how } of chosen) {
    const sdist = lock.packages.find((one) => one.name === name)?.sdist;
    if (sdist === undefined) continue;
    const made = ["one", "other"].map((side) => {
      const tree = `${folder}/trees/${name}-${side}`;
      rmSync(tree, { recursive: true, force: true });
      mkdirSync(tree, { recursive: true });
      must(
        [
          "tar",
          "-xf",
          `${folder}/home/index/sdists/${sdist.hashes.sha256}`,
          "--strip-components=1",
          "-C",
          tree,
        ],
        folder,
      );
      // A checkout has none, and maturin will not write over it; others have their version from there.
      if (how === "maturin") rmSync(`${tree}/PKG-INFO`);
      // Its sdists are what git has.
      if (how.startsWith("meson")) commitAll(tree);
      must([dx, "build", "--python", python], tree);
      return files(`${tree}/dist`);
    });
    const names = [...made[0]!.keys()].sort();
    const differ = names.filter((one) => made[0]!.get(one) !== made[1]!.get(one));
    const text = differ.length === 0 ? "the same" : `differs: ${differ.join(", ")}`;
    console.log(`build ${name} (${how}), ${names.length} files: ${text}`);
  }
}

/** Downloads stay; what was built goes. */
function forgetBuilds(): void {
  // The layout too: what was built is linked to from there.
  const layout = realpathSync(`${folder}/dx/.venv`);
  must(["chmod", "-R", "u+w", layout], folder);
  must(["rm", "-rf", layout], folder);
  const drvOut = `${folder}/home/store/drv-out`;
  for (const hash of readdirSync(drvOut)) {
    const text = readFileSync(`${drvOut}/${hash}`, "utf8");
    if (!/^build /m.test(text)) continue;
    const output = text.slice(0, 64);
    rmSync(`${drvOut}/${hash}`);
    rmSync(`${folder}/home/store/${output.slice(0, 2)}/${output.slice(2, 4)}/${output}.dxpkg`, {
      force: true,
    });
    Bun.spawnSync(["chmod", "-R", "u+w", `${folder}/home/store/${output.slice(0, 2)}`]);
    Bun.spawnSync([
      "rm",
      "-rf",
      `${folder}/home/store/${output.slice(0, 2)}/${output.slice(2, 4)}/${output}`,
    ]);
  }
  Bun.spawnSync([
    "sh",
    "-c",
    `find ${folder}/uv-cache/sdists-*/pypi -mindepth 4 -maxdepth 4 -name '*-*-*-*' ! -name '*.lock' -exec rm -rf {} +`,
  ]);
}

function times(): void {
  const rows: [string, number, number][] = [];
  for (let i = 0; i < Number(process.env["RUNS"] ?? 2); i++) {
    forgetBuilds();
    for (const side of ["dx", "uv"]) must(["rm", "-rf", `${folder}/${side}/.venv`], folder);
    const mine = must([dx, "install", "--frozen"], `${folder}/dx`).ms;
    const theirs = must(["uv", "sync", "--frozen"], `${folder}/uv`).ms;
    rows.push(["built again, downloads kept", mine, theirs]);
  }
  for (let i = 0; i < 3; i++) {
    const [a, b] = ["dx", "uv"].map((side) => {
      const path = makeProject(`${folder}/second-${side}-${i}`);
      must(
        [
          "cp",
          ...["pylock.toml", "dx-py.dpl", "uv.lock"]
            .map((name) => `${folder}/${side}/${name}`)
            .filter((file) => existsSync(file)),
          path,
        ],
        folder,
      );
      return path;
    }) as [string, string];
    rows.push([
      "a second project",
      must([dx, "install"], a).ms,
      must(["uv", "sync", "--frozen", "--offline"], b).ms,
    ]);
  }
  for (const [what, mine, theirs] of rows)
    console.log(
      `${what}: dx-py ${mine.toFixed(0)} ms, uv ${theirs.toFixed(0)} ms, ratio ${(mine / theirs).toFixed(2)}`,
    );
}

for (const side of ["dx", "uv"]) makeProject(`${folder}/${side}`);
console.log(`${folder}; Python ${python}; ${chosen.length} packages`);
if (lstatSync(`${folder}/dx/.venv`, { throwIfNoEntry: false }) === undefined) {
  const [locked, installed] = [must([dx, "lock"], `${folder}/dx`), must([dx, "install"], `${folder}/dx`)];
  console.log(`dx-py: lock ${locked.ms.toFixed(0)} ms, install ${installed.ms.toFixed(0)} ms`);
}
if (!existsSync(`${folder}/uv/.venv`)) {
  const [theirLock, theirSync] = [must(["uv", "lock"], `${folder}/uv`), must(["uv", "sync"], `${folder}/uv`)];
  console.log(`uv: lock ${theirLock.ms.toFixed(0)} ms, sync ${theirSync.ms.toFixed(0)} ms`);
}
const steps = (process.env["STEPS"] ?? "compare,rebuild,distributions,times").split(",");
if (steps.includes("compare")) compare();
if (steps.includes("rebuild")) rebuild();
if (steps.includes("distributions")) distributions();
if (steps.includes("times")) times();
