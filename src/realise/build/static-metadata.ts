/**
 * Static metadata is what a source says about itself without being run: the `project` table of `pyproject.toml` where
 * nothing that resolving needs is dynamic (PEP 621), or the PKG-INFO of an sdist (PEP 643).
 */
import { readFileSync } from "node:fs";
import { formatMarker, parseMarker } from "../../standards/markers.ts";
import { type CoreMetadata, parseMetadata } from "../../standards/metadata.ts";
import { readProjectTable } from "../../standards/pyproject.ts";
import { formatRequirement, type Requirement } from "../../standards/requirements.ts";
import { readToml } from "./build-system.ts";

/** Fields that resolving reads; a build may change none of them. */
const needed = ["version", "requires-python", "dependencies", "optional-dependencies"];
const neededFields = ["version", "requires-python", "requires-dist", "provides-extra"];

/** `undefined` when only the backend knows. */
export function staticMetadata(folder: string): CoreMetadata | undefined {
  return fromProjectTable(folder) ?? fromPkgInfo(folder);
}

function fromProjectTable(folder: string): CoreMetadata | undefined {
  const document = readToml(`${folder}/pyproject.toml`);
  const project = document === undefined ? undefined : readProjectTable(document);
  if (project === undefined || project.version === undefined) return undefined;
  if (needed.some((key) => project.dynamic.includes(key)) || hasPoetryDependencies(document!))
    return undefined;
  const optional = [...project.optionalDependencies];
  return {
    metadataVersion: "2.2",
    name: project.name,
    version: project.version,
    ...(project.requiresPython === undefined ? {} : { requiresPython: project.requiresPython }),
    requiresDist: [
      ...project.dependencies.map(formatRequirement),
      ...optional.flatMap(([extra, requirements]) => requirements.map((one) => underExtra(one, extra))),
    ],
    providesExtra: optional.map(([extra]) => extra),
    dynamic: [],
  };
}

/** Poetry reads its own table where `project` says nothing of dependencies, without calling them dynamic. */
function hasPoetryDependencies(document: Record<string, unknown>): boolean {
  const { project, tool } = document as { project?: object; tool?: { poetry?: { dependencies?: unknown } } };
  return tool?.poetry?.dependencies !== undefined && !Object.hasOwn(project ?? {}, "dependencies");
}

/** PEP 621: a requirement of an extra is the requirement with `extra == "…"` added to its marker. */
function underExtra(requirement: Requirement, extra: string): string {
  const own = `extra == "${extra}"`;
  const text = requirement.marker === undefined ? own : `(${formatMarker(requirement.marker)}) and ${own}`;
  return formatRequirement({ ...requirement, marker: parseMarker(text) });
}

function fromPkgInfo(folder: string): CoreMetadata | undefined {
  let text: Uint8Array;
  try {
    text = readFileSync(`${folder}/PKG-INFO`);
  } catch {
    return undefined;
  }
  const metadata = parseMetadata(text, { file: `${folder}/PKG-INFO` });
  const [major = 0, minor = 0] = metadata.metadataVersion.split(".").map(Number);
  const recent = major > 2 || (major === 2 && minor >= 2);
  return recent && !neededFields.some((field) => metadata.dynamic.includes(field)) ? metadata : undefined;
}
