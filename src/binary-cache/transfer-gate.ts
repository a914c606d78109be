/** Lets transfers through a few at a time, the largest of those that wait first, as long as their bytes fit into memory. */
export interface TransferGate {
  /** `bytes`: what the transfer will hold. One that is larger than the whole budget goes alone. */
  run<T>(bytes: number, action: () => Promise<T>): Promise<T>;
}

export function createTransferGate(places: number, budget: number): TransferGate {
  let free = places;
  let held = 0;
  const waiting: { bytes: number; go(): void }[] = [];

  function admit(): void {
    while (free > 0 && waiting.length > 0) {
      // What takes longest is begun first: begun last, everybody would wait for it alone.
      let largest = 0;
      waiting.forEach(({ bytes }, i) => {
        if (bytes > (waiting[largest]?.bytes ?? 0)) largest = i;
      });
      const next = waiting[largest]!;
      if (held > 0 && held + next.bytes > budget) return;
      waiting.splice(largest, 1);
      free -= 1;
      held += next.bytes;
      next.go();
    }
  }

  return {
    async run(bytes, action) {
      await new Promise<void>((go) => {
        waiting.push({ bytes, go });
        // Those that are asked for in the same moment are compared before the first goes.
        queueMicrotask(admit);
      });
      try {
        return await action();
      } finally {
        free += 1;
        held -= bytes;
        admit();
      }
    },
  };
}
