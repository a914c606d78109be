/**
 * Canonical JSON is the one spelling of a JSON value that RFC 8785 (JCS) allows: keys sorted by UTF-16 code units, no
 * whitespace, numbers as ECMAScript prints them. Equal values have equal bytes, so that their hash names them.
 */

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/**
 * RFC 8785 text of `value`. Throws TypeError for what JSON cannot say: `undefined`, NaN, infinities, lone surrogates,
 * functions. Depth is the caller's to bound.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return canonicalString(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`JSON has no number ${value}`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${Array.from(value, canonicalJson).join(",")}]`;
  if (typeof value !== "object") throw new TypeError(`JSON has no ${typeof value}`);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${members.map(([key, member]) => `${canonicalString(key)}:${canonicalJson(member)}`).join(",")}}`;
}

function canonicalString(text: string): string {
  if (!text.isWellFormed()) throw new TypeError("JSON text cannot hold a lone surrogate");
  return JSON.stringify(text);
}
