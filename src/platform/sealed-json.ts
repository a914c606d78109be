/** JSON in a file that says whether it is whole: the SHA-256 of what follows (64 hex digits), a newline, the JSON in UTF-8. */
import { readFileSync, statSync } from "node:fs";

const DIGEST = 64;

/** The text of such a file. */
export function sealedJson(value: unknown): string {
  const text = `${JSON.stringify(value)}\n`;
  return `${sha256(text)}\n${text}`;
}

/** What is in it; `undefined` where there is none, or one of more than `most` bytes, or that was damaged. */
export function readSealedJson(path: string, most: number): unknown {
  try {
    if (statSync(path).size > most) return undefined;
    const text = readFileSync(path, "utf8");
    const content = text.slice(DIGEST + 1);
    if (text[DIGEST] !== "\n" || sha256(content) !== text.slice(0, DIGEST)) return undefined;
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

function sha256(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
