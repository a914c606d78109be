/** Sample packages in the store's tree form, and the interpreters of this machine: parts for tests of layouts. */
import { existsSync, mkdirSync, readdirSync, realpathSync, statSync, writeFileSync } from "node:fs";
import type { Interpreter } from "../../interpreters/interpreter.ts";
import { blake3Hex } from "../../platform/blake3.ts";
import { recordLine } from "../../store/installed-record.ts";
import type { PackageObject, ScriptEntryPoint, ScriptFile } from "../../store/package-object.ts";
import type { LayoutPackage } from "../layout-plan.ts";

export interface SamplePackage {
  name: string;
  version?: string;
  /** Path below site-packages → content. */
  files: Record<string, string>;
  scripts?: Record<string, string>;
  data?: Record<string, string>;
  headers?: Record<string, string>;
  /** `name = module:attribute` */
  consoleScripts?: Record<string, string>;
  realPaths?: boolean;
}

/** Writes a package's tree under `store` and describes it as the store would. */
export function samplePackage(store: string, sample: SamplePackage): LayoutPackage {
  const version = sample.version ?? "1.0";
  const stem = `${sample.name.replaceAll("-", "_")}-${version}`;
  const distInfo = `${stem}.dist-info`;
  const outputHash = blake3Hex(JSON.stringify(sample));
  const treePath = `${store}/${outputHash.slice(0, 2)}/${outputHash.slice(2, 4)}/${outputHash}`;
  const entryPoints: ScriptEntryPoint[] = Object.entries(sample.consoleScripts ?? {}).map(([name, text]) => {
    const [module, attribute] = text.split(":") as [string, string];
    return { group: "console_scripts", name, module, attribute, extras: [] };
  });
  const lib: Record<string, string> = {
    ...sample.files,
    [`${distInfo}/METADATA`]: `Metadata-Version: 2.1\nName: ${sample.name}\nVersion: ${version}\n`,
    [`${distInfo}/WHEEL`]:
      "Wheel-Version: 1.0\nGenerator: sample\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    [`${distInfo}/licenses/LICENSE`]: "Do what you like.\n",
  };
  if (entryPoints.length > 0) {
    const lines = Object.entries(sample.consoleScripts!).map(([name, text]) => `${name} = ${text}`);
    lib[`${distInfo}/entry_points.txt`] = `[console_scripts]\n${lines.join("\n")}\n`;
  }
  let record = "";
  for (const [path, content] of Object.entries(lib)) record += recordLine(path, content);
  for (const scheme of ["scripts", "data", "headers"] as const)
    for (const [path, content] of Object.entries(sample[scheme] ?? {}))
      record += recordLine(`${stem}.data/${scheme}/${path}`, content);
  lib[`${distInfo}/RECORD`] = `${record}${distInfo}/RECORD,,\n`;
  for (const [folder, files] of Object.entries({
    lib,
    scripts: sample.scripts ?? {},
    data: sample.data ?? {},
    headers: sample.headers ?? {},
  })) {
    for (const [path, content] of Object.entries(files)) write(`${treePath}/${folder}/${path}`, content);
  }
  const scripts: ScriptFile[] = Object.entries(sample.scripts ?? {}).map(([name, text]) => ({
    name,
    shebang: text.startsWith("#!pythonw") ? "pythonw" : text.startsWith("#!python") ? "python" : "none",
  }));
  const top = [...new Set(Object.keys(lib).map((path) => path.split("/")[0]!))].sort();
  const object: PackageObject = {
    outputHash,
    name: sample.name,
    version,
    distInfo,
    rootIsPurelib: true,
    topLevel: top.map((name) => ({
      name,
      isDirectory: statSync(`${treePath}/lib/${name}`).isDirectory(),
      namespace: !existsSync(`${treePath}/lib/${name}/__init__.py`),
    })),
    scripts,
    entryPoints,
    hasData: sample.data !== undefined,
    hasHeaders: sample.headers !== undefined,
    realPaths: sample.realPaths ?? false,
    hasPth: top.some((name) => name.endsWith(".pth")),
    plainRecord: !sample.scripts && !sample.data && !sample.headers,
    files: Object.keys(lib).length,
    bytes: 0,
  };
  return { outputHash, object, treePath };
}

function write(path: string, content: string): void {
  mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  if (!existsSync(path)) writeFileSync(path, content, { mode: content.startsWith("#!") ? 0o555 : 0o444 });
}

/** One interpreter per minor version, of those that pyenv and the PATH have. */
export function someInterpreters(): Interpreter[] {
  const pyenv = `${process.env["PYENV_ROOT"] ?? `${process.env["HOME"]}/.pyenv`}/versions`;
  const paths = existsSync(pyenv) ? readdirSync(pyenv).map((name) => `${pyenv}/${name}/bin/python3`) : [];
  const onPath = Bun.which("python3");
  const found = new Map<string, Interpreter>();
  for (const path of [...paths, ...(onPath === null ? [] : [onPath])]) {
    const interpreter = describeInterpreter(path);
    if (interpreter !== undefined) found.set(interpreter.markers.python_version, interpreter);
  }
  return [...found.values()];
}

/** The newest of them. */
export function anInterpreter(): Interpreter {
  const all = someInterpreters();
  const minor = (i: Interpreter) => Number(i.markers.python_version.split(".")[1]);
  all.sort((a, b) => minor(b) - minor(a));
  return all[0]!;
}

const QUESTION = `
import json, os, platform, sys
print(json.dumps({"v": platform.python_version(), "x": "%d.%d" % sys.version_info[:2], "m": sys.version_info >= (3, 8),
  "e": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable), "b": sys.base_prefix, "t": sys.implementation.cache_tag,
  "i": platform.python_implementation()}))`;

function describeInterpreter(path: string): Interpreter | undefined {
  if (!existsSync(path)) return undefined;
  const done = Bun.spawnSync([path, "-I", "-c", QUESTION], { stderr: "ignore" });
  if (done.exitCode !== 0) return undefined;
  const said = JSON.parse(done.stdout.toString()) as Record<"v" | "x" | "e" | "b" | "t" | "i", string> & {
    m: boolean;
  };
  if (!said.m) return undefined;
  const executable = realpathSync(said.e);
  const stats = statSync(executable, { bigint: true });
  return {
    executable,
    size: Number(stats.size),
    mtimeNs: stats.mtimeNs,
    implementation: "cpython",
    version: said.v,
    markers: {
      implementation_name: "cpython",
      implementation_version: said.v,
      os_name: "posix",
      platform_machine: "x86_64",
      platform_python_implementation: said.i,
      platform_release: "",
      platform_system: "Linux",
      platform_version: "",
      python_full_version: said.v,
      python_version: said.x,
      sys_platform: "linux",
    },
    tags: [`cp${said.x.replace(".", "")}-cp${said.x.replace(".", "")}-linux_x86_64`, "py3-none-any"],
    basePrefix: said.b,
    paths: {
      purelib: `lib/python${said.x}/site-packages`,
      platlib: `lib/python${said.x}/site-packages`,
      scripts: "bin",
      data: "",
      include: `include/python${said.x}`,
    },
    cacheTag: said.t,
    pointerBits: 64,
    debug: false,
    freeThreaded: false,
    externallyManaged: false,
    fingerprint: blake3Hex(`${executable} ${said.v}`),
  };
}
