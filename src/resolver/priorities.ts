import type { PackageId } from "./pubgrub/incompatibility.ts";

/** How urgent it is to decide on a project, the least urgent first. */
export const Urgency = {
  /** In the order of discovery. */
  ordinary: 0,
  /** Its versions often ruled out others': decide on it after those. */
  conflictLate: 1,
  /** Its versions were often ruled out: decide on it early. */
  conflictEarly: 2,
  /** One version will do (`==1.0`). */
  pinned: 3,
  /** It comes from a URL, a path, a repository: one version exists. */
  direct: 4,
} as const;
type Urgency = (typeof Urgency)[keyof typeof Urgency];

/**
 * In which order packages are decided. The project counts first, by urgency and then by discovery, so that all
 * variants of a project are decided one after the other; among them the order of their own discovery.
 */
export class Priorities {
  /** Projects by name as positions in the two lists. */
  #projects = new Map<string, number>();
  #urgencies: Urgency[] = [];
  /** By package: the order of its discovery, and its project; -1: not known. */
  #variants: number[] = [];
  #projectsOf: number[] = [];
  #count = 0;

  clone(): Priorities {
    const copy = new Priorities();
    copy.#projects = new Map(this.#projects);
    copy.#urgencies = this.#urgencies.slice();
    copy.#variants = this.#variants.slice();
    copy.#projectsOf = this.#projectsOf.slice();
    copy.#count = this.#count;
    return copy;
  }

  /** Notes a requirement on a package. */
  add(id: PackageId, name: string, requirement: { pinned: boolean; direct: boolean }): void {
    const urgency = requirement.direct
      ? Urgency.direct
      : requirement.pinned
        ? Urgency.pinned
        : Urgency.ordinary;
    while (this.#variants.length <= id) {
      this.#variants.push(-1);
      this.#projectsOf.push(-1);
    }
    if (this.#variants[id]! < 0) {
      this.#variants[id] = this.#count++;
      this.#projectsOf[id] = this.#project(name, urgency);
    }
    const project = this.#projectsOf[id]!;
    if (urgency > this.#urgencies[project]!) this.#urgencies[project] = urgency;
  }

  /** Greater is more urgent; no two packages share a value. */
  of(id: PackageId): number {
    const project = this.#projectsOf[id] ?? -1;
    if (project < 0) return Number.MAX_SAFE_INTEGER - id;
    return (
      this.#urgencies[project]! * 2 ** 44 + (2 ** 20 - project) * 2 ** 23 + (2 ** 22 - this.#variants[id]!)
    );
  }

  /** Returns whether that is new. */
  markEarly(name: string): boolean {
    return this.#mark(name, Urgency.conflictEarly, [Urgency.conflictEarly]);
  }

  /** Returns whether that is new; a project that was marked early stays so. */
  markLate(name: string): boolean {
    return this.#mark(name, Urgency.conflictLate, [Urgency.conflictEarly, Urgency.conflictLate]);
  }

  /** The position of a project, noted with this urgency when it is new. */
  #project(name: string, urgency: Urgency): number {
    let project = this.#projects.get(name);
    if (project === undefined) {
      project = this.#urgencies.length;
      this.#projects.set(name, project);
      this.#urgencies.push(urgency);
    }
    return project;
  }

  #mark(name: string, urgency: Urgency, unless: readonly Urgency[]): boolean {
    const before = this.#urgencies.length;
    const project = this.#project(name, urgency);
    if (project === before) return true;
    if (unless.includes(this.#urgencies[project]!)) return false;
    this.#urgencies[project] = urgency;
    return true;
  }
}
