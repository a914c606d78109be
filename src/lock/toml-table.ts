import { Failure } from "../platform/errors.ts";

/** Checked access to the values of a parsed TOML table: a wrong type is a failure that names the key's path. */
export interface Table {
  /** Failure DXPY_BAD_PYLOCK about a key of this table, or about the table (`""`). */
  fault(key: string, what: string): Failure;
  string(key: string): string | undefined;
  required(key: string): string;
  boolean(key: string): boolean | undefined;
  /** From 0 to 2^53 − 1. */
  integer(key: string): number | undefined;
  /** Milliseconds since the epoch; a date-time without offset is taken as UTC. */
  moment(key: string): number | undefined;
  strings(key: string): string[] | undefined;
  table(key: string): Table | undefined;
  tables(key: string): Table[] | undefined;
  stringRecord(): Record<string, string>;
  /** A table of hex digests, put in lower case. */
  hashes(key: string): Record<string, string>;
  /** Reports keys that are none of these. */
  only(keys: ReadonlySet<string>): void;
}

type Data = Readonly<Record<string, unknown>>;
interface Place {
  file: string;
  report: (warning: string) => void;
}

/** `at` is the path of the table's key, as messages show it. */
export function tableReader(
  file: string,
  report: (warning: string) => void,
): (value: unknown, at: string) => Table {
  const place = { file, report };
  return (value, at) => tableAt(place, value, () => at);
}

/** Paths are made only when they are needed: a lock has tens of thousands of tables. */
function tableAt(place: Place, value: unknown, at: () => string): Table {
  if (!isData(value)) throw faultAt(place, at(), "is not a table");
  return new CheckedTable(place, value, at);
}

function isData(value: unknown): value is Data {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function faultAt(place: Place, at: string, what: string): Failure {
  return new Failure(
    "DXPY_BAD_PYLOCK",
    `${place.file}: ${at === "" ? "the document" : `\`${at}\``} ${what}`,
    {
      context: { path: place.file },
      exitCode: 2,
    },
  );
}

class CheckedTable implements Table {
  readonly #place: Place;
  readonly #data: Data;
  readonly #at: () => string;

  constructor(place: Place, data: Data, at: () => string) {
    this.#place = place;
    this.#data = data;
    this.#at = at;
  }

  #path(key: string): string {
    const at = this.#at();
    return at === "" || key === "" ? at + key : `${at}.${key}`;
  }

  /** Own members only: a key may be called `constructor`. */
  #get(key: string): unknown {
    return Object.hasOwn(this.#data, key) ? this.#data[key] : undefined;
  }

  fault(key: string, what: string): Failure {
    return faultAt(this.#place, this.#path(key), what);
  }

  string(key: string): string | undefined {
    const value = this.#get(key);
    if (value === undefined || typeof value === "string") return value;
    throw this.fault(key, "is not a string");
  }

  required(key: string): string {
    const value = this.string(key);
    if (value === undefined) throw this.fault(key, "is missing");
    return value;
  }

  boolean(key: string): boolean | undefined {
    const value = this.#get(key);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.fault(key, "is neither true nor false");
  }

  integer(key: string): number | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.fault(key, "is not a whole number from 0 to 2^53 − 1");
  }

  moment(key: string): number | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    const milliseconds = millisecondsOf(value);
    if (milliseconds === undefined || milliseconds < 0)
      throw this.fault(key, "is not a date and time since 1970");
    return milliseconds;
  }

  strings(key: string): string[] | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    throw this.fault(key, "is not an array of strings");
  }

  table(key: string): Table | undefined {
    const value = this.#get(key);
    return value === undefined ? undefined : tableAt(this.#place, value, () => this.#path(key));
  }

  tables(key: string): Table[] | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw this.fault(key, "is not an array of tables");
    return value.map((item, i) => tableAt(this.#place, item, () => `${this.#path(key)}[${i}]`));
  }

  stringRecord(): Record<string, string> {
    const entries = Object.keys(this.#data).map((key) => [key, this.required(key)] as const);
    return Object.fromEntries(entries);
  }

  hashes(key: string): Record<string, string> {
    const value = this.#get(key);
    if (value === undefined) return {};
    if (!isData(value)) throw this.fault(key, "is not a table");
    const hashes: [string, string][] = [];
    for (const algorithm of Object.keys(value)) {
      const digest = value[algorithm];
      if (typeof digest !== "string") throw this.fault(`${key}.${algorithm}`, "is not a string");
      hashes.push([algorithm, digest.toLowerCase()]);
    }
    return Object.fromEntries(hashes);
  }

  only(keys: ReadonlySet<string>): void {
    for (const key in this.#data) {
      if (!keys.has(key))
        this.#place.report(`${this.#place.file}: \`${this.#path(key)}\` is not known, and is read over`);
    }
  }
}

/** Bun's TOML parser gives Temporal objects. */
function millisecondsOf(value: unknown): number | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const moment = value as { epochMilliseconds?: unknown; toZonedDateTime?: unknown };
  if (typeof moment.epochMilliseconds === "number") return moment.epochMilliseconds;
  if (typeof moment.toZonedDateTime !== "function") return undefined;
  const milliseconds = Date.parse(`${String(value).replace(/(\.\d{3})\d+$/, "$1")}Z`);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}
