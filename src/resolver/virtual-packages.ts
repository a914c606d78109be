import type { MarkerTree } from "../standards/marker-algebra/marker-arena.ts";
import { trueMarker } from "../standards/marker-algebra/marker-arena.ts";
import type { PackageId } from "./pubgrub/incompatibility.ts";

/**
 * What the solver knows as a package. `package`: a real one, or one of its extras or groups, whose requirements are
 * then those of the extra alone. `marker`, `extra` and `group`: proxies that need the base package and the variant in
 * the same version, so that a variant is never looked at in a version that the base cannot have.
 */
export type VirtualPackage =
  | { kind: "root" }
  | { kind: "python" }
  | { kind: "package"; name: string; extra?: string; group?: string; marker: MarkerTree }
  | { kind: "marker"; name: string; marker: MarkerTree }
  | { kind: "extra"; name: string; extra: string; marker: MarkerTree }
  | { kind: "group"; name: string; group: string; marker: MarkerTree };

/** Numbers for packages, the same in every fork. */
export class PackageTable {
  readonly packages: VirtualPackage[] = [];
  #ids = new Map<string, PackageId>();

  id(one: VirtualPackage): PackageId {
    const key = keyOf(one);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.packages.length;
    this.packages.push(one);
    this.#ids.set(key, id);
    return id;
  }

  get(id: PackageId): VirtualPackage {
    return this.packages[id]!;
  }

  /** The project's name; `undefined` for the root and Python. */
  name(id: PackageId): string | undefined {
    const one = this.packages[id]!;
    return one.kind === "root" || one.kind === "python" ? undefined : one.name;
  }

  marker(id: PackageId): MarkerTree {
    const one = this.packages[id]!;
    return one.kind === "root" || one.kind === "python" ? trueMarker : one.marker;
  }
}

function keyOf(one: VirtualPackage): string {
  switch (one.kind) {
    case "root":
    case "python":
      return one.kind;
    case "package":
      return `p ${one.name} ${one.extra ?? ""} ${one.group ?? ""} ${one.marker}`;
    case "marker":
      return `m ${one.name} ${one.marker}`;
    case "extra":
      return `e ${one.name} ${one.extra} ${one.marker}`;
    case "group":
      return `g ${one.name} ${one.group} ${one.marker}`;
  }
}

/** The package that stands for a requirement on a project, perhaps on one extra or group of it, under a marker. */
export function requiredPackage(
  name: string,
  variant: { extra?: string; group?: string },
  marker: MarkerTree,
): VirtualPackage {
  if (variant.group !== undefined) return { kind: "group", name, group: variant.group, marker };
  if (variant.extra !== undefined) return { kind: "extra", name, extra: variant.extra, marker };
  if (marker !== trueMarker) return { kind: "marker", name, marker };
  return { kind: "package", name, marker };
}
