import fc from "fast-check";
import type { DplDigests } from "../dpl-writer.ts";
import type { Lock, LockedDependency, LockedFile, LockedPackage, LockedSource } from "../lock-model.ts";
import { canonicalLock } from "../lock-order.ts";
import { wheelBuildHash } from "../package-identity.ts";

/** Generators of valid locks for property tests. */

/** Any Unicode text, also empty, with controls and characters beyond the BMP; no lone surrogates. */
export const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.constantFrom(
    "",
    "\u{feff}x",
    "a'b\"c",
    "\u0000",
    "\u007f",
    "x\ny",
    "é",
    "𝒳",
    "__proto__",
    "constructor",
  ),
);

export const normalName = fc.stringMatching(/^[a-z0-9]{1,6}(-[a-z0-9]{1,4}){0,2}$/);
const hexDigest = fc.stringMatching(/^[0-9a-f]{64}$/);

export const anyVersion = fc.oneof(
  fc.tuple(fc.nat(30), fc.nat(30), fc.nat(30)).map((parts) => parts.join(".")),
  fc.tuple(fc.nat(), fc.nat()).map((parts) => parts.join(".")),
  fc.nat(3000).map(String),
  fc.constantFrom(
    "1!2.0",
    "1.0rc1",
    "1.2.3.4",
    "2.0.post1",
    "1.0+cu121",
    "01.2",
    "4294967295.0",
    "4294967296",
    "99999999999999999999.1",
    "",
    "no version",
    "0.0.0",
    "2024.10.22",
  ),
);

const optionalKeys = <T extends object>(
  model: { [K in keyof T]-?: fc.Arbitrary<T[K]> },
  required: (keyof T)[],
) => fc.record(model, { requiredKeys: required as never }) as unknown as fc.Arbitrary<T>;

const anyHashes = fc.oneof(
  hexDigest.map((sha256): Record<string, string> => ({ sha256 })),
  fc.record({ sha256: hexDigest, md5: fc.stringMatching(/^[0-9a-f]{32}$/), blake2b: hexDigest }),
  fc.record({ sha512: fc.stringMatching(/^[0-9a-f]{128}$/) }),
  fc.constant<Record<string, string>>({}),
  fc.constant<Record<string, string>>({ sha256: "abc" }),
);

const byteCount = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER));

/** Upload times up to the year 9999, which is as far as TOML goes. */
const moment = fc.integer({ min: 0, max: 253_402_300_799_999 });

function anyFile(text: fc.Arbitrary<string>, extension: string): fc.Arbitrary<LockedFile> {
  const name = fc
    .tuple(text, fc.nat())
    .map(([start, number]) => `${start.replace(/[/\\\0]/g, "_")}${number}${extension}`);
  const file = optionalKeys<LockedFile>(
    { name, url: text, path: text, size: byteCount, uploadTime: moment, hashes: anyHashes },
    ["name", "hashes"],
  );
  const served = fc.tuple(file, text).map(
    ([plain, start]): LockedFile => ({
      ...plain,
      url: `https://index.example/${encodeURI(start)}/${plain.name}`,
    }),
  );
  return fc.oneof(file, served);
}

export function anySource(text: fc.Arbitrary<string>): fc.Arbitrary<LockedSource> {
  return fc.oneof(
    optionalKeys<LockedSource & { kind: "index" }>({ kind: fc.constant("index" as const), url: text }, [
      "kind",
    ]),
    optionalKeys<LockedSource & { kind: "git" }>(
      {
        kind: fc.constant("git" as const),
        url: text,
        requestedRevision: text,
        commitId: text,
        subdirectory: text,
      },
      ["kind", "url", "commitId"],
    ),
    optionalKeys<LockedSource & { kind: "directory" }>(
      {
        kind: fc.constant("directory" as const),
        path: text,
        editable: fc.boolean(),
        virtual: fc.boolean(),
        subdirectory: text,
      },
      ["kind", "path", "editable"],
    ),
    optionalKeys<LockedSource & { kind: "archive" }>(
      {
        kind: fc.constant("archive" as const),
        url: text,
        path: text,
        size: byteCount,
        hashes: anyHashes,
        subdirectory: text,
      },
      ["kind", "hashes"],
    ),
  );
}

