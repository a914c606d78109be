/**
 * `dx-py-layout.json` in a layout's prefix describes it: what the index is rebuilt from, and what a full verification
 * compares with. The layout's contents, not its times.
 */
import { readFileSync } from "node:fs";
import type { Home } from "../platform/home.ts";
import { namesIn } from "../platform/names-in.ts";
import { type LayoutRecord, UNKNOWN_STAMPS } from "./dxc-format.ts";
import type { LinkMode } from "./layout-plan.ts";

export const DESCRIPTION_FILE = "dx-py-layout.json";
const MAX_DESCRIPTION = 64 * 1024 * 1024;

export interface LayoutDescription {
  format: 1;
  projectHash: string;
  /** Milliseconds since the epoch. */
  created: number;
  linkMode: LinkMode;
  realPaths: string[];
  prompt?: string;
  /**
   * The prefix belongs to one project. `detached`: by wish, until it is removed; `wanted`: as long as the settings say so;
   * `fallback`: because no layout could be made.
   */
  private?: "detached" | "wanted" | "fallback";
  interpreter: {
    executable: string;
    version: string;
    /** Decimal: bytes, and nanoseconds since the epoch. */
    size: string;
    mtimeNs: string;
  };
  /** Relative to the prefix. */
  sitePackages: string;
  scripts: string;
  packages: DescribedPackage[];
}

export interface DescribedPackage {
  name: string;
  version: string;
  outputHash: string;
  /** Text of `direct_url.json`. */
  directUrl?: string;
  /** Absolute path of the project, for editables. */
  editable?: string;
}

/** The description of the layout at `path`; `undefined` when there is none that makes sense. */
export function readDescription(path: string): LayoutDescription | undefined {
  try {
    const text = readFileSync(`${path}/${DESCRIPTION_FILE}`, "utf8");
    if (text.length > MAX_DESCRIPTION) return undefined;
    const value: unknown = JSON.parse(text);
    return isDescription(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isDescription(value: unknown): value is LayoutDescription {
  const v = value as Partial<LayoutDescription> | null;
  return (
    typeof v === "object" &&
    v !== null &&
    v.format === 1 &&
    typeof v.projectHash === "string" &&
    hashBytes(v.projectHash) !== undefined &&
    isCount(v.created) &&
    typeof v.interpreter === "object" &&
    v.interpreter !== null &&
    typeof v.interpreter.executable === "string" &&
    isDecimal(v.interpreter.size) &&
    isDecimal(v.interpreter.mtimeNs) &&
    isInside(v.sitePackages) &&
    isInside(v.scripts) &&
    Array.isArray(v.packages) &&
    v.packages.every((p) => typeof p?.name === "string" && hashBytes(String(p.outputHash)) !== undefined)
  );
}

/** 32 bytes of a hash in lower-case hex; `undefined` when the text is not 64 such digits. */
function hashBytes(text: string): Uint8Array | undefined {
  return /^[0-9a-f]{64}$/.test(text) ? Uint8Array.fromHex(text) : undefined;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isDecimal(value: unknown): boolean {
  return typeof value === "string" && /^\d{1,19}$/.test(value);
}

function isInside(value: unknown): boolean {
  return (
    typeof value === "string" &&
    value.length < 4096 &&
    !value.startsWith("/") &&
    !value.split("/").includes("..")
  );
}

/**
 * The records of all layouts that describe themselves, with unknown times: each is verified before it is used again. Those named in
 * `besides` (project hashes) are passed over.
 */
export function describedLayouts(home: Home, besides: ReadonlySet<string> = new Set()): LayoutRecord[] {
  const records: LayoutRecord[] = [];
  for (const name of namesIn(home.layouts)) {
    if (besides.has(name)) continue;
    const key = hashBytes(name);
    const description = key && readDescription(`${home.layouts}/${name}`);
    if (key === undefined || description?.projectHash !== name) continue;
    records.push({
      kind: "layout",
      key,
      created: description.created,
      packages: description.packages.length,
      links: 0,
      stamps: UNKNOWN_STAMPS,
      interpreterSize: BigInt(description.interpreter.size),
      interpreterMtimeNs: BigInt(description.interpreter.mtimeNs),
      sitePackages: description.sitePackages,
      scripts: description.scripts,
    });
  }
  return records;
}
