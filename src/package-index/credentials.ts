import { readFileSync } from "node:fs";
import type { IndexLocation } from "./index-settings.ts";
import { type NetrcEntry, parseNetrc } from "./netrc.ts";

/** Who dx-py is towards which server. Credentials live here, in memory, and leave only as an Authorization header. */
export interface Credentials {
  /** The value of `Authorization` for a URL, or `undefined`. Never one that was given for another origin. */
  forUrl(url: string): string | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

interface Account {
  origin: string;
  path: string;
  header: string;
}

/**
 * From an index's URL, `DX_PY_INDEX_<NAME>_USERNAME` and `…_PASSWORD` (or `UV_INDEX_…`), then `.netrc` (NETRC, else in
 * the home folder). The account of an index holds for its origin: files usually lie beside the pages.
 */
export function createCredentials(locations: readonly IndexLocation[], env: Env): Credentials {
  const accounts = locations.flatMap((location) => accountOf(location, env));
  let netrc: Map<string, NetrcEntry> | undefined;
  return {
    forUrl(text) {
      const url = tryUrl(text);
      if (url === undefined || url.protocol === "file:") return undefined;
      if (url.username !== "") return basic(decode(url.username), decode(url.password));
      const own = accounts.filter(({ origin }) => origin === url.origin);
      const nearest = own.find(({ path }) => url.pathname.startsWith(path)) ?? own[0];
      if (nearest !== undefined) return nearest.header;
      netrc ??= readNetrc(env);
      const entry = netrc.get(url.hostname) ?? netrc.get("default");
      return entry === undefined ? undefined : basic(entry.login, entry.password);
    },
  };
}

function accountOf(location: IndexLocation, env: Env): Account[] {
  const url = tryUrl(location.url);
  if (url === undefined || url.protocol === "file:") return [];
  const name = location.name?.toUpperCase().replace(/[^A-Z0-9]/g, "_");
  const said = (what: string) =>
    name === undefined ? undefined : (env[`DX_PY_INDEX_${name}_${what}`] ?? env[`UV_INDEX_${name}_${what}`]);
  const username = said("USERNAME") ?? decode(url.username);
  const password = said("PASSWORD") ?? decode(url.password);
  if (username === "" && password === "") return [];
  return [{ origin: url.origin, path: url.pathname, header: basic(username, password) }];
}

function readNetrc(env: Env): Map<string, NetrcEntry> {
  const home = env["HOME"] ?? env["USERPROFILE"] ?? "";
  const paths = env["NETRC"] ? [env["NETRC"]] : [`${home}/.netrc`, `${home}/_netrc`];
  for (const path of paths) {
    try {
      return parseNetrc(readFileSync(path, "utf8")) ?? new Map();
    } catch {
      // Most people have none.
    }
  }
  return new Map();
}

function basic(username: string, password: string): string {
  return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function tryUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** The same URL without user name and password: the only form that is stored, shown or compared. */
export function withoutCredentials(url: string): string {
  const scheme = url.indexOf("://");
  if (scheme < 0) return url;
  const rest = url.slice(scheme + 3);
  const authority = /^[^/?#\\]*/.exec(rest)![0];
  const at = authority.lastIndexOf("@");
  return at < 0 ? url : url.slice(0, scheme + 3) + rest.slice(at + 1);
}
