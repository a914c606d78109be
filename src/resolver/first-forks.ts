import { Failure } from "../platform/errors.ts";
import { fromMarker } from "../standards/marker-algebra/from-marker.ts";
import { falseMarker, type MarkerTree, trueMarker } from "../standards/marker-algebra/marker-arena.ts";
import { type Marker, parseMarker } from "../standards/markers.ts";
import { everywhere, type ForkEnvironment, narrowed } from "./fork-environment.ts";
import { forkOfMarker } from "./fork-marker.ts";
import { firstPython } from "./forks.ts";
import type { Session } from "./session.ts";

/** The forks to begin with: those of the lock that exists, or the environments of the request; empty: there is one. */
export function firstForks(session: Session): ForkEnvironment[] {
  const { arena, request, pythonMarker } = session;
  const forks =
    forksOfLock(session) ??
    request.environments.map((text) => narrowed(arena, everywhere, environment(session, text)));
  const oldestFirst = request.forkStrategy === "fewest" || request.resolution === "lowest";
  const from = ({ marker }: ForkEnvironment) => firstPython(arena, marker, pythonMarker);
  return forks.sort((a, b) => (oldestFirst ? from(a) - from(b) : from(b) - from(a)));
}

function environment({ arena, pythonMarker, request }: Session, text: string): MarkerTree {
  const marker = fromMarker(arena, parseMarker(text));
  if (arena.isDisjoint(marker, pythonMarker)) {
    throw new Failure(
      "DXPY_BAD_SETTING",
      `\`environments\` has \`${text}\`, where no Python is that \`requires-python\` (${request.requiresPython ?? "of the interpreter"}) admits`,
      { hint: "Take it out, or widen `requires-python`.", exitCode: 2 },
    );
  }
  return marker;
}

/**
 * The forks of the lock that exists, where one can start from them: they are apart from each other, and leave nothing
 * out that is asked for.
 */
function forksOfLock(session: Session): ForkEnvironment[] | undefined {
  const { arena, request, pythonMarker } = session;
  const texts = request.forks ?? [];
  if (texts.length === 0) return undefined;
  const forks: ForkEnvironment[] = [];
  let all: MarkerTree = falseMarker;
  let covered: MarkerTree = falseMarker;
  for (const text of texts) {
    const parsed = tryParseMarker(text);
    if (parsed === undefined) return undefined;
    const whole = fromMarker(arena, parsed);
    if (!arena.isDisjoint(arena.and(whole, all), pythonMarker)) return undefined;
    const fork = forkOfMarker(session, whole);
    if (fork === undefined) return undefined;
    all = arena.or(all, whole);
    covered = arena.or(covered, fork.marker);
    forks.push(fork);
  }
  const asked = request.environments.reduce(
    (some, text) => arena.or(some, fromMarker(arena, parseMarker(text))),
    request.environments.length === 0 ? trueMarker : falseMarker,
  );
  return arena.implies(arena.and(asked, pythonMarker), covered) ? forks : undefined;
}

function tryParseMarker(text: string): Marker | undefined {
  try {
    return parseMarker(text);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
