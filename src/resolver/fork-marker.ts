/** Forks as markers: a fork's environments, and the conflicting extras and groups that it was resolved with and without. */

import { falseMarker, type MarkerTree } from "../standards/marker-algebra/marker-arena.ts";
import type { ForkEnvironment } from "./fork-environment.ts";
import type { Session } from "./session.ts";

export function forkMarker(session: Session, env: ForkEnvironment): MarkerTree {
  const { arena } = session;
  let marker = env.marker;
  for (const [key, question] of questions(session)) {
    if (env.included.has(key)) marker = arena.and(marker, question);
    if (env.excluded.has(key)) marker = arena.and(marker, arena.not(question));
  }
  return marker;
}

/** The fork that `forkMarker` made a marker of; `undefined` when it asks for extras and groups in any other way. */
export function forkOfMarker(session: Session, marker: MarkerTree): ForkEnvironment | undefined {
  const { arena } = session;
  const included = new Set<string>();
  const excluded = new Set<string>();
  const answers = new Map<string, 0 | 1>();
  const answer = (key: string, name: string, to: Set<string>, value: 0 | 1) => {
    to.add(key);
    answers.set(name, value);
  };
  for (const [key, question, name] of questions(session)) {
    if (arena.implies(marker, question)) answer(key, name, included, 1);
    else if (arena.isDisjoint(marker, question)) answer(key, name, excluded, 0);
  }
  let rest = false;
  const plain = arena.assume(marker, (variable) => {
    if (variable.kind !== "question") return undefined;
    const known = answers.get(questionName(variable.asked));
    rest ||= known === undefined;
    return known;
  });
  if (rest || plain === falseMarker) return undefined;
  return { marker: plain, included, excluded };
}

type Asked = { kind: string; value: string };

function questionName({ kind, value }: Asked): string {
  return `${kind} ${value}`;
}

/** Key, question and the question's name of every item that occurs in a conflict. */
function* questions({
  arena,
  rootName,
  request,
  conflictItems,
}: Session): Iterable<[string, MarkerTree, string]> {
  for (const value of request.extras) {
    const asked = { kind: "extras" as const, value };
    const key = `${rootName}[${value}]`;
    if (conflictItems.has(key)) yield [key, arena.question(asked), questionName(asked)];
  }
  for (const value of request.groups) {
    const asked = { kind: "group" as const, value };
    const key = `${rootName}:${value}`;
    if (conflictItems.has(key)) yield [key, arena.question(asked), questionName(asked)];
  }
}
