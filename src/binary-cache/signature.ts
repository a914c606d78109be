/**
 * Keys and signatures: Ed25519 (RFC 8032) by WebCrypto. A key file holds one line, `name:base64`: 32 bytes of public key, or
 * 64 bytes (seed, then public key) of secret key.
 */
import { Failure } from "../platform/errors.ts";
import { KEY_NAME, type Mapping, type Signature, signedText } from "./protocol.ts";

export interface SecretKey {
  name: string;
  /** `name:base64`, to be given to those who shall trust it. */
  publicText: string;
  key: CryptoKey;
}

export interface PublicKey {
  name: string;
  key: CryptoKey;
}

/** Keys by name. */
export type TrustedKeys = ReadonlyMap<string, CryptoKey>;

/** A new pair, as the texts of two key files. Failure `DXPY_BAD_KEY` for a name that cannot be one. */
export async function generateKeys(name: string): Promise<{ secret: string; public: string }> {
  checkName(name);
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const { d, x } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const [seed, point] = [fromUrl(d), fromUrl(x)];
  return {
    secret: `${name}:${Buffer.concat([seed, point]).toBase64()}`,
    public: `${name}:${point.toBase64()}`,
  };
}

/** Failure `DXPY_BAD_KEY`; the message never holds the key. */
export async function readSecretKey(text: string, where: string): Promise<SecretKey> {
  const { name, bytes } = splitKey(text, where);
  if (bytes.length !== 64) throw badKey(where, `it has ${bytes.length} bytes, and a secret key has 64`);
  const [d, x] = [toUrl(bytes.subarray(0, 32)), toUrl(bytes.subarray(32))];
  const publicText = `${name}:${bytes.subarray(32).toBase64()}`;
  try {
    const jwk = { kty: "OKP", crv: "Ed25519", d, x };
    const key = await crypto.subtle.importKey("jwk", jwk, "Ed25519", false, ["sign"]);
    // The two halves may have been pasted together from two keys: then nobody could verify what it signs.
    const probe = new Uint8Array(32);
    const signature = await crypto.subtle.sign("Ed25519", key, probe);
    const { key: open } = await readPublicKey(publicText, where);
    if (!(await crypto.subtle.verify("Ed25519", open, signature, probe))) throw new Error("halves differ");
    return { name, publicText, key };
  } catch (cause) {
    throw badKey(where, "its two halves do not belong together", cause);
  }
}

/** Failure `DXPY_BAD_KEY`. */
export async function readPublicKey(text: string, where: string): Promise<PublicKey> {
  const { name, bytes } = splitKey(text, where);
  if (bytes.length === 64) throw badKey(where, "it is a secret key: give the public one");
  if (bytes.length !== 32) throw badKey(where, `it has ${bytes.length} bytes, and a public key has 32`);
  try {
    return { name, key: await crypto.subtle.importKey("raw", bytes, "Ed25519", false, ["verify"]) };
  } catch (cause) {
    throw badKey(where, "it is not a point of the curve", cause);
  }
}

/** Public keys as the settings hold them. Two keys of one name are a Failure `DXPY_BAD_KEY`: which is meant? */
export async function readTrustedKeys(texts: readonly string[], where: string): Promise<TrustedKeys> {
  const trusted = new Map<string, CryptoKey>();
  for (const text of new Set(texts)) {
    const { name, key } = await readPublicKey(text, where);
    if (trusted.has(name)) throw badKey(where, `there are two different keys named ${name}`);
    trusted.set(name, key);
  }
  return trusted;
}

export async function signMapping(
  mapping: Omit<Mapping, "signatures">,
  { name, key }: SecretKey,
): Promise<Signature> {
  const signature = await crypto.subtle.sign("Ed25519", key, new Uint8Array(signedText(mapping)));
  return { key: name, signature: new Uint8Array(signature).toBase64() };
}

/**
 * The name of the first trusted key that signed. `unknown`: no signature is by a trusted key; `wrong`: one claims to be and
 * is not.
 */
export async function verifyMapping(
  mapping: Mapping,
  trusted: TrustedKeys,
): Promise<{ signer: string } | "unknown" | "wrong"> {
  const text = signedText(mapping);
  let answer: "unknown" | "wrong" = "unknown";
  for (const { key: name, signature } of mapping.signatures) {
    const key = trusted.get(name);
    if (key === undefined) continue;
    const bytes = new Uint8Array(Uint8Array.fromBase64(signature));
    if (await crypto.subtle.verify("Ed25519", key, bytes, new Uint8Array(text))) return { signer: name };
    answer = "wrong";
  }
  return answer;
}

function splitKey(text: string, where: string): { name: string; bytes: Uint8Array<ArrayBuffer> } {
  const line = text.trim();
  const colon = line.indexOf(":");
  if (colon < 0 || line.length > 256 || /\s/.test(line)) throw badKey(where, "it is not `name:base64`");
  const name = line.slice(0, colon);
  checkName(name, where);
  try {
    return { name, bytes: Uint8Array.fromBase64(line.slice(colon + 1)) };
  } catch {
    throw badKey(where, "it is not `name:base64`");
  }
}

function checkName(name: string, where = "The name of a key"): void {
  if (!KEY_NAME.test(name)) {
    throw badKey(where, "a key's name has letters, digits, `.`, `_` and `-`, at most 64");
  }
}

function badKey(where: string, what: string, cause?: unknown): Failure {
  return new Failure("DXPY_BAD_KEY", `${where} is not a key: ${what}`, {
    hint: "`dx-py cache keygen NAME` makes a pair of keys.",
    exitCode: 2,
    ...(cause === undefined ? {} : { cause }),
  });
}

function fromUrl(text: string | undefined): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(text ?? "", { alphabet: "base64url" });
}

function toUrl(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