export interface LockChoices {
  name: fc.Arbitrary<string>;
  text: fc.Arbitrary<string>;
  maxPackages: number;
  maxExtras: number;
}

function anyDependency({ name, text, maxExtras }: LockChoices): fc.Arbitrary<LockedDependency> {
  const extra = fc.oneof(
    { weight: 3, arbitrary: name },
    { weight: 1, arbitrary: fc.nat(400).map((n) => `extra-${n}`) },
  );
  return optionalKeys<LockedDependency>(
    {
      name,
      version: anyVersion,
      extras: fc.uniqueArray(extra, { maxLength: maxExtras }),
      marker: text,
    },
    ["name"],
  );
}

export function anyPackage(choices: LockChoices): fc.Arbitrary<LockedPackage> {
  return optionalKeys<LockedPackage>(
    {
      name: choices.name,
      version: anyVersion,
      marker: choices.text,
      requiresPython: choices.text,
      source: anySource(choices.text),
      dependencies: fc.array(anyDependency(choices), { maxLength: 5 }),
      sdist: anyFile(choices.text, ".tar.gz"),
      wheels: fc.array(anyFile(choices.text, ".whl"), { maxLength: 5 }),
      outputs: fc.dictionary(hexDigest, hexDigest, { noNullPrototype: true, minKeys: 1, maxKeys: 3 }),
    },
    ["name", "source", "dependencies", "wheels"],
  ).map(withPinnedWheels);
}

/** Among what is pinned, as most is: wheels. */
function withPinnedWheels(entry: LockedPackage): LockedPackage {
  if (entry.outputs === undefined) return entry;
  const builds = entry.wheels.flatMap((wheel) => wheelBuildHash(wheel) ?? []);
  return {
    ...entry,
    outputs: { ...entry.outputs, ...Object.fromEntries(builds.map((build) => [build, "ab".repeat(32)])) },
  };
}

export function anyLock(choices: LockChoices): fc.Arbitrary<Lock> {
  const texts = fc.uniqueArray(choices.text, { maxLength: 4 });
  return optionalKeys<Lock>(
    {
      requiresPython: choices.text,
      environments: texts,
      forks: fc.uniqueArray(choices.text, { minLength: 1, maxLength: 4 }),
      extras: fc.uniqueArray(choices.name, { maxLength: 100 }),
      dependencyGroups: texts,
      defaultGroups: texts,
      packages: fc.array(anyPackage(choices), { maxLength: choices.maxPackages }),
      fingerprint: choices.text,
      options: fc.dictionary(choices.text, choices.text, { noNullPrototype: true, maxKeys: 4 }),
      settings: fc.dictionary(choices.text, choices.text, { noNullPrototype: true, minKeys: 1, maxKeys: 4 }),
    },
    ["environments", "extras", "dependencyGroups", "defaultGroups", "packages", "fingerprint", "options"],
  ).map(canonicalLock);
}

export const anyDigests: fc.Arbitrary<DplDigests> = fc.record({
  pylockSha256: hexDigest,
  inputs: fc.array(fc.record({ path: anyText, sha256: fc.oneof(hexDigest, fc.constant("")) }), {
    maxLength: 4,
  }),
});

/** A lock of `count` packages in the manner of real ones, for sizes that generators are too slow for. */
export function largeLock(count: number, wheels = 2): Lock {
  const packages = Array.from({ length: count }, (_, i): LockedPackage => {
    const name = `package-${String(i).padStart(5, "0")}`;
    return {
      name,
      version: `${i % 40}.${i % 7}.${i % 11}`,
      source: { kind: "index", url: "https://index.example/simple" },
      dependencies: [{ name: `package-${String((i * 7 + 1) % count).padStart(5, "0")}` }],
      wheels: Array.from({ length: wheels }, (_, w) => ({
        name: `${name}-cp3${String(w).padStart(2, "0")}.whl`,
        url: `https://index.example/files/${i}/${name}-cp3${String(w).padStart(2, "0")}.whl`,
        size: i * 1000 + w,
        hashes: { sha256: (i * 100 + w).toString(16).padStart(64, "0") },
      })),
    };
  });
  return canonicalLock({
    requiresPython: ">=3.9",
    environments: [],
    extras: [],
    dependencyGroups: [],
    defaultGroups: [],
    packages,
    fingerprint: "00",
    options: {},
  });
}
