import { expect, test } from "bun:test";
import { retry } from "./retry.ts";

const flaky = (failures: number) => {
  let calls = 0;
  return async () => {
    calls += 1;
    if (calls <= failures) throw new Error(`failure ${calls}`);
    return calls;
  };
};

test("tries again until it succeeds, with doubled pauses", async () => {
  const pauses: number[] = [];
  const sleep = async (ms: number) => void pauses.push(ms);
  expect(await retry(flaky(2), { retryable: () => true, delay: 100, sleep })).toBe(3);
  expect(pauses.length).toBe(2);
  expect(pauses[0]).toBeWithin(50, 101);
  expect(pauses[1]).toBeWithin(100, 201);
});

test("gives up with the last error, or at once when it is for good", async () => {
  const sleep = async () => {};
  expect(retry(flaky(9), { retryable: () => true, attempts: 3, sleep })).rejects.toThrow("failure 3");
  expect(retry(flaky(9), { retryable: () => false, sleep })).rejects.toThrow("failure 1");
});
