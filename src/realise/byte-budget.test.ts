import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createByteBudget } from "./byte-budget.ts";

describe("a budget of bytes", () => {
  test("never more than the limit is held, except by one alone, and everybody gets through", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 30 }), async (sizes) => {
        const budget = createByteBudget(100);
        let held: number[] = [];
        await Promise.all(
          sizes.map(async (size, i) => {
            const release = await budget.take(size);
            held.push(size);
            expect(held.length === 1 || held.reduce((sum, one) => sum + one, 0) <= 100).toBe(true);
            if (i % 2 === 0) await Promise.resolve();
            held = held.toSpliced(held.indexOf(size), 1);
            release();
            release();
          }),
        );
        expect(held).toEqual([]);
      }),
    );
  });

  test("a large one is not passed by small ones that come later", async () => {
    const budget = createByteBudget(10);
    const order: string[] = [];
    const first = await budget.take(5);
    const large = budget.take(10).then((release) => {
      order.push("large");
      release();
    });
    const small = budget.take(1).then((release) => {
      order.push("small");
      release();
    });
    first();
    await Promise.all([large, small]);
    expect(order).toEqual(["large", "small"]);
  });
});
