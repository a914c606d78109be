/** What the tests of this room share: a home of their own, an interpreter, an index, and environments made by hand. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type MadeFile, sha256Of } from "../../../test/make-wheel.ts";
import type { Interpreter } from "../../interpreters/interpreter.ts";
import type { LockedFile } from "../../lock/lock-model.ts";
import { packageBuildHash } from "../../lock/package-identity.ts";
import type { PackageIndex } from "../../package-index/client.ts";
import { Failure } from "../../platform/errors.ts";
import { type Home, homeFolders } from "../../platform/home.ts";
import { removeTree } from "../../platform/staging.ts";
import { openStore } from "../../store/store.ts";
import type { RealiseContext } from "../realise-context.ts";
import type { RealisedPackage, WantedPackage } from "../wanted-package.ts";

export interface TestPlace {
  folder: string;
  home: Home;
  projectDir: string;
  remove(): void;
}

export function testPlace(): TestPlace {
  const folder = mkdtempSync(join(tmpdir(), "dxpy-realise-"));
  const projectDir = `${folder}/project`;
  mkdirSync(projectDir);
  return {
    folder,
    home: homeFolders({ DX_PY_HOME: `${folder}/home` }),
    projectDir,
    remove: () => removeTree(folder),
  };
}

const question = `
import json, platform, sys
version = "%d%d" % sys.version_info[:2]
print(json.dumps({"executable": sys.executable, "prefix": sys.base_prefix, "version": platform.python_version(), "tag": "cp" + version,
                  "lib": "lib/python%d.%d/site-packages" % sys.version_info[:2]}))`;

/** The Python that the tests run backends with, or nothing where there is none. */
export const testInterpreter: Interpreter | undefined = ask(Bun.which("python3"));

function ask(path: string | null): Interpreter | undefined {
  if (path === null) return undefined;
  const done = Bun.spawnSync([path, "-c", question]);
  if (done.exitCode !== 0) return undefined;
  const said = JSON.parse(done.stdout.toString());
  const lib: string = said.lib;
  return {
    executable: said.executable,
    implementation: "cpython",
    version: said.version,
    basePrefix: said.prefix,
    tags: [`${said.tag}-${said.tag}-linux_x86_64`, "py3-none-any"],
    cacheTag: `cpython-${said.tag.slice(2)}`,
    paths: { purelib: lib, platlib: lib, scripts: "bin", data: "", include: "include" },
    fingerprint: "f".repeat(64),
  } as unknown as Interpreter;
}

/** An index that has exactly these files, each at its own URL. */
export interface TestIndex extends PackageIndex {
  downloads: string[];
}

export function testIndex(files: readonly MadeFile[], gone: readonly string[] = []): TestIndex {
  const downloads: string[] = [];
  const byUrl = new Map(files.map((file) => [urlOf(file), file]));
  const index = {
    downloads,
    async download(
      wanted: { url: string; filename: string },
      options?: { onBytes?: (count: number) => void },
    ) {
      downloads.push(wanted.url);
      await Bun.sleep(1);
      const file = byUrl.get(wanted.url);
      if (file === undefined || gone.includes(wanted.url)) {
        throw new Failure("DXPY_INDEX_UNREACHABLE", `${wanted.filename} is not there`);
      }
      options?.onBytes?.(file.bytes.length);
      return new Uint8Array(file.bytes);
    },
    async findFile(_project: string, filename: string, hashes: Readonly<Record<string, string>>) {
      const file = files.find((one) => one.filename === filename && hashes["sha256"] === sha256Of(one.bytes));
      return file === undefined ? undefined : { url: urlOf(file) };
    },
  };
  return index as unknown as TestIndex;
}

/** The tree of an sdist, as a project's folder. */
export function unpackSdist(file: MadeFile, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const done = Bun.spawnSync(["tar", "-xz", "--strip-components=1", "-C", folder], { stdin: file.bytes });
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
}

export function urlOf(file: MadeFile): string {
  return `http://127.0.0.1:9/files/${file.filename}`;
}

export function lockedFile(file: MadeFile): LockedFile {
  return {
    name: file.filename,
    url: urlOf(file),
    size: file.bytes.length,
    hashes: { sha256: sha256Of(file.bytes) },
  };
}

export function wantedWheel(file: MadeFile, name: string): WantedPackage {
  const locked = lockedFile(file);
  const buildHash = packageBuildHash(locked.name, locked.hashes["sha256"]!);
  return { name, wheel: { ...locked, buildHash }, source: { kind: "index" } };
}

export function wantedSdist(file: MadeFile, name: string): WantedPackage {
  return { name, sdist: lockedFile(file), source: { kind: "index" } };
}

/** `requirements`: the packages that build requirements mean, by name. */
export function testContext(
  place: TestPlace,
  index: PackageIndex,
  requirements: Readonly<Record<string, WantedPackage>> = {},
): RealiseContext {
  return {
    home: place.home,
    store: openStore(place.home),
    projectDir: place.projectDir,
    interpreter: testInterpreter as Interpreter,
    env: { PATH: process.env["PATH"], HOME: place.folder },
    index: () => index,
    workers: 1,
    resolveBuildRequires: async (wanted) =>
      wanted.map(({ normalized }) => requirements[normalized] ?? unknownRequirement(normalized)),
    makeBuildEnvironment: async (packages, interpreter) => ({
      prefix: makePrefix(place, packages, interpreter),
    }),
  };
}

function unknownRequirement(name: string): never {
  throw new Failure("DXPY_UNSATISFIABLE", `no package ${name} in this test`);
}

/** A virtual environment of links, as plain as can be: what the layout room makes in earnest. */
function makePrefix(
  place: TestPlace,
  packages: readonly RealisedPackage[],
  interpreter: Interpreter,
): string {
  const prefix = mkdtempSync(`${place.folder}/environment-`);
  const lib = `${prefix}/${interpreter.paths.purelib}`;
  mkdirSync(`${prefix}/bin`);
  mkdirSync(lib, { recursive: true });
  symlinkSync(interpreter.executable, `${prefix}/bin/python`);
  writeFileSync(`${prefix}/pyvenv.cfg`, `home = ${dirname(interpreter.executable)}\n`);
  const store = openStore(place.home);
  for (const { outputHash, object } of packages) {
    const tree = store.objectPath(outputHash);
    for (const name of readdirSync(`${tree}/lib`)) {
      rmSync(`${lib}/${name}`, { force: true });
      symlinkSync(`${tree}/lib/${name}`, `${lib}/${name}`);
    }
    for (const { name } of object.scripts) symlinkSync(`${tree}/scripts/${name}`, `${prefix}/bin/${name}`);
    for (const { name, module, attribute } of object.entryPoints) {
      const text = `#!${prefix}/bin/python\nimport sys\nimport ${module}\nsys.exit(${module}.${attribute}())\n`;
      writeFileSync(`${prefix}/bin/${name}`, text, { mode: 0o755 });
    }
  }
  return prefix;
}
