import { type DplSource, memorySource } from "../dpl-source.ts";

/** Counts what is read, byte for byte, and which reads there are. */
export function countingSource(
  bytes: Uint8Array,
): DplSource & { touched: number; reads: [number, number][] } {
  const memory = memorySource(bytes);
  const source = {
    ...memory,
    touched: 0,
    reads: [] as [number, number][],
    read(offset: number, length: number) {
      source.touched += length;
      source.reads.push([offset, length]);
      return memory.read(offset, length);
    },
  };
  return source;
}
