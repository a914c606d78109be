/** A package object of dx-py's own: a few files made in memory, in the store like any package. */
import { mkdirSync } from "node:fs";
import { loadBulkBlake3 } from "../platform/blake3.ts";
import type { Home } from "../platform/home.ts";
import { recordDigest } from "../platform/sha256.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import { describePackage } from "./describe-package.ts";
import { encodeManifest } from "./manifest.ts";
import type { PackageObject } from "./package-object.ts";
import { placeObject } from "./place-object.ts";
import { createTreeWriter } from "./tree-writer.ts";

export interface OwnPackage {
  name: string;
  version: string;
  /** Texts by path below `lib/`. */
  files: Readonly<Record<string, string>>;
  /** Text of `entry_points.txt`. */
  entryPoints?: string;
}

/** The same files give the same object. Failures as of `unpackWheel`. */
export async function placeOwnPackage(home: Home, own: OwnPackage): Promise<PackageObject> {
  const blake3 = await loadBulkBlake3();
  const distInfo = `${own.name.replaceAll("-", "_")}-${own.version}.dist-info`;
  const texts: Record<string, string> = {
    ...own.files,
    [`${distInfo}/METADATA`]: `Metadata-Version: 2.1\nName: ${own.name}\nVersion: ${own.version}\n`,
    [`${distInfo}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: dx-py\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    ...(own.entryPoints === undefined ? {} : { [`${distInfo}/entry_points.txt`]: own.entryPoints }),
  };
  const rows = Object.entries(texts).map(([path, text]) => {
    const bytes = new TextEncoder().encode(text);
    return `${path},${recordDigest(bytes)},${bytes.length}\n`;
  });
  texts[`${distInfo}/RECORD`] = `${rows.join("")}${distInfo}/RECORD,,\n`;
  const staging = createStaging(home);
  try {
    const tree = `${staging}/tree`;
    mkdirSync(tree);
    const writer = createTreeWriter(tree, blake3);
    for (const [path, text] of Object.entries(texts)) {
      const bytes = new TextEncoder().encode(text);
      writer.add(`lib/${path}`, false, bytes.length, (sink) => sink(bytes));
    }
    const manifest = encodeManifest(writer.entries);
    const outputHash = blake3.hash(manifest.bytes).toHex();
    const { object } = describePackage(tree, manifest.entries, distInfo, outputHash, own.name);
    placeObject(home.store, staging, tree, object, manifest);
    return object;
  } finally {
    removeTree(staging);
  }
}
