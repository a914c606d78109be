import { expect, test } from "bun:test";
import fc from "fast-check";
import { blake3Hex } from "../platform/blake3.ts";
import { Failure } from "../platform/errors.ts";
import { textsByHash } from "./cached-derivations.ts";
import {
  closureKey,
  compressedLimit,
  environmentText,
  infoText,
  type Mapping,
  mappingText,
  objectPath,
  parseEnvironment,
  parseInfo,
  parseMapping,
  pathKind,
  signedText,
} from "./protocol.ts";
import {
  generateKeys,
  readPublicKey,
  readSecretKey,
  readTrustedKeys,
  signMapping,
  verifyMapping,
} from "./signature.ts";

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes.toHex());
const signature = fc.record({
  key: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,10}$/),
  signature: fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => bytes.toBase64()),
});
const mapping: fc.Arbitrary<Mapping> = fc.record({
  format: fc.constant(1 as const),
  buildHash: hash,
  outputHash: hash,
  size: fc.integer({ min: 1, max: 32 * 1024 ** 3 }),
  references: fc.record({ build: hash, fetch: hash }, { requiredKeys: [] }),
  signatures: fc.array(signature, { maxLength: 16 }),
});
const encode = (text: string) => new TextEncoder().encode(text);

test("mappings, environments and infos: written, then read, they are the same", () => {
  fc.assert(
    fc.property(mapping, (one) => {
      expect(parseMapping(encode(mappingText(one)), one.buildHash, "c")).toEqual(one);
    }),
  );
  fc.assert(
    fc.property(fc.uniqueArray(mapping, { selector: (m) => m.buildHash, maxLength: 5 }), (mappings) => {
      const key = closureKey(mappings.map((one) => one.buildHash));
      const read = parseEnvironment(encode(environmentText({ format: 1, mappings })), key, "c");
      expect(read.mappings).toEqual([...mappings].sort((a, b) => (a.buildHash < b.buildHash ? -1 : 1)));
    }),
  );
  expect(parseInfo(encode(infoText({ format: 1, package: 1, priority: 3, keys: ["a:b"] })), "c")).toEqual({
    format: 1,
    package: 1,
    priority: 3,
    keys: ["a:b"],
  });
});

test("texts are canonical: members in the order of their names", () => {
  fc.assert(
    fc.property(mapping, (one) => {
      const sorted = (value: unknown): unknown => {
        if (Array.isArray(value)) return value.map(sorted);
        if (typeof value !== "object" || value === null) return value;
        return Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([k, v]) => [k, sorted(v)]),
        );
      };
      const text = mappingText(one);
      expect(text).toBe(JSON.stringify(sorted(JSON.parse(text))));
      const signed = new TextDecoder().decode(signedText(one)).split("\n");
      expect(signed[0]).toBe("dx-py binary cache mapping");
      expect(signed[1]).toBe(JSON.stringify(sorted(JSON.parse(signed[1]!))));
    }),
  );
});

test("anything at all is a mapping or a Failure, never another error", () => {
  const readers = [
    (bytes: Uint8Array) => parseMapping(bytes, "0".repeat(64), "c"),
    (bytes: Uint8Array) => parseEnvironment(bytes, "0".repeat(64), "c"),
    (bytes: Uint8Array) => parseInfo(bytes, "c"),
  ];
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map(encode),
    fc.record({ format: fc.anything(), buildHash: fc.anything(), mappings: fc.anything() }).map((v) => {
      try {
        return encode(JSON.stringify(v) ?? "");
      } catch {
        return encode("");
      }
    }),
    fc.tuple(mapping, fc.string(), fc.json()).map(([one, key, value]) => {
      return encode(mappingText(one).replace(/"size":\d+/, `"size":${value},${JSON.stringify(key)}:1`));
    }),
  );
  fc.assert(
    fc.property(anything, (bytes) => {
      for (const read of readers) {
        try {
          read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
        }
      }
    }),
  );
});

test("paths: those of the protocol and no other", () => {
  const a = "ab".repeat(32);
  expect(pathKind(objectPath(a))).toEqual({ kind: "object", hash: a });
  expect(pathKind(`drv-out/${a}`)?.kind).toBe("mapping");
  expect(pathKind(`drv/${a}.drv`)?.kind).toBe("derivation");
  expect(pathKind(`env/${a}`)?.kind).toBe("environment");
  expect(pathKind("dx-cache-info")?.kind).toBe("info");
  for (const path of [
    "",
    "/",
    "../dx-cache-info",
    `drv-out/${a}/..`,
    `drv-out/${a.toUpperCase()}`,
    `drv/${a}`,
    `env/${a}.drv`,
    `store/cd/ab/${a}.dxpkg.zst`,
    `store/ab/ab/${a}.dxpkg`,
    `drv-out/${a}\n`,
  ]) {
    expect(pathKind(path)).toBeUndefined();
  }
});

