/** `dx-py tree` */

import { readLock } from "../../lock/lock-files.ts";
import type { Lock, LockedPackage } from "../../lock/lock-model.ts";
import { lockTree, type TreeNode, type TreeOptions } from "../../lock/lock-tree.ts";
import { Failure } from "../../platform/errors.ts";
import type { Project } from "../../project/discover.ts";
import { lockProject } from "../../project/lock-project.ts";
import { rootRequirements } from "../../project/root-requirements.ts";
import { nearest } from "../../project/setting-checks.ts";
import type { MarkerEnvironment } from "../../standards/marker-environment.ts";
import { formatMarker, type Marker, parseMarker } from "../../standards/markers.ts";
import { normalizeName } from "../../standards/names.ts";
import type { Requirement } from "../../standards/requirements.ts";
import { setContains } from "../../standards/specifiers.ts";
import { tryParseVersion } from "../../standards/version.ts";
import type { CliContext } from "../context.ts";
import type { TreeFlags } from "../flags/lock-flags.ts";
import { openProject } from "../open-project.ts";
import { perform } from "../perform.ts";

export async function tree(this: CliContext, flags: TreeFlags): Promise<void> {
  await perform(this, flags, async (session) => {
    const opened = await openProject(session, flags);
    const { project } = opened;
    const lock =
      flags.frozen === true
        ? (await readLock(project.root))?.lock
        : (await lockProject({ ...opened, upgrade: [], options: "keep", mode: "write" })).lock;
    if (lock === undefined) {
      throw new Failure("DXPY_NO_LOCK", `There is no lock in ${project.root}`, {
        hint: "Run `dx-py lock`.",
        exitCode: 1,
      });
    }
    session.reporter.settle();
    const shown = withProject(lock, project);
    const options: TreeOptions = {
      ...(flags.package.length > 0
        ? { packages: flags.package.map(normalizeName) }
        : flags.invert
          ? {}
          : { packages: [rootName(project)] }),
      ...(flags.invert === undefined ? {} : { invert: flags.invert }),
      ...(flags.depth === undefined ? {} : { depth: flags.depth }),
      environment: { ...platformFacts(flags.pythonPlatform), ...pythonFacts(flags.pythonVersion) },
    };
    checkNames(flags.package, shown);
    const roots = lockTree(shown, options);
    const { paint } = session.reporter;
    const scopes = scopesOf(project, lock);
    for (const root of roots) {
      session.reporter.result(label(root));
      const isProject = root.name === rootName(project);
      for (const line of branches(root, "", isProject ? scopes : undefined)) session.reporter.result(line);
    }
    if (roots.some(hasRepeated)) session.reporter.result(paint.dim("(*) shown above"));
    session.reporter.json(roots);
  });
}

function checkNames(names: readonly string[], { packages }: Lock): void {
  for (const name of names.map(normalizeName)) {
    if (packages.some((entry) => entry.name === name)) continue;
    const near = nearest(
      name,
      packages.map((entry) => entry.name),
    );
    throw new Failure("DXPY_NOT_IN_LOCK", `The lock has no package \`${name}\``, {
      context: { package: name },
      hint: near === undefined ? "`dx-py tree` shows all that it has." : `Did you mean \`${near}\`?`,
    });
  }
}

function rootName(project: Project): string {
  return project.main.name ?? "workspace";
}

/** The project as the root of its own tree: a lock holds it only where it is built. */
function withProject(lock: Lock, project: Project): Lock {
  const name = rootName(project);
  const others = lock.packages.filter((entry) => entry.name !== name);
  const edges = rootRequirements(project).flatMap(({ requirement }) =>
    versionsFor(requirement, others).map((version, _, versions) => {
      const own = versions.length > 1 ? environmentsOf(requirement.normalized, version, others) : undefined;
      const marker = own ?? requirement.marker;
      return {
        name: requirement.normalized,
        ...(version === undefined ? {} : { version }),
        ...(requirement.extras.length > 0 ? { extras: [...requirement.extras] } : {}),
        ...(marker === undefined ? {} : { marker: formatMarker(marker) }),
      };
    }),
  );
  const root: LockedPackage = {
    name,
    ...(project.main.metadata?.version === undefined ? {} : { version: project.main.metadata.version }),
    source: { kind: "directory", path: ".", editable: true },
    wheels: [],
    dependencies: [...new Map(edges.map((edge) => [JSON.stringify(edge), edge])).values()],
  };
  return { ...lock, packages: [...others, root] };
}

/** Where the lock installs one of several versions, whatever extras and groups it is for; `undefined`: nothing says. */
function environmentsOf(
  name: string,
  version: string | undefined,
  packages: readonly LockedPackage[],
): Marker | undefined {
  const marker = packages.find((entry) => entry.name === name && entry.version === version)?.marker;
  return marker === undefined ? undefined : environmentPart(parseMarker(marker));
}

