/** What tests that compare with a reference implementation have in common. */
import fc from "fast-check";
import { Failure } from "../../platform/errors.ts";

/** The same values in every run. */
export function sample<T>(arbitrary: fc.Arbitrary<T>, count: number, seed: number): T[] {
  return fc.sample(arbitrary, { numRuns: count, seed });
}

/** What is read, or `null` where a Failure says that it cannot be. */
export function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Failure) return null;
    throw error;
  }
}

/** The first questions whose answers are not the same as JSON. */
export function differences(
  questions: readonly unknown[],
  ours: readonly unknown[],
  theirs: readonly unknown[],
): { question: unknown; ours: unknown; theirs: unknown }[] {
  const text = (answer: unknown) => JSON.stringify(answer, bigAsNumber);
  return questions
    .map((question, i) => ({ question, ours: ours[i], theirs: theirs[i] }))
    .filter((one) => text(one.ours) !== text(one.theirs))
    .slice(0, 20);
}

/** What came through JSON.parse has its big numbers rounded, so ours are too. */
function bigAsNumber(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}
