/** Core metadata, METADATA in wheels and PKG-INFO in sdists (core metadata specification; PEP 566, 643, 685, 753). */
import { Failure } from "../platform/errors.ts";
import { quote } from "./caret.ts";
import {
  allFields,
  decodeHeaderText,
  decodeHeadOnly,
  firstField,
  type HeaderBlock,
  readHeaderBlock,
  unfold,
} from "./header-fields.ts";
import { isValidName, normalizeExtra } from "./names.ts";

/** What resolving and installing need. */
export interface CoreMetadata {
  readonly metadataVersion: string;
  /** As written. */
  readonly name: string;
  /** As written: old packages have versions that PEP 440 does not know. */
  readonly version: string;
  readonly requiresPython?: string;
  /** As written: see `parseRequirementLenient`. */
  readonly requiresDist: readonly string[];
  /** Normalised, each once. */
  readonly providesExtra: readonly string[];
  /** Names of the fields that a build may change (PEP 643), in lower case: `requires-dist`. */
  readonly dynamic: readonly string[];
}

/** Every field by its name in lower case, values in their order. */
export interface FullMetadata extends CoreMetadata {
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly summary?: string;
  /** From the body, or from the field of metadata before 2.1. */
  readonly description?: string;
  readonly license?: string;
  readonly licenseExpression?: string;
  readonly homePage?: string;
  /** Label and URL. */
  readonly projectUrls: readonly (readonly [string, string])[];
}

/**
 * Reads what is there, as pip and uv do: of a field that should be single the first counts, unknown fields and versions of
 * the format are no errors, the description is not looked at. Failure: DXPY_BAD_METADATA when name or version is missing.
 */
export function parseMetadata(data: string | Uint8Array, options: { file?: string } = {}): CoreMetadata {
  return coreOf(readHeaderBlock(decodeHeadOnly(data)), options.file);
}

function coreOf(block: HeaderBlock, file: string | undefined): CoreMetadata {
  const name = required(block, "name", "Name", file);
  if (!isValidName(name)) throw badMetadata(`${quote(name)} is not the name of a project`, file);
  const requiresPython = firstField(block, "requires-python");
  return {
    metadataVersion: firstField(block, "metadata-version") ?? "1.0",
    name,
    version: required(block, "version", "Version", file),
    ...(requiresPython === undefined || requiresPython === "" ? undefined : { requiresPython }),
    requiresDist: allFields(block, "requires-dist"),
    providesExtra: [...new Set(allFields(block, "provides-extra").map(normalizeExtra))],
    dynamic: allFields(block, "dynamic").map((field) => field.toLowerCase()),
  };
}

function required(block: HeaderBlock, field: string, shown: string, file: string | undefined): string {
  const value = firstField(block, field);
  if (value !== undefined && value !== "") return value;
  throw badMetadata(`the metadata has no \`${shown}\``, file);
}

function badMetadata(message: string, file: string | undefined): Failure {
  const place = file === undefined ? "" : `${file}: `;
  return new Failure("DXPY_BAD_METADATA", place + message, file === undefined ? {} : { context: { file } });
}

/** As `parseMetadata`, with every field and the description. */
export function fullMetadata(data: string | Uint8Array, options: { file?: string } = {}): FullMetadata {
  const block = readHeaderBlock(decodeHeaderText(data));
  const fields = new Map<string, string[]>();
  for (const [name, value] of block.fields) {
    const shown = KEEPS_LINES.has(name) ? value : unfold(value);
    const values = fields.get(name);
    if (values === undefined) fields.set(name, [shown]);
    else values.push(shown);
  }
  const description = block.body === "" ? fields.get("description")?.[0] : block.body;
  const optional = {
    summary: fields.get("summary")?.[0],
    description,
    license: fields.get("license")?.[0],
    licenseExpression: fields.get("license-expression")?.[0],
    homePage: fields.get("home-page")?.[0],
  };
  return {
    ...coreOf(block, options.file),
    ...withoutAbsent(optional),
    fields,
    projectUrls: (fields.get("project-url") ?? []).map(readProjectUrl),
  };
}

const KEEPS_LINES: ReadonlySet<string> = new Set(["description", "license"]);

function readProjectUrl(value: string): readonly [string, string] {
  const comma = value.indexOf(",");
  return comma === -1 ? ["", value] : [value.slice(0, comma).trim(), value.slice(comma + 1).trim()];
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutAbsent<T extends Record<string, unknown>>(values: T): Present<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>;
}
