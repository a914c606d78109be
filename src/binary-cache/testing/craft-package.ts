/** Packed `.dxpkg` files with anything in them, for tests of what must be refused. */
import { zstdCompressSync } from "node:zlib";
import { blake3Bytes, blake3Hex } from "../../platform/blake3.ts";
import { encodePackage } from "../../store/dxpkg-writer.ts";
import { encodeManifest } from "../../store/manifest.ts";
import type { PackageObject } from "../../store/package-object.ts";
import { PLAIN_OBJECT } from "../../store/testing/plain-object.ts";
import { mappingPath, mappingText, objectPath } from "../protocol.ts";
import { type SecretKey, signMapping } from "../signature.ts";

export interface CraftedFile {
  path: string;
  content: string;
  /** What the manifest says instead of the truth. */
  size?: number;
}

/** Writes paths as they are given: nothing is checked. `change` spoils the finished bytes. */
export function craftPackage(
  files: readonly CraftedFile[],
  change: (bytes: Uint8Array) => void = () => {},
): { outputHash: string; packed: Uint8Array } {
  const encoder = new TextEncoder();
  const entries = files.map(({ path, content, size }) => {
    const bytes = encoder.encode(content);
    return { path, executable: false, size: size ?? bytes.length, blake3: blake3Bytes(bytes) };
  });
  const manifest = encodeManifest(entries);
  const outputHash = blake3Hex(manifest.bytes);
  const object = {
    outputHash,
    name: "evil",
    version: "1.0",
    distInfo: "evil-1.0.dist-info",
    ...PLAIN_OBJECT,
    plainRecord: false,
    files: files.length,
    bytes: 0,
  } as PackageObject;
  const { bytes, dataOffsets } = encodePackage(object, manifest, true);
  const sorted = manifest.entries.map(({ path }) => files.find((one) => one.path === path)!);
  const contents = sorted.map(({ content }) => encoder.encode(content));
  const last = contents.length - 1;
  const end = last < 0 ? bytes.length : (dataOffsets[last] ?? 0) + (contents[last]?.length ?? 0);
  const packed = new Uint8Array(Math.max(end, bytes.length));
  packed.set(bytes);
  new DataView(packed.buffer).setBigUint64(8, BigInt(packed.length), true);
  for (const [i, content] of contents.entries()) {
    const at = dataOffsets[i] ?? 0;
    if (at + content.length <= packed.length) packed.set(content, at);
  }
  change(packed);
  return { outputHash, packed };
}

/** The two files by which a cache offers it, signed as if by somebody who is trusted. */
export async function offer(
  buildHash: string,
  { outputHash, packed }: { outputHash: string; packed: Uint8Array },
  key: SecretKey,
  size = packed.length,
): Promise<Map<string, Uint8Array>> {
  const unsigned = { format: 1 as const, buildHash, outputHash, size, references: {} };
  const signatures = [await signMapping(unsigned, key)];
  return new Map([
    [mappingPath(buildHash), new TextEncoder().encode(mappingText({ ...unsigned, signatures }))],
    [objectPath(outputHash), new Uint8Array(zstdCompressSync(packed))],
  ]);
}

/** The files of a wheel that is as small as can be. */
export function soundFiles(): CraftedFile[] {
  return [
    { path: "lib/evil-1.0.dist-info/METADATA", content: "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n" },
    { path: "lib/evil-1.0.dist-info/RECORD", content: "" },
    {
      path: "lib/evil-1.0.dist-info/WHEEL",
      content: "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    },
    { path: "lib/evil.py", content: "print('evil')\n" },
  ];
}
