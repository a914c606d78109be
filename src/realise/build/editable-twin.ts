/**
 * A second checkout of a project (a git worktree) gets its editable from the first one's: the wheel of a usual backend says
 * where the folder is and nothing else of the place, so that the same wheel with the other path is what the backend would make.
 * Where anything is unusual, or the path stands where it is not expected, there is no twin, and the backend is asked.
 */
import { mkdirSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { ensureDir, writeFileAtomic } from "../../platform/atomic-file.ts";
import { blake3Bytes, blake3Hex } from "../../platform/blake3.ts";
import { createPortableBlake3 } from "../../platform/blake3-portable.ts";
import { recordDigest } from "../../platform/sha256.ts";
import { createStaging, removeTree } from "../../platform/staging.ts";
import { writeDrvOut } from "../../store/drv-out.ts";
import { encodeManifest } from "../../store/manifest.ts";
import type { PackageObject } from "../../store/package-object.ts";
import { placeObject } from "../../store/place-object.ts";
import { createTreeWriter } from "../../store/tree-writer.ts";
import type { AskedBuild } from "../asked-package.ts";
import { type BuildDerivation, type BuiltPackageDerivation, buildHash } from "../derivation.ts";
import { readDerivation, writeDerivation } from "../drv-store.ts";
import { findObject, findRealised } from "../find-realised.ts";
import type { RealiseContext } from "../realise-context.ts";
import { editableDigest } from "../source/directory-digest.ts";
import type { RealisedPackage } from "../wanted-package.ts";
import { checkoutInputs, namesFinder } from "./checkout-inputs.ts";

interface KnownEditable {
  /** Absolute folder that it leads to. */
  path: string;
  /** Output hash. */
  output: string;
  /** Build hash of the `build` derivation. */
  build: string;
}

/** More files than an editable has. */
const fileLimit = 200;

/** What a twin is made with. */
type TwinContext = Pick<RealiseContext, "home" | "store" | "build">;

/** The editable that `request` asks for, in another folder (absolute) than there; `undefined`: the backend is to be asked. */
export function editableOfCheckout(
  name: string,
  { build, ...rest }: BuiltPackageDerivation,
  folder: string,
  context: TwinContext,
): RealisedPackage | undefined {
  const source = { kind: "directory" as const, digest: editableDigest(folder), path: folder };
  const request = { ...rest, build: { ...build, source } };
  const hash = buildHash(request);
  const found = findRealised(hash, context.store);
  if (found !== undefined) return { name, derivation: hash, ...found };
  const asked = { kind: "build" as const, name, source: { ...source, editable: true }, request, hash };
  return editableTwin(asked, context);
}

/** The twin as a package of the store, with derivations of its own; `undefined`: the backend is to be asked. */
export function editableTwin(asked: AskedBuild, context: TwinContext): RealisedPackage | undefined {
  const found = twinFile(asked, context);
  const known = found && readKnown(found.file);
  if (found === undefined || known === undefined || known.path === found.path) return undefined;
  const build = readDerivation(context.store.levels, known.build);
  if (build?.kind !== "build" || findObject(known.output, context.store) === undefined) return undefined;
  const texts = movedFiles(known, found.path, context);
  if (texts === undefined) return undefined;
  const object = placeFiles(texts, known.output, context);
  record(asked, object, { build, hash: known.build }, context);
  return { name: asked.name, derivation: asked.hash, outputHash: object.outputHash, object, how: "built" };
}

/** What the backend made is there for the next checkout. */
export function rememberEditable(
  asked: AskedBuild,
  output: string,
  build: string,
  context: TwinContext,
): void {
  const found = twinFile(asked, context);
  if (found === undefined) return;
  const known: KnownEditable = { path: found.path, output, build };
  if (movedFiles(known, found.path, context) === undefined) return;
  ensureDir(`${context.home.index}/editables`);
  writeFileAtomic(found.file, JSON.stringify(known));
}

/** Where what is known of such checkouts is kept, and the folder, of whose path backends and Python make nothing unexpected. */
function twinFile(
  asked: AskedBuild,
  { home, build }: TwinContext,
): { file: string; path: string } | undefined {
  const { source, request } = asked;
  if (process.platform === "win32" || source.kind !== "directory" || !source.editable) return undefined;
  if (request === undefined || build?.sandbox === true || !/^(\/[A-Za-z0-9_.+@=~-]+)+$/.test(source.path))
    return undefined;
  try {
    // Backends take the path from the system, which knows no links.
    if (realpathSync(source.path) !== source.path) return undefined;
  } catch {
    return undefined;
  }
  const inputs = checkoutInputs(request, source.path);
  return inputs === undefined
    ? undefined
    : { file: `${home.index}/editables/${inputs}.json`, path: source.path };
}

function readKnown(file: string): KnownEditable | undefined {
  try {
    const value = JSON.parse(readFileSync(file, "utf8")) as Partial<KnownEditable>;
    const hashes = [value.output, value.build].every((one) => /^[0-9a-f]{64}$/.test(String(one)));
    return hashes && typeof value.path === "string" ? (value as KnownEditable) : undefined;
  } catch {
    return undefined;
  }
}

/** `blake3`: of a text that stays as it is, 32 bytes. */
type Files = Map<string, { text: string; executable: boolean; blake3?: Uint8Array }>;

/** The files by path in the tree, with `to` where the path was; `undefined` where one holds more than the path and metadata. */
function movedFiles(known: KnownEditable, to: string, { store }: TwinContext): Files | undefined {
  const stored = store.open(known.output);
  try {
    const { distInfo } = stored.object;
    const entries = [...stored.manifest()];
    if (entries.length > fileLimit) return undefined;
    const listed = namesFinder(readdirSync(to));
    const files: Files = new Map();
    const changed = new Map<string, string>();
    for (const { path, executable, blake3 } of entries) {
      const text = asText(stored.file(path));
      if (text === undefined) return undefined;
      const finder = listed && /^lib\/__editable___[^/]+_finder\.py$/.test(path);
      const leads = finder || /^lib\/[^/]+\.pth$/.test(path);
      // pdm-backend packs what keeps its working folder out of git.
      if (!leads && !path.startsWith(`lib/${distInfo}/`) && path !== "lib/.gitignore") return undefined;
      const moved = leads ? replacePath(text, known.path, to) : text;
      // Whole or as the beginning of another: nowhere else may the path stand.
      if (moved === undefined || (!leads && text.includes(known.path))) return undefined;
      if (leads) changed.set(path.slice("lib/".length), moved);
      files.set(path, { text: moved, executable, ...(leads ? {} : { blake3: blake3.slice() }) });
    }
    const record = `lib/${distInfo}/RECORD`;
    const rows = movedRecord(files.get(record)?.text, changed);
    if (changed.size === 0 || rows === undefined) return undefined;
    return files.set(record, { text: rows, executable: files.get(record)!.executable });
  } finally {
    stored.close();
  }
}

function asText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** `undefined` where the path stands as a part of a longer name. */
function replacePath(text: string, from: string, to: string): string | undefined {
  const parts = text.split(from);
  const sound = parts.every((part, i) => {
    const endsWell = i === parts.length - 1 || /(^|[\n'"])$/.test(part);
    return endsWell && (i === 0 || /^($|[/\n'"])/.test(part));
  });
  return sound ? parts.join(to) : undefined;
}

/** RECORD with the hashes and sizes of the files that changed; `undefined` where it does not list them plainly. */
function movedRecord(record: string | undefined, changed: ReadonlyMap<string, string>): string | undefined {
  let rest = record;
  for (const [path, text] of changed) {
    const bytes = new TextEncoder().encode(text);
    const row = new RegExp(`(?<=^|\n)${RegExp.escape(path)},sha256=[A-Za-z0-9_-]{43},\\d+(?=\r?\n|$)`);
    if (rest === undefined || !row.test(rest)) return undefined;
    rest = rest.replace(row, () => `${path},${recordDigest(bytes)},${bytes.length}`);
  }
  return rest;
}

/** Of the package `from` (output hash), whose description holds for these files too: they have its names and its metadata. */
function placeFiles(files: Files, from: string, context: TwinContext): PackageObject {
  const described = context.store.readPackageObject(from);
  // By hand: there is little to hash, and loading what hashes fast takes longer.
  const known = new Map<Uint8Array, Uint8Array>();
  const hash = (bytes: Uint8Array) => known.get(bytes) ?? blake3Bytes(bytes);
  const staging = createStaging(context.home);
  try {
    const tree = `${staging}/tree`;
    mkdirSync(tree);
    const writer = createTreeWriter(tree, { hash, create: createPortableBlake3 });
    for (const [path, { text, executable, blake3 }] of files) {
      const bytes = new TextEncoder().encode(text);
      if (blake3 !== undefined) known.set(bytes, blake3);
      writer.add(path, executable, bytes.length, (sink) => sink(bytes));
    }
    const manifest = encodeManifest(writer.entries);
    const outputHash = blake3Hex(manifest.bytes);
    const bytes = manifest.entries.reduce((sum, { size }) => sum + size, 0);
    const object = { ...described, outputHash, bytes };
    placeObject(context.store.root, staging, tree, object, manifest);
    return object;
  } finally {
    removeTree(staging);
  }
}

/** As of a build, with the word that it was not one. */
function record(
  asked: AskedBuild,
  { outputHash }: PackageObject,
  from: { build: BuildDerivation; hash: string },
  { store }: TwinContext,
): void {
  const { root } = store;
  const request = asked.request!;
  const build = writeDerivation(root, { ...from.build, source: request.build.source, movedFrom: from.hash });
  writeDerivation(root, request);
  writeDrvOut(root, build, outputHash, {});
  writeDrvOut(root, asked.hash, outputHash, { build });
}
