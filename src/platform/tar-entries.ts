import { createTarDecoder, type ParsedTarEntry } from "modern-tar";
import { Failure } from "./errors.ts";

/** The entries of a tar archive, plain or compressed by gzip or xz, one after the other; nothing is believed of them yet. */

/** Failure `DXPY_BAD_TAR` that names the archive. */
export function badTar(archive: string, what: string, cause?: unknown): Failure {
  return new Failure("DXPY_BAD_TAR", `${archive} cannot be unpacked: ${what}`, {
    context: { file: archive },
    hint: "The file is damaged, or is not what its name says. Use another version or another source.",
    cause,
  });
}

/** Unpacked bytes of a whole archive. */
const MAX_BYTES = 16 * 2 ** 30;

/** Every entry's body must be read to its end before the next is asked for. Failure `DXPY_BAD_TAR`, also from the bodies. */
export async function* tarEntries(bytes: Uint8Array, archive: string): AsyncGenerator<ParsedTarEntry> {
  const source = await decompressed(bytes, archive);
  const reader = source
    .pipeThrough(limit(archive))
    .pipeThrough(createTarDecoder({ strict: true }))
    .getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw asBadTar(error, archive);
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** What the decoders say, as a Failure: the archive's fault, whatever it is. */
export function asBadTar(error: unknown, archive: string): unknown {
  const { syscall } = error as { syscall?: string };
  if (error instanceof Failure || syscall !== undefined) return error;
  return badTar(archive, "it is damaged or cut off", error);
}

async function decompressed(
  bytes: Uint8Array,
  archive: string,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const begins = (...magic: number[]) => magic.every((byte, i) => bytes[i] === byte);
  const stream = pieces(bytes);
  if (begins(0x1f, 0x8b)) return stream.pipeThrough(new DecompressionStream("gzip"));
  if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) {
    const { XzReadableStream } = await import("xz-decompress");
    return new XzReadableStream(stream) as ReadableStream<Uint8Array<ArrayBuffer>>;
  }
  const other = begins(0x42, 0x5a, 0x68) ? "bzip2" : begins(0x1f, 0x9d) ? "compress" : undefined;
  if (other !== undefined) {
    throw new Failure(
      "DXPY_UNKNOWN_ARCHIVE",
      `${archive} is compressed by ${other}, which dx-py does not read`,
      {
        context: { file: archive },
        hint: "Choose a version that has a wheel or a .tar.gz.",
      },
    );
  }
  if (bytes.length < 512) throw badTar(archive, "it is not a tar archive");
  return stream;
}

/** In pieces, so that a decoder does not take in the whole before it gives out the first part. */
function pieces(bytes: Uint8Array): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + 65536));
      at += 65536;
    },
  });
}

function limit(archive: string): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let total = 0;
  return new TransformStream({
    transform(piece, controller) {
      total += piece.length;
      if (total > MAX_BYTES) controller.error(badTar(archive, "it is too large when unpacked"));
      else controller.enqueue(piece);
    },
  });
}
