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
  #projects = new Map<string, { urgency: Urgency; order: number }>();
  #variants = new Map<PackageId, number>();

  clone(): Priorities {
    const copy = new Priorities();
    for (const [name, { urgency, order }] of this.#projects) copy.#projects.set(name, { urgency, order });
    copy.#variants = new Map(this.#variants);
    return copy;
  }

  /** Notes a requirement on a package. */
  add(id: PackageId, name: string, requirement: { pinned: boolean; direct: boolean }): void {
    if (!this.#variants.has(id)) this.#variants.set(id, this.#variants.size);
    const urgency = requirement.direct
      ? Urgency.direct
      : requirement.pinned
        ? Urgency.pinned
        : Urgency.ordinary;
    const known = this.#projects.get(name);
    if (known === undefined) this.#projects.set(name, { urgency, order: this.#projects.size });
    else if (urgency > known.urgency) known.urgency = urgency;
  }

  /** Greater is more urgent; no two packages share a value. */
  of(id: PackageId, name: string | undefined): number {
    const project = name === undefined ? undefined : this.#projects.get(name);
    if (project === undefined) return Number.MAX_SAFE_INTEGER - id;
    return (
      project.urgency * 2 ** 44 + (2 ** 20 - project.order) * 2 ** 23 + (2 ** 22 - this.#variants.get(id)!)
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

  #mark(name: string, urgency: Urgency, unless: readonly Urgency[]): boolean {
    const known = this.#projects.get(name);
    if (known === undefined) {
      this.#projects.set(name, { urgency, order: this.#projects.size });
      return true;
    }
    if (unless.includes(known.urgency)) return false;
    known.urgency = urgency;
    return true;
  }
}
