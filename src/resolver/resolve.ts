import type { Interpreter } from "../interpreters/interpreter.ts";
import type { PackageIndex } from "../package-index/client.ts";
import type { BuildInterface } from "./build-interface.ts";
import type { ResolveRequest } from "./request.ts";
import type { Resolution } from "./resolution.ts";
import { addFork, forkTexts, packagesOf, type ResolutionGraph } from "./resolution-graph.ts";
import { openSession } from "./session.ts";
import { solveForks } from "./solve-forks.ts";
import { ForkFailed } from "./solver-notes.ts";
import { sourceNeeds } from "./source-needs.ts";
import { unknownExtras } from "./unknown-extras.ts";

export interface ResolveContext {
  index: PackageIndex;
  /** Absent: nothing can be built, and what needs it fails with DXPY_METADATA_NEEDS_BUILD. */
  build?: BuildInterface;
  /** Says which Pythons to resolve for when the project does not. */
  interpreter: Pick<Interpreter, "version">;
  /** Called now and then while versions are looked at. */
  onProgress?: (progress: ResolveProgress) => void;
  /** For tests, see `SolveOptions`. */
  solveEachFork?: boolean;
}

export interface ResolveProgress {
  /** Versions looked at so far. */
  decisions: number;
  name?: string;
}

/** Of so many decisions one is told: nobody reads faster. */
const REPORTED = 16;

/**
 * Finds versions for everything that the request asks for, in all environments at once. Failures: DXPY_UNSATISFIABLE,
 * whose message explains why there are none, and what the index and the build interface fail with.
 */
export async function resolve(request: ResolveRequest, context: ResolveContext): Promise<Resolution> {
  const started = performance.now();
  const session = openSession(request, {
    index: context.index,
    build: context.build,
    pythonVersion: context.interpreter.version,
  });
  const counts = { decisions: 0, conflicts: 0, followed: 0 };
  const { onProgress } = context;
  const report =
    onProgress === undefined
      ? undefined
      : (name: string) => {
          if (counts.decisions % REPORTED === 0) onProgress({ decisions: counts.decisions, name });
        };
  try {
    session.alsoDeclared(await sourceNeeds(session, session.declared));
    const graph: ResolutionGraph = new Map();
    const forks = await solveForks(session, counts, {
      onProgress: report,
      onSolved: (fork, n) => addFork(session, fork, n, graph),
      solveEach: context.solveEachFork,
    });
    const packages = await packagesOf(session, forks, graph);
    return {
      packages,
      unknownExtras: await unknownExtras(session, packages),
      ...forkTexts(session, forks),
      stats: {
        forks: forks.length,
        ...counts,
        pages: session.catalog.pages,
        metadata: session.catalog.metadata,
        milliseconds: performance.now() - started,
      },
    };
  } catch (error) {
    if (!(error instanceof ForkFailed)) throw error;
    const { explainFailure } = await import("./explain/explain-failure.ts");
    throw await explainFailure(session, error, context.interpreter.version);
  }
}
