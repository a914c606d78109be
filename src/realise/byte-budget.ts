/** A budget bounds what is in memory at once: who wants to hold bytes waits until there is room. */
export interface ByteBudget {
  /** Waits for room, and returns what gives it back. More than the whole budget waits until nothing else is held. */
  take(bytes: number): Promise<() => void>;
}

/** First come, first served: a large one is not passed by small ones for ever. */
export function createByteBudget(limit: number): ByteBudget {
  let held = 0;
  const waiting: { bytes: number; go: () => void }[] = [];

  function admit(): void {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (held > 0 && held + next.bytes > limit) return;
      held += next.bytes;
      waiting.shift();
      next.go();
    }
  }

  return {
    async take(bytes) {
      await new Promise<void>((go) => {
        waiting.push({ bytes, go });
        admit();
      });
      let given = false;
      return () => {
        if (given) return;
        given = true;
        held -= bytes;
        admit();
      };
    },
  };
}
