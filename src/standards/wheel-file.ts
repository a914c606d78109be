/** The file WHEEL in a wheel's `.dist-info` (binary distribution format 1.0; PEP 427). */
import { Failure } from "../platform/errors.ts";
import { quote } from "./caret.ts";
import { allFields, decodeHeaderText, firstField, readHeaderBlock } from "./header-fields.ts";
import { tryExpandTagSet } from "./tags.ts";

export interface WheelFile {
  /** Of the format, `1.0`: the same major, perhaps a newer minor version. */
  readonly wheelVersion: string;
  /** Whether the root of the archive goes to purelib rather than platlib. */
  readonly rootIsPurelib: boolean;
  /** Expanded. */
  readonly tags: readonly string[];
  readonly generator?: string;
  readonly build?: string;
}

/** Failure: DXPY_BAD_WHEEL when the format's version is missing or of another major than 1 (PEP 427, "Installing a wheel"). */
export function parseWheelFile(data: string | Uint8Array, options: { file?: string } = {}): WheelFile {
  const block = readHeaderBlock(decodeHeaderText(data));
  const wheelVersion = firstField(block, "wheel-version");
  if (wheelVersion === undefined) throw badWheel("its WHEEL file has no `Wheel-Version`", options.file);
  if (!/^1(?:\.[0-9]+)*$/.test(wheelVersion)) {
    throw badWheel(`its format version ${quote(wheelVersion)} is not 1.x`, options.file);
  }
  const generator = firstField(block, "generator");
  const build = firstField(block, "build");
  return {
    wheelVersion,
    rootIsPurelib: firstField(block, "root-is-purelib")?.toLowerCase() === "true",
    tags: allFields(block, "tag").flatMap((tag) => tryExpandTagSet(tag) ?? []),
    ...(generator === undefined ? undefined : { generator }),
    ...(build === undefined ? undefined : { build }),
  };
}

function badWheel(reason: string, file: string | undefined): Failure {
  return new Failure(
    "DXPY_BAD_WHEEL",
    `${file ?? "the wheel"} cannot be installed: ${reason}`,
    file === undefined ? {} : { context: { file } },
  );
}
