import { Failure } from "../platform/errors.ts";
import { fromMarker } from "../standards/marker-algebra/from-marker.ts";
import { falseMarker, type MarkerTree, trueMarker } from "../standards/marker-algebra/marker-arena.ts";
import { pythonBounds } from "../standards/marker-algebra/marker-python.ts";
import { type Marker, parseMarker } from "../standards/markers.ts";
import type { Session } from "./session.ts";

/** The environments that are resolved apart from the start: those of the lock that exists, or of the request; empty: all at once. */
export function firstForks(session: Session): MarkerTree[] {
  const { arena, request } = session;
  const markers = forksOfLock(session) ?? request.environments.map((text) => environment(session, text));
  const oldestFirst = request.forkStrategy === "fewest" || request.resolution === "lowest";
  const lower = (marker: MarkerTree) => pythonBounds(arena, marker)?.from ?? 0;
  return markers.sort((a, b) => (oldestFirst ? lower(a) - lower(b) : lower(b) - lower(a)));
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
function forksOfLock({ arena, request, pythonMarker }: Session): MarkerTree[] | undefined {
  const texts = request.forks ?? [];
  if (texts.length === 0) return undefined;
  const markers: MarkerTree[] = [];
  let all: MarkerTree = falseMarker;
  for (const text of texts) {
    const parsed = tryParseMarker(text);
    if (parsed === undefined) return undefined;
    const marker = fromMarker(arena, parsed);
    if (!arena.isDisjoint(arena.and(marker, all), pythonMarker)) return undefined;
    all = arena.or(all, marker);
    markers.push(marker);
  }
  const asked = request.environments.reduce(
    (some, text) => arena.or(some, fromMarker(arena, parseMarker(text))),
    request.environments.length === 0 ? trueMarker : falseMarker,
  );
  return arena.implies(arena.and(asked, pythonMarker), all) ? markers : undefined;
}

function tryParseMarker(text: string): Marker | undefined {
  try {
    return parseMarker(text);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
