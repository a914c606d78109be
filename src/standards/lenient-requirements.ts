/**
 * Requirements and specifiers with the well-known faults of old packages, repaired, so that these packages still resolve.
 * For metadata of published packages only: what a person writes is read strictly.
 */

import { Failure } from "../platform/errors.ts";
import { parseRequirement, type Requirement } from "./requirements.ts";
import { parseSpecifierSet, type SpecifierSet, tryParseSpecifierSet } from "./specifiers.ts";

/** Tried one after the other, each on what the one before left, until the text can be read. */
const REPAIRS: readonly (readonly [fault: RegExp, mend: string])[] = [
  // `>=7.2.0<8.0.0`: a comma is missing.
  [/([\d*])([<>=~^!])/g, "$1,$2"],
  // `!=~5.0`.
  [/!=~\s*((?:\d+\.)*\d+)/g, "!=$1.*"],
  // `>=1.9.*`, `~=3.6.*`: the star goes with equality only.
  [/(<=|>=|<|>|~=)(\s*\d+(?:\.\d+)*)\.\*/g, "$1$2"],
  // `!=3.0*`: a dot is missing.
  [/((?:\d+\.)+\d+)\*/g, "$1.*"],
  // `>=3.6,`.
  [/,\s*(?=$|[;)])/g, ""],
  // `>dev`.
  [/>\s*dev/g, ">0.0.0dev"],
  // `>=9.0.0a1.0`.
  [/(\d+(?:\.\d+)*(?:a|b|rc|post|dev)\d+)\.0/g, "$1"],
  // `>= 2.7'`: a quote has strayed in.
  [/['"]/g, ""],
  // `~=3`: compatible with what, of one number? Read as `~=3.0`.
  [/~=(\s*)(\d+)(?![\d.])/g, "~=$1$2.0"],
  // `>=2.7.9.`: a dot too many.
  [/(\d)\.(?=\s*(?:$|[,;)]))/g, "$1"],
  // `=>3.6`, `=<4`.
  [/=([<>])(?!=)/g, "$1="],
  // `=1.0`, `= 1.0`: one equals sign.
  [/(^|[^=<>!~])=(?!=)/g, "$1=="],
];

const NAME_AND_EXTRAS = /^[ \t]*[A-Za-z0-9][A-Za-z0-9._-]*[ \t]*(?:\[[^\]]*\])?/;

/** As `parseRequirement`; a fault that is not among the known ones is its Failure, quoting the text as it was. */
export function parseRequirementLenient(text: string, options: { where?: string } = {}): Requirement {
  const strict = attempt(() => parseRequirement(text, options));
  if (!(strict instanceof Failure)) return strict;
  // Only the versions are mended: a name may end in a digit, and a marker has quotes and operators of its own.
  const name = NAME_AND_EXTRAS.exec(text)?.[0] ?? "";
  const semicolon = text.indexOf(";", name.length);
  const versions = text.slice(name.length, semicolon === -1 ? undefined : semicolon);
  const marker = semicolon === -1 ? "" : text.slice(semicolon);
  for (const mended of mend(versions)) {
    const requirement = attempt(() => parseRequirement(name + mended + marker, options));
    if (!(requirement instanceof Failure)) return { ...requirement, text };
  }
  throw strict;
}

/** As `parseSpecifierSet`, for `Requires-Python` of published packages. */
export function parseSpecifierSetLenient(text: string): SpecifierSet {
  const strict = tryParseSpecifierSet(text);
  if (strict !== undefined) return strict;
  for (const mended of mend(text)) {
    const set = tryParseSpecifierSet(mended);
    if (set !== undefined) return { ...set, text };
  }
  return parseSpecifierSet(text);
}

/** Longer texts are not mended: some of the faults take time that grows with the square of the length to look for. */
const MAX_LENGTH = 4096;

function* mend(text: string): Generator<string> {
  if (text.length > MAX_LENGTH) return;
  let mended = text;
  for (const [fault, replacement] of REPAIRS) {
    const next = mended.replace(fault, replacement);
    if (next === mended) continue;
    mended = next;
    yield mended;
  }
}

function attempt<T>(read: () => T): T | Failure {
  try {
    return read();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}