function environmentPart(marker: Marker): Marker | undefined {
  if (marker.kind === "compare") {
    const asksSelection = [marker.left, marker.right].some(
      (side) => side.kind === "variable" && (side.name === "extras" || side.name === "dependency_groups"),
    );
    return asksSelection ? undefined : marker;
  }
  const parts = marker.operands.map(environmentPart);
  const known = parts.filter((part) => part !== undefined);
  if (marker.kind === "or" && known.length < parts.length) return undefined;
  return known.length > 1 ? { kind: marker.kind, operands: known } : known[0];
}

/** Versions of the lock that a requirement admits; all of them where the lock overrides what was required. */
function versionsFor(requirement: Requirement, packages: readonly LockedPackage[]): (string | undefined)[] {
  const versions = packages
    .filter(({ name }) => name === requirement.normalized)
    .map(({ version }) => version);
  const admitted = versions.filter((text) => {
    const version = text === undefined ? undefined : tryParseVersion(text);
    return version === undefined || setContains(requirement.specifier, version, { prereleases: true });
  });
  return admitted.length > 0 ? admitted : versions;
}

type Scopes = (node: TreeNode) => string;

/** Why the project asks for a package, where it is no plain dependency of it: `(group: dev)`. */
function scopesOf(project: Project, lock: Lock): Scopes {
  const scopes = new Map<string, Set<string>>();
  for (const { requirement, scope } of rootRequirements(project)) {
    for (const version of versionsFor(requirement, lock.packages)) {
      const key = `${requirement.normalized} ${version ?? ""}`;
      const said = scopes.get(key) ?? new Set();
      const { extra, group } = scope;
      said.add(extra !== undefined ? `extra: ${extra}` : group !== undefined ? `group: ${group}` : "");
      scopes.set(key, said);
    }
  }
  return ({ name, version }) => {
    const said = scopes.get(`${name} ${version ?? ""}`);
    return said === undefined || said.has("") ? "" : ` (${[...said].join(", ")})`;
  };
}

function* branches(node: TreeNode, indent: string, scopes?: Scopes): Generator<string> {
  for (const [i, child] of node.children.entries()) {
    const last = i === node.children.length - 1;
    yield `${indent}${last ? "└── " : "├── "}${label(child)}${scopes?.(child) ?? ""}`;
    yield* branches(child, `${indent}${last ? "    " : "│   "}`);
  }
}

function label({ name, version, extras, marker, repeated }: TreeNode): string {
  const wanted = extras.length > 0 ? `[${extras.join(",")}]` : "";
  return `${name}${wanted}${version === undefined ? "" : ` v${version}`}${marker === undefined ? "" : ` ; ${marker}`}${repeated ? " (*)" : ""}`;
}

function hasRepeated(node: TreeNode): boolean {
  return node.repeated || node.children.some(hasRepeated);
}

const PLATFORMS: Readonly<Record<string, Partial<MarkerEnvironment>>> = {
  linux: { sys_platform: "linux", platform_system: "Linux", os_name: "posix" },
  macos: { sys_platform: "darwin", platform_system: "Darwin", os_name: "posix" },
  windows: { sys_platform: "win32", platform_system: "Windows", os_name: "nt" },
};

const MACHINES: Readonly<Record<string, readonly string[]>> = {
  x86_64: ["x86_64", "AMD64"],
  aarch64: ["aarch64", "arm64"],
  i686: ["i686", "x86"],
};

/** `linux`, `macos`, `windows`, or a target triple such as `aarch64-apple-darwin`. */
function platformFacts(platform: string | undefined): Partial<MarkerEnvironment> {
  if (platform === undefined) return {};
  const plain = PLATFORMS[platform];
  if (plain !== undefined) return plain;
  const [machine = ""] = platform.split("-");
  const system =
    platform.includes("darwin") || platform.includes("macos")
      ? "macos"
      : platform.includes("windows")
        ? "windows"
        : "linux";
  const names = MACHINES[machine];
  if (
    names === undefined ||
    !/-(?:linux|apple|pc|unknown|manylinux|musllinux|windows|macos)/.test(platform)
  ) {
    throw new Failure("DXPY_BAD_PLATFORM", `\`${platform}\` is not a platform`, {
      hint: "Use linux, macos, windows, or a target triple such as x86_64-unknown-linux-gnu.",
      exitCode: 2,
    });
  }
  const own = system === "linux" || (system === "macos" && machine === "x86_64") ? names[0] : names[1];
  return { ...PLATFORMS[system], platform_machine: own as string };
}

function pythonFacts(version: string | undefined): Partial<MarkerEnvironment> {
  if (version === undefined) return {};
  const match = /^(\d+)\.(\d+)(?:\.(\d+))?$/.exec(version);
  if (match === null) {
    throw new Failure("DXPY_BAD_VERSION", `\`${version}\` is not a Python version`, {
      hint: "Write 3.12 or 3.12.1.",
      exitCode: 2,
    });
  }
  return {
    python_version: `${match[1]}.${match[2]}`,
    python_full_version: `${match[1]}.${match[2]}.${match[3] ?? "0"}`,
  };
}