test("what an environment says of fetches is texts, of which each counts under its own hash", async () => {
  const key = closureKey([]);
  const read = (fetches: unknown) =>
    parseEnvironment(encode(JSON.stringify({ format: 1, mappings: [], fetches })), key, "c");
  expect(read(["{}"]).fetches).toEqual(["{}"]);
  expect(read(undefined)).toEqual({ format: 1, mappings: [] });
  for (const bad of ["text", [1], [{}], ["x".repeat(70_000)], Array(20_001).fill("")])
    expect(() => read(bad)).toThrow("its fetches are no list of texts");
  const texts = await textsByHash(["a", "b"]);
  expect([...texts.keys()]).toEqual([blake3Hex("a"), blake3Hex("b")]);
});

test("the name of an environment depends on which packages it has, not on their order", () => {
  const [a, b] = ["aa".repeat(32), "bb".repeat(32)];
  expect(closureKey([a, b])).toBe(closureKey([b, a, a]));
  expect(closureKey([a])).not.toBe(closureKey([a, b]));
  // As the page of the format has it.
  expect(compressedLimit(1000)).toBe(1000 + 8 + 1024);
});

test("signatures: by the key, over the mapping with its build hash", async () => {
  const keys = await generateKeys("team-1");
  const secret = await readSecretKey(`${keys.secret}\n`, "the file");
  expect(secret.publicText).toBe(keys.public);
  const trusted = await readTrustedKeys([keys.public], "settings");
  const unsigned = {
    format: 1 as const,
    buildHash: "11".repeat(32),
    outputHash: "22".repeat(32),
    size: 7,
    references: {},
  };
  const good: Mapping = { ...unsigned, signatures: [await signMapping(unsigned, secret)] };
  expect(await verifyMapping(good, trusted)).toEqual({ signer: "team-1" });
  for (const change of [
    { buildHash: "33".repeat(32) },
    { outputHash: "33".repeat(32) },
    { size: 8 },
    { references: { build: "33".repeat(32) } },
  ]) {
    expect(await verifyMapping({ ...good, ...change }, trusted)).toBe("wrong");
  }
  expect(await verifyMapping(good, new Map())).toBe("unknown");
  expect(await verifyMapping({ ...good, signatures: [] }, trusted)).toBe("unknown");
  // A signature of somebody else beside a good one takes nothing from it.
  const other = { key: "other", signature: good.signatures[0]!.signature };
  expect(await verifyMapping({ ...good, signatures: [other, ...good.signatures] }, trusted)).toEqual({
    signer: "team-1",
  });
});

test("a known signature: RFC 8032, 7.1, test 1", async () => {
  const seed = Uint8Array.fromHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  const point = Uint8Array.fromHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const secret = await readSecretKey(`rfc:${Buffer.concat([seed, point]).toBase64()}`, "the RFC");
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", secret.key, new Uint8Array()));
  expect(signature.toHex()).toBe(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  );
});

test("what is not a key is said to be none, without showing it", async () => {
  const { secret, public: open } = await generateKeys("k");
  const bytes = Uint8Array.fromBase64(secret.slice(2));
  bytes[40]! ^= 1;
  for (const [read, text] of [
    [readPublicKey, secret],
    [readPublicKey, "k:AAAA"],
    [readPublicKey, "no colon"],
    [readPublicKey, ":AAAA"],
    [readPublicKey, "a/b:AAAA"],
    [readPublicKey, "k:%%%"],
    [readSecretKey, open],
    [readSecretKey, `k:${bytes.toBase64()}`],
  ] as const) {
    const failure = await read(text, "the file").then(
      () => undefined,
      (error) => error as Failure,
    );
    expect(failure).toBeInstanceOf(Failure);
    expect(failure?.code).toBe("DXPY_BAD_KEY");
    expect(failure?.message).not.toContain(secret.slice(2, 20));
  }
  await expect(readTrustedKeys([open, (await generateKeys("k")).public], "settings")).rejects.toThrow(
    "two different keys",
  );
});
