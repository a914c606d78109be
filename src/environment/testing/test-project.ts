/** A project with a lock and the wheels that it names, installed with the real store: what tests of this room share. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { makeWheel, sha256Of, type WheelSpec } from "../../../test/make-wheel.ts";
import { anInterpreter } from "../../layout/testing/sample-packages.ts";
import { DPL_FILE } from "../../lock/dpl-freshness.ts";
import { openDpl } from "../../lock/dpl-reader.ts";
import { writeLock } from "../../lock/lock-files.ts";
import type { Lock, LockedPackage } from "../../lock/lock-model.ts";
import { packageBuildHash } from "../../lock/package-identity.ts";
import { type Home, homeFolders } from "../../platform/home.ts";
import { findRealised } from "../../realise/find-realised.ts";
import type { RealisedPackage, WantedPackage } from "../../realise/wanted-package.ts";
import { writeDrvOut } from "../../store/drv-out.ts";
import { unpackWheel } from "../../store/ingest.ts";
import { openStore, type Store } from "../../store/store.ts";
import { type InstallOptions, type InstallOutcome, installEnvironment } from "../install.ts";
import { type WarmResult, warmInstall } from "../warm.ts";

export const python = anInterpreter();
export const temporaryFolder = () => mkdtempSync(`${tmpdir()}/dxpy-environment-`);

export interface LockedWheel extends WheelSpec {
  marker?: string;
}

export interface TestProject {
  dir: string;
  link: string;
  home: Home;
  wheels: Map<string, Uint8Array>;
}

/** Writes `pyproject.toml` and both locks for these packages. */
export async function testProject(
  dir: string,
  homeRoot: string,
  specs: readonly LockedWheel[],
  change: Partial<Lock> = {},
): Promise<TestProject> {
  mkdirSync(dir, { recursive: true });
  writeFileSync(`${dir}/pyproject.toml`, `[project]\nname = "test"\nversion = "0"\n`);
  const wheels = new Map<string, Uint8Array>();
  const packages = specs.map((spec): LockedPackage => {
    const made = makeWheel(spec);
    wheels.set(made.filename, made.bytes);
    return {
      name: spec.name,
      version: spec.version ?? "1.0",
      source: { kind: "index" },
      dependencies: [],
      wheels: [{ name: made.filename, hashes: { sha256: sha256Of(made.bytes) } }],
      ...(spec.marker === undefined ? {} : { marker: spec.marker }),
    };
  });
  const lock: Lock = {
    environments: [],
    extras: [],
    dependencyGroups: [],
    defaultGroups: [],
    packages,
    fingerprint: "f",
    options: {},
    ...change,
  };
  await writeLock(dir, lock, ["pyproject.toml"]);
  return { dir, link: `${dir}/.venv`, home: homeFolders({ DX_PY_HOME: homeRoot }), wheels };
}

/** From the store, or from the wheels in memory. */
export function realiseFrom(wheels: ReadonlyMap<string, Uint8Array>) {
  return async (wanted: readonly WantedPackage[], into: { home: Home; store: Store }) => {
    const realised: RealisedPackage[] = [];
    for (const { name, wheel } of wanted) {
      const filename = wheel!.name;
      const derivation = packageBuildHash(filename, wheel!.hashes["sha256"]!);
      const found = findRealised(derivation, into.store);
      if (found !== undefined) {
        realised.push({ name, derivation, ...found });
        continue;
      }
      const bytes = wheels.get(filename)!;
      const { outputHash, object } = await unpackWheel({ bytes, filename, home: into.home });
      writeDrvOut(into.home, derivation, outputHash);
      realised.push({ name, derivation, outputHash, object, how: "downloaded" });
    }
    return realised;
  };
}

const aliasOf = { selection: "", settings: "", env: { PATH: "/usr/bin" } };

export async function install(
  project: TestProject,
  change: Partial<InstallOptions> = {},
): Promise<InstallOutcome> {
  const dpl = openDpl(`${project.dir}/${DPL_FILE}`);
  try {
    return await installEnvironment({
      projectDir: project.dir,
      dpl,
      interpreter: python,
      selection: { extras: [], groups: [] },
      home: project.home,
      store: openStore(project.home),
      realise: realiseFrom(project.wheels),
      alias: aliasOf,
      ...change,
    });
  } finally {
    dpl.close();
  }
}

export function warm(project: TestProject, change: object = {}): WarmResult | undefined {
  return warmInstall({ projectDir: project.dir, home: project.home, ...aliasOf, ...change });
}

export function pythonSays(prefix: string, code: string): string {
  const done = Bun.spawnSync([`${prefix}/bin/python`, "-c", code], { env: { PATH: "/usr/bin:/bin" } });
  return (done.stdout.toString() + done.stderr.toString()).trim();
}
