/** SHA-256 by Bun's own hasher (1.9 GB/s), and the base64url that RECORD writes digests in (PEP 376, PEP 427). */
export function sha256Bytes(data: string | Uint8Array): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(data).digest();
}

/** Lower-case hex, 64 characters. */
export function sha256Hex(data: string | Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(data).digest("hex");
}

export interface Sha256Stream {
  update(data: Uint8Array): void;
  /** Lower-case hex; the stream is used up. */
  hex(): string;
}

export function sha256Stream(): Sha256Stream {
  const hasher = new Bun.CryptoHasher("sha256");
  return {
    update: (data) => {
      hasher.update(data);
    },
    hex: () => hasher.digest("hex"),
  };
}

/** `sha256=<digest>` as a RECORD line has it: base64url without padding. */
export function recordDigest(data: Uint8Array): string {
  return `sha256=${toBase64Url(sha256Bytes(data))}`;
}

/** Base64 with `-` and `_`, without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Padding may be there or not; `undefined` for anything that is not base64url. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text, { alphabet: "base64url" });
  } catch {
    return undefined;
  }
}
