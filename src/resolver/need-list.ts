import type { MarkerArena } from "../standards/marker-algebra/marker-arena.ts";
import { falseMarker } from "../standards/marker-algebra/marker-arena.ts";
import { normalizeExtra, normalizeName } from "../standards/names.ts";
import { markerForExtra, type Need } from "./needs.ts";

/** A requirement that cannot be read makes its version unusable: why, in words. */
export interface UnusableVersion {
  problem: string;
}

/** One line of metadata: read when it is needed. `extra`: the only one that it can count for. */
interface Line {
  text: string;
  extra: string | undefined;
  /** Whether `extra` occurs in a way that only reading the marker tells apart. */
  unclear: boolean;
}

/**
 * The requirements of one version, by extra. Most lines of most packages are for extras that nobody asks for: these
 * are told apart by their last words and never read.
 */
export class NeedList {
  readonly #lines: Line[];
  readonly #arena: MarkerArena;
  readonly #read: (text: string) => Need | UnusableVersion;
  #byExtra = new Map<string, readonly Need[] | UnusableVersion>();
  #selfReferring: boolean | undefined;

  constructor(
    requiresDist: readonly string[],
    arena: MarkerArena,
    read: (text: string) => Need | UnusableVersion,
  ) {
    this.#lines = requiresDist.map(lineOf);
    this.#arena = arena;
    this.#read = read;
  }

  /** What is required for an extra beyond the base requirements, or the base requirements: `extra` is answered in the markers. */
  for(extra: string | undefined): readonly Need[] | UnusableVersion {
    const key = extra ?? "";
    let needs = this.#byExtra.get(key);
    if (needs === undefined) {
      needs = this.#select(extra);
      this.#byExtra.set(key, needs);
    }
    return needs;
  }

  /** Whether some requirement names an extra of the project itself. */
  refersTo(owner: string): boolean {
    this.#selfReferring ??= this.#lines.some(({ text }) => {
      const match = /^\s*([A-Za-z0-9._-]+)\s*\[/.exec(text);
      return match !== null && normalizeName(match[1]!) === owner;
    });
    return this.#selfReferring;
  }

  #select(extra: string | undefined): Need[] | UnusableVersion {
    const out: Need[] = [];
    for (const line of this.#lines) {
      if (!line.unclear && line.extra !== extra) continue;
      const need = this.#read(line.text);
      if ("problem" in need) return need;
      const marker = markerForExtra(this.#arena, need.marker, extra);
      if (marker !== falseMarker) out.push(marker === need.marker ? need : { ...need, marker });
    }
    return out;
  }
}

const onlyExtra = /^(.*?)(?:\band\s+)?\(?\s*extra\s*==\s*["']([^"']+)["']\s*\)?\s*$/s;

function lineOf(text: string): Line {
  const at = text.indexOf(";");
  const first = at < 0 ? -1 : text.indexOf("extra", at);
  if (first < 0) return { text, extra: undefined, unclear: false };
  const match = onlyExtra.exec(text.slice(at + 1));
  if (match === null || text.indexOf("extra", first + 5) >= 0)
    return { text, extra: undefined, unclear: true };
  const before = match[1]!.trim();
  if (/\bor\b/.test(before) && !isOneGroup(before)) return { text, extra: undefined, unclear: true };
  return { text, extra: normalizeExtra(match[2]!), unclear: false };
}

/** Whether a text is one pair of parentheses around all of it. */
function isOneGroup(text: string): boolean {
  if (!text.startsWith("(")) return false;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "(") depth += 1;
    else if (text[i] === ")") depth -= 1;
    if (depth === 0) return i === text.length - 1;
  }
  return false;
}
