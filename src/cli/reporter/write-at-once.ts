/** Writes a line to a standard stream without `node:fs`, as the warm path wants it; everything else uses `writeLine`. */

const SIGPIPE_EXIT = 141;

/**
 * Ends the process where nobody reads any more. A stream that was closed before we started takes nothing. Not by a writer of
 * Bun's: that makes the stream non-blocking for every process that shares it.
 */
export async function writeAtOnce(fd: 1 | 2, text: string): Promise<void> {
  try {
    await Bun.write(fd === 1 ? Bun.stdout : Bun.stderr, `${text}\n`);
  } catch (error) {
    if ((error as { code?: string }).code === "EPIPE") process.exit(SIGPIPE_EXIT);
  }
}

/**
 * Writes a line to stderr before it comes back, without a promise. Who does not read it loses nothing that was asked for: the exit
 * code stands.
 */
export function noteAtOnce(text: string): void {
  console.error(text);
}
