import type { DistributionFile } from "../package-index/distribution.ts";
import type { PackagePage } from "../package-index/package-page.ts";
import { parseSpecifierSetLenient } from "../standards/lenient-requirements.ts";
import { limit } from "../standards/marker-algebra/integer-set.ts";
import type { MarkerArena, MarkerTree } from "../standards/marker-algebra/marker-arena.ts";
import { falseMarker, trueMarker } from "../standards/marker-algebra/marker-arena.ts";
import type { Version } from "../standards/version.ts";
import { boundsOf, type PythonBounds } from "./python-requirement.ts";
import { oldestPythonOf, wheelFitsPython, wheelPlatforms, wheelPythons } from "./wheel-support.ts";

/** What stands against a version before its requirements are even looked at. */
export type Obstacle =
  | { kind: "yanked"; reason: string }
  | { kind: "no-binary" }
  | { kind: "no-build" }
  /** None of the wheels is for a Python that is resolved for, and there is no sdist. */
  | { kind: "python-tags"; example: string }
  | { kind: "platform"; marker: MarkerTree; example: string };

export type Candidate =
  | { usable: true; file: DistributionFile; requiresPython?: PythonBounds; requiresPythonText?: string }
  | { usable: false; obstacle: Obstacle }
  /** Uploaded too late: as if it did not exist. */
  | { usable: false; obstacle?: undefined };

/** What narrows the files of a project. */
export interface CandidatePolicy {
  noBinary: boolean;
  noBuild: boolean;
  /** Milliseconds since the epoch. */
  excludeNewer: number | undefined;
  /** Positions on the page of versions that may be used although they are yanked. */
  allowedYanked: ReadonlySet<number>;
  /** The Pythons of the whole resolution, not of a fork. */
  python: PythonBounds;
}

/** The versions of one page under one policy, each looked at once. */
export class Candidates {
  readonly page: PackagePage;
  readonly #policy: CandidatePolicy;
  #known: (Candidate | undefined)[] = [];
  #platforms: (MarkerTree | undefined)[] = [];
  #oldest: (number | undefined)[] = [];
  #positions = new Map<Version, number>();

  constructor(page: PackagePage, policy: CandidatePolicy) {
    this.page = page;
    this.#policy = policy;
  }

  /** The page's `position`, looked up once for each version object: what is preferred is asked for in every fork. */
  position(version: Version): number {
    let at = this.#positions.get(version);
    if (at === undefined) {
      at = this.page.position(version);
      this.#positions.set(version, at);
    }
    return at;
  }

  isPrerelease(i: number): boolean {
    return this.page.isPrerelease(i);
  }

  get(i: number): Candidate {
    let candidate = this.#known[i];
    if (candidate === undefined) {
      candidate = this.#look(i);
      this.#known[i] = candidate;
    }
    return candidate;
  }

