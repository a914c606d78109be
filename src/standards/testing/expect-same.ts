import { expect } from "bun:test";

/** The answers to each question are the same as JSON; shows the first questions where they are not. */
export function expectSame(
  questions: readonly unknown[],
  ours: readonly unknown[],
  theirs: readonly unknown[],
): void {
  const text = (answer: unknown) => JSON.stringify(answer, bigAsNumber);
  const different = questions.flatMap((question, i) =>
    text(ours[i]) === text(theirs[i]) ? [] : [{ question, ours: ours[i], theirs: theirs[i] }],
  );
  expect(different.slice(0, 20)).toEqual([]);
}

/** What came through JSON.parse has its big numbers rounded, so ours are too. */
function bigAsNumber(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}
