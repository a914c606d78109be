/**
 * What an answer was encoded with on its way (RFC 9110, section 8.4.1), undone within bounds: the runtime's own way unpacks all of it before
 * anybody is asked, and a few kilobytes can become a gigabyte.
 */
import { promisify } from "node:util";
import { unreachable } from "./http-failures.ts";

/** What is offered. Not Zstandard: the runtime takes half of a frame for the whole. */
export const ACCEPT_ENCODING = "gzip, deflate, br";

/** Of a `Content-Encoding`: nothing to undo. */
export function isIdentity(encoding: string | null): boolean {
  return encoding === null || /^\s*(?:identity)?\s*$/i.test(encoding);
}

/** `undefined`: it would become more than `limit` bytes. Throws for what is damaged or cut off; Failure for what nobody offered to read. */
export async function decodeContent(
  body: Uint8Array,
  encoding: string,
  limit: number,
  url: string,
): Promise<Uint8Array | undefined> {
  if (body.length === 0) return body;
  // Loaded here: it takes 3 ms, and many indexes on one's own network encode nothing.
  const zlib = await import("node:zlib");
  const options = { maxOutputLength: Math.max(1, limit) };
  try {
    switch (encoding.trim().toLowerCase()) {
      case "gzip":
      case "x-gzip":
        return await promisify<Uint8Array, object, Uint8Array>(zlib.gunzip)(body, options);
      case "deflate": {
        // With zlib's header, as it is written, or without, as some servers send it.
        const inflate = ((body[0] ?? 0) & 0x0f) === 8 ? zlib.inflate : zlib.inflateRaw;
        return await promisify<Uint8Array, object, Uint8Array>(inflate)(body, options);
      }
      case "br":
        return await promisify<Uint8Array, object, Uint8Array>(zlib.brotliDecompress)(body, options);
    }
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw error;
  }
  throw unreachable(url, `its answer is encoded as ${encoding.slice(0, 40)}`);
}