  /** Whether some file of the version was uploaded in time. */
  exists(i: number): boolean {
    if (this.#policy.excludeNewer === undefined) return true;
    const candidate = this.get(i);
    return candidate.usable || candidate.obstacle !== undefined;
  }

  /** The files of a version that are worth locking. */
  files(i: number): DistributionFile[] {
    return this.page.files(i).filter((file) => {
      if (this.#tooNew(file)) return false;
      return file.kind === "sdist" || wheelFitsPython(file.filename, this.#policy.python);
    });
  }

  /** The environments that a version can be installed in; an sdist counts for all. */
  environments(i: number, arena: MarkerArena): MarkerTree {
    const known = this.#platforms[i];
    if (known !== undefined) return known;
    let tree: MarkerTree = falseMarker;
    for (const file of this.page.files(i)) {
      if (this.#obstacleOf(file, i) !== undefined) continue;
      const { filename } = file;
      tree =
        file.kind === "sdist"
          ? trueMarker
          : arena.or(tree, arena.and(wheelPlatforms(arena, filename), wheelPythons(arena, filename)));
      if (tree === trueMarker) break;
    }
    this.#platforms[i] = tree;
    return tree;
  }

  /**
   * The lowest Python that a version has a usable file for, a wheel's tags taken as "from there on"; 0 with an sdist.
   * In a fork for older Pythons only, such a version is no choice.
   */
  oldestPython(i: number): number {
    const known = this.#oldest[i];
    if (known !== undefined) return known;
    let oldest = limit;
    for (const file of this.page.files(i)) {
      if (this.#obstacleOf(file, i) !== undefined) continue;
      oldest = file.kind === "sdist" ? 0 : Math.min(oldest, oldestPythonOf(file.filename));
      if (oldest === 0) break;
    }
    this.#oldest[i] = oldest;
    return oldest;
  }

  #look(i: number): Candidate {
    let wheel: DistributionFile | undefined;
    let refusedWheel: DistributionFile | undefined;
    let wheelObstacle: Obstacle | "too-new" | undefined;
    let sdist: DistributionFile | undefined;
    let sdistObstacle: Obstacle | "too-new" | undefined;
    for (const file of this.page.files(i)) {
      const obstacle = this.#obstacleOf(file, i);
      if (file.kind === "wheel") {
        if (obstacle === undefined) wheel ??= file;
        else if (wheelObstacle === undefined || weight(obstacle) > weight(wheelObstacle)) {
          wheelObstacle = obstacle;
          refusedWheel = file;
        }
      } else if (obstacle === undefined) {
        sdist ??= file;
      } else {
        sdistObstacle ??= obstacle;
      }
    }
    if (wheel !== undefined) return usable(wheel, wheel);
    if (sdist !== undefined) {
      // A wheel that cannot be used here says the same about its requirements, and need not be built to say it.
      return usable(refusedWheel === undefined || wheelObstacle === "too-new" ? sdist : refusedWheel, sdist);
    }
    const obstacle = sdistObstacle ?? wheelObstacle ?? "too-new";
    return obstacle === "too-new" ? { usable: false } : { usable: false, obstacle };
  }

  #obstacleOf(file: DistributionFile, i: number): Obstacle | "too-new" | undefined {
    const { noBinary, noBuild, allowedYanked, python } = this.#policy;
    if (file.kind === "wheel" ? noBinary : noBuild)
      return { kind: file.kind === "wheel" ? "no-binary" : "no-build" };
    if (this.#tooNew(file)) return "too-new";
    if (file.yanked !== false && !allowedYanked.has(i)) return { kind: "yanked", reason: file.yanked };
    if (file.kind === "wheel" && !wheelFitsPython(file.filename, python)) {
      return { kind: "python-tags", example: file.filename };
    }
    return undefined;
  }

  #tooNew(file: DistributionFile): boolean {
    const { excludeNewer } = this.#policy;
    return excludeNewer !== undefined && (file.uploadTime === undefined || file.uploadTime >= excludeNewer);
  }
}

/** Which of two obstacles is nearer to none, and so the one to speak of. */
function weight(obstacle: Obstacle | "too-new"): number {
  if (obstacle === "too-new") return 4;
  return obstacle.kind === "python-tags" ? 3 : obstacle.kind === "yanked" ? 2 : 1;
}

function usable(file: DistributionFile, installed: DistributionFile): Candidate {
  const text = installed.requiresPython;
  if (text === undefined || text === "") return { usable: true, file };
  const bounds = requiredPython(text);
  return bounds === undefined
    ? { usable: true, file }
    : { usable: true, file, requiresPython: bounds, requiresPythonText: text };
}

// A handful of texts serve all files of all packages.
const remembered = new Map<string, PythonBounds | undefined>();

/** The Pythons that a `Requires-Python` admits; `undefined` when it cannot be read, which is as if it were not there. */
export function requiredPython(text: string): PythonBounds | undefined {
  if (remembered.has(text)) return remembered.get(text);
  let bounds: PythonBounds | undefined;
  try {
    bounds = boundsOf(parseSpecifierSetLenient(text));
  } catch {
    bounds = undefined;
  }
  if (remembered.size > 4096) remembered.clear();
  remembered.set(text, bounds);
  return bounds;
}
