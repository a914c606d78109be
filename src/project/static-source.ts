/**
 * What a folder's own `pyproject.toml` says about it without a build: its dependencies where they are not dynamic, and the
 * sources that it declares for them.
 */
import { statSync } from "node:fs";
import { Failure } from "../platform/errors.ts";
import type { PackageSource } from "../resolver/request.ts";
import type { ResolvedSource } from "../resolver/resolution.ts";
import type { Marker } from "../standards/markers.ts";
import type { CoreMetadata } from "../standards/metadata.ts";
import { normalizeName } from "../standards/names.ts";
import { formatRequirement, type Requirement } from "../standards/requirements.ts";
import type { Project } from "./discover.ts";
import { type ProjectFile, readProjectFile } from "./project-file.ts";
import { relativePath } from "./resolve-request.ts";
import { bothMarkers } from "./root-requirements.ts";
import { declaredSources } from "./sources.ts";

export interface DescribedSource {
  /** Absent: only a build can tell. */
  metadata?: CoreMetadata;
  locked: ResolvedSource;
  sources: Record<string, PackageSource[]>;
}

/** `undefined` for a source that is no folder with a `pyproject.toml`. */
export async function describeSource(
  source: PackageSource,
  name: string,
  project: Project,
): Promise<DescribedSource | undefined> {
  if (source.kind !== "path" && source.kind !== "workspace") return undefined;
  if (!(statSync(source.path, { throwIfNoEntry: false })?.isDirectory() ?? false)) return undefined;
  // As the command sees it: `add` resolves with a text that is not yet on the disk.
  const file =
    [project.main, ...project.members].find(({ dir }) => dir === source.path) ??
    (await readProjectFile(source.path));
  if (file === undefined) return undefined;
  if (file.name !== undefined && file.name !== normalizeName(name)) {
    throw new Failure("DXPY_WRONG_NAME", `The source of \`${name}\` is a project called \`${file.name}\``, {
      context: { path: file.document.path, package: name },
    });
  }
  const members = new Map(
    [project.main, ...project.members].flatMap((each) =>
      each.name === undefined ? [] : [[each.name, each]],
    ),
  );
  const metadata = staticMetadata(file);
  // A project that is not built is in the lock for its dependencies only, as uv has it.
  const virtual = !file.packaged && file.metadata !== undefined && isVirtual(file, source);
  return {
    ...(metadata === undefined ? {} : { metadata }),
    locked: {
      kind: "directory",
      path: relativePath(project.root, source.path),
      editable: source.editable && !virtual,
      ...(virtual ? { virtual: true } : {}),
    },
    sources: declaredSources(file, members),
  };
}

/** Without a `[build-system]`, a member of the workspace is not built; another folder is, by the old convention. */
function isVirtual(file: ProjectFile, source: PackageSource): boolean {
  return file.settings.package === false || source.kind === "workspace";
}

function staticMetadata(file: ProjectFile): CoreMetadata | undefined {
  const { metadata } = file;
  if (metadata === undefined) return undefined;
  const dynamic = new Set(metadata.dynamic);
  if (dynamic.has("dependencies") || dynamic.has("optional-dependencies") || dynamic.has("requires-python"))
    return undefined;
  const version = metadata.version ?? (file.packaged ? undefined : "0");
  if (version === undefined) return undefined;
  const requiresDist = metadata.dependencies.map(formatRequirement);
  for (const [extra, requirements] of metadata.optionalDependencies) {
    for (const requirement of requirements)
      requiresDist.push(formatRequirement(underExtra(requirement, extra)));
  }
  return {
    metadataVersion: "2.4",
    name: metadata.name,
    version,
    ...(metadata.requiresPython === undefined ? {} : { requiresPython: metadata.requiresPython }),
    requiresDist,
    providesExtra: [...metadata.optionalDependencies.keys()],
    dynamic: [],
  };
}

function underExtra(requirement: Requirement, extra: string): Requirement {
  const own: Marker = {
    kind: "compare",
    left: { kind: "variable", name: "extra" },
    op: "==",
    right: { kind: "value", value: extra },
  };
  return { ...requirement, marker: bothMarkers(requirement.marker, own) as Marker };
}
