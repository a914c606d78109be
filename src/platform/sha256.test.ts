import { expect, test } from "bun:test";
import { fromBase64Url, recordDigest, sha256Bytes, sha256Hex, sha256Stream, toBase64Url } from "./sha256.ts";

test("SHA-256 of FIPS 180-2", () => {
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  expect(sha256Hex("abc")).toBe(abc);
  expect(sha256Bytes("abc").toHex()).toBe(abc);
  const stream = sha256Stream();
  stream.update(new Uint8Array([0x61]));
  stream.update(new Uint8Array([0x62, 0x63]));
  expect(stream.hex()).toBe(abc);
});

test("digests as RECORD writes them", () => {
  expect(recordDigest(new Uint8Array())).toBe("sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
});

test("base64url with or without padding; what is not base64url is undefined", () => {
  expect(toBase64Url(new Uint8Array([255, 239]))).toBe("_-8");
  expect(fromBase64Url("_-8")).toEqual(new Uint8Array([255, 239]));
  expect(fromBase64Url("_-8=")).toEqual(new Uint8Array([255, 239]));
  expect(fromBase64Url("/+8=")).toBeUndefined();
  expect(fromBase64Url("_")).toBeUndefined();
});
