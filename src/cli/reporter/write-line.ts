/** Writes to the standard streams: whole, at once, and without Bun's `console`, which paints errors red on a terminal. */
import { writeSync } from "node:fs";

const SIGPIPE_EXIT = 141;

/** A line, or several. Ends the process where nobody reads any more (`dx-py tree | head`). */
export function writeLine(fd: 1 | 2, text: string): void {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as { code?: string };
      // A pipe that does not block and is full: its reader needs a moment.
      if (code === "EAGAIN") Bun.sleepSync(1);
      else if (code === "EPIPE") process.exit(SIGPIPE_EXIT);
      // A stream that was closed before we started (`2>&-`) takes nothing.
      else return;
    }
  }
}
