/**
 * Ten packages built from source, one for each way in which projects are built: dx-py's results and those of two builds by uv,
 * file by file; which of them are reproducible; how long it takes. Wants PyPI, compilers, Rust and half an hour at most.
 *
 *   node scripts/bun.mjs run bench/source-builds.ts [--python PATH] [--only NAME,…] [--steps compare,rebuild,distributions,times] [--folder DIR]
 *
 * A folder that is given is kept, and what was built there is not built again. Exit code 1 where a file of dx-py's differs from one
 * that uv makes twice alike, or an import fails.
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
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensureOracles } from "../scripts/oracles.ts";
import { normalizeName } from "../src/standards/names.ts";
import { parseRecord } from "../src/standards/record.ts";
import { commitAll } from "../test/source-tree.ts";
import { differing, filesBelow } from "./same-files.ts";
import { printTable } from "./table.ts";

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

const { values } = parseArgs({
  options: {
    python: { type: "string", default: Bun.which("python3") ?? "python3" },
    only: { type: "string", default: packages.map(({ name }) => name).join(",") },
    steps: { type: "string", default: "compare,rebuild,distributions,times" },
    folder: { type: "string" },
    runs: { type: "string", default: "2" },
    dx: { type: "string", default: "dist/dx-py" },
  },
});
const only = values.only.split(",");
const chosen = packages.filter(({ name }) => only.includes(name));
const dx = resolve(values.dx);
const folder = resolve(values.folder ?? mkdtempSync(join(tmpdir(), "dx-py-source-builds-")));
const sides = ["dx", "uv", "uv-again"] as const;
type Side = (typeof sides)[number];
const { VIRTUAL_ENV: _, ...inherited } = process.env;
const envOf = (side: Side) => ({
  ...inherited,
  DX_PY_HOME: `${folder}/home`,
  DX_PY_PYTHON: values.python,
  UV_CACHE_DIR: `${folder}/${side}-cache`,
  UV_PYTHON: values.python,
  UV_PYTHON_DOWNLOADS: "never",
});
const python = Bun.spawnSync([values.python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
  .stdout.toString()
  .trim();

function run(argv: string[], cwd: string, side: Side = "dx") {
  const begun = performance.now();
  const done = Bun.spawnSync(argv, {
    cwd,
    env: envOf(side),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  return {
    code: done.exitCode,
    out: done.stdout.toString(),
    err: done.stderr.toString(),
    ms: performance.now() - begun,
  };
}

function must(argv: string[], cwd: string, side: Side = "dx") {
  const done = run(argv, cwd, side);
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

/** Which package a file of an environment belongs to, by RECORD. */
function owners(site: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const folder of readdirSync(site).filter((name) => name.endsWith(".dist-info"))) {
    const name = normalizeName(folder.split("-", 1)[0] ?? "");
    for (const { path } of parseRecord(readFileSync(`${site}/${folder}/RECORD`, "utf8")))
      found.set(path, name);
  }
  return found;
}

/** By package: what is alike, what uv itself makes otherwise the second time, what only dx-py makes otherwise. */
function compare(): void {
  const [dxSite, uvSite, againSite] = sides.map(
    (side) => `${folder}/${side}/.venv/lib/python${python}/site-packages`,
  );
  const [mine, theirs, again] = [dxSite, uvSite, againSite].map((site) => filesBelow(site!));
  const owner = new Map([...owners(dxSite!), ...owners(uvSite!)]);
  const unsteady = new Set(differing(theirs!, again!));
  const others = differing(mine!, theirs!);
  const rows = [["package", "built by", "files", "equal", "uv unlike itself", "only dx-py unlike", "import"]];
  let faults = 0;
  for (const { name, how, imports } of chosen) {
    const of = (paths: Iterable<string>) => [...paths].filter((path) => owner.get(path) === name);
    const all = of(new Set([...mine!.keys(), ...theirs!.keys()]));
    const only = of(others).filter((path) => !unsteady.has(path));
    const imported = run([`${folder}/dx/.venv/bin/python`, "-c", `import ${imports}`], folder);
    const equal = all.length - new Set([...of(others), ...of(unsteady)]).size;
    rows.push([
      name,
      how,
      ...[all.length, equal, of(unsteady).length, only.length].map(String),
      imported.code === 0 ? "passes" : "fails",
    ]);
    faults += only.length + (imported.code === 0 ? 0 : 1);
    for (const path of only) console.log(`only dx-py's differs: ${path}`);
    for (const path of of(unsteady)) console.log(`two builds of uv differ: ${path}`);
  }
  const unowned = [...others, ...unsteady].filter((path) => !owner.has(path));
  for (const path of unowned) console.log(`of no package: ${path}`);
  printTable(rows);
  if (faults + unowned.length > 0) process.exitCode = 1;
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
      must([dx, "build", "--python", values.python], tree);
      return filesBelow(`${tree}/dist`);
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
  for (let i = 0; i < Number(values.runs); i++) {
    forgetBuilds();
    for (const side of ["dx", "uv"]) must(["rm", "-rf", `${folder}/${side}/.venv`], folder);
    const mine = must([dx, "install", "--frozen"], `${folder}/dx`).ms;
    const theirs = must([uv, "sync", "--frozen"], `${folder}/uv`, "uv").ms;
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
      must([uv, "sync", "--frozen", "--offline"], b, "uv").ms,
    ]);
  }
  for (const [what, mine, theirs] of rows)
    console.log(
      `${what}: dx-py ${mine.toFixed(0)} ms, uv ${theirs.toFixed(0)} ms, ratio ${(mine / theirs).toFixed(2)}`,
    );
}

const oracles = await ensureOracles();
if (oracles === undefined) throw new Error("uv cannot be had from PyPI: there is nothing to compare with");
const uv = join(oracles, "../uv");
console.log(`${folder}; Python ${python}; ${chosen.length} packages`);
for (const side of sides) {
  const place = makeProject(`${folder}/${side}`);
  if (lstatSync(`${place}/.venv`, { throwIfNoEntry: false }) !== undefined) continue;
  const [lock, install] =
    side === "dx"
      ? [
          [dx, "lock"],
          [dx, "install"],
        ]
      : [
          [uv, "lock"],
          [uv, "sync"],
        ];
  const [locked, installed] = [must(lock!, place, side), must(install!, place, side)];
  console.log(
    `${side}: lock ${(locked.ms / 1000).toFixed(1)} s, install ${(installed.ms / 1000).toFixed(1)} s`,
  );
}
const steps = values.steps.split(",");
if (steps.includes("compare")) compare();
if (steps.includes("rebuild")) rebuild();
if (steps.includes("distributions")) distributions();
if (steps.includes("times")) times();
if (values.folder === undefined) {
  Bun.spawnSync(["chmod", "-R", "u+w", folder]);
  rmSync(folder, { recursive: true, force: true });
}
