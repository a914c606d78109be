/**
 * The system's store: one for all users of a machine, under each user's own. Its owner fills it (`dx-py --system …`);
 * everybody reads it. Who uses an object where it lies says so in its `roots/`, so that the owner's collector sees it.
 */
import { chmodSync, existsSync, lstatSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { ensureDir } from "../platform/atomic-file.ts";
import { Failure } from "../platform/errors.ts";
import type { Home } from "../platform/home.ts";
import { checkHash, names } from "./store-level.ts";

const USUAL_PLACE = "/var/lib/dx-py/store";
/** What a record of uses may hold: a hundred thousand objects. Bytes. */
const MAX_RECORD = 8 * 1024 * 1024;

type Env = Readonly<Record<string, string | undefined>>;

/** `DX_PY_SYSTEM_STORE`, else `/var/lib/dx-py/store`. */
export function systemStorePath(env: Env): string {
  const given = env["DX_PY_SYSTEM_STORE"];
  if (!given) return USUAL_PLACE;
  return given.length > 1 ? given.replace(/\/+$/, "") : given;
}

/** The system's store as one to look into: `undefined` where there is none, or where it is the user's own. */
export function systemStoreBelow(home: Pick<Home, "store">, env: Env): string | undefined {
  if (process.platform === "win32" && !env["DX_PY_SYSTEM_STORE"]) return undefined;
  const path = systemStorePath(env);
  if (path === home.store) return undefined;
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? path : undefined;
}

/** The folders of a command with `--system`: the store is the system's, the rest lies beside it. */
export function systemHome(env: Env): Home {
  const store = systemStorePath(env);
  const root = store.endsWith("/store") ? store.slice(0, -"/store".length) : `${store}.home`;
  return {
    root,
    layoutsIndex: `${root}/layouts.dxc`,
    layouts: `${root}/layouts`,
    store,
    roots: `${root}/roots`,
    index: `${root}/index`,
    interpreters: `${root}/interpreters`,
    tmp: `${root}/tmp`,
  };
}

/** Whether a command works on the system's store itself. */
export function isSystemHome(home: Pick<Home, "store">, env: Env): boolean {
  return home.store === systemStorePath(env);
}

/**
 * Makes the store with the folder in which others say what they use: theirs to write to, nobody's to remove from (sticky). Who does not own
 * it may look at what is there. Failure DXPY_STORE_UNWRITABLE where there is nothing, and it cannot be made.
 */
export function ensureSystemStore({ store }: Pick<Home, "store">): void {
  try {
    ensureDir(store);
    chmodSync(store, 0o755);
    ensureDir(`${store}/roots`);
    chmodSync(`${store}/roots`, 0o1777);
  } catch (cause) {
    const { code = "" } = cause as { code?: string };
    if (existsSync(store) && statSync(store).isDirectory()) return;
    throw new Failure("DXPY_STORE_UNWRITABLE", `the system's store cannot be made (${code})`, {
      context: { path: store },
      hint: "Run it as the user whose store it shall be (`sudo`), or name another folder in DX_PY_SYSTEM_STORE.",
      cause,
    });
  }
}

/** Notes that a user's home uses an object where it lies. False where that cannot be noted: then it must not be used so. */
export function noteUse(system: string, home: Pick<Home, "root">, hash: string): boolean {
  const path = recordPath(system, home);
  try {
    const known = readRecord(path);
    if (known?.hashes.has(hash)) return true;
    const head = known === undefined ? `${home.root}\n` : "";
    // One line, one write: records of several processes do not mix.
    writeFileSync(path, `${head}${checkHash(hash)}\n`, { flag: "a", mode: 0o644 });
    return true;
  } catch {
    return false;
  }
}

/** Keeps only the uses that are still needed. */
export function keepUses(system: string, home: Pick<Home, "root">, needed: ReadonlySet<string>): void {
  const path = recordPath(system, home);
  const known = readRecord(path);
  if (known === undefined) return;
  const kept = [...known.hashes].filter((hash) => needed.has(hash));
  if (kept.length === known.hashes.size) return;
  try {
    writeFileSync(path, [home.root, ...kept, ""].join("\n"), { mode: 0o644 });
  } catch {
    // It keeps more than it must.
  }
}

export interface StoreUse {
  /** The home that uses it. */
  home: string;
  hashes: ReadonlySet<string>;
}

/** Who uses what of this store. Records of homes that are gone do not count. */
export function usesOf(system: string): StoreUse[] {
  const uses: StoreUse[] = [];
  for (const name of names(`${system}/roots`)) {
    const record = readRecord(`${system}/roots/${name}`);
    if (record !== undefined && lstatSync(record.home, { throwIfNoEntry: false }) !== undefined) {
      uses.push(record);
    }
  }
  return uses;
}

function recordPath(system: string, home: Pick<Home, "root">): string {
  const uid = process.getuid?.() ?? 0;
  const name = new Bun.CryptoHasher("sha256").update(home.root).digest("hex").slice(0, 16);
  return `${system}/roots/${uid}-${name}`;
}

/** Anybody can write there: only plain files of a bounded size are read, and only what looks as it should counts. */
function readRecord(path: string): StoreUse | undefined {
  try {
    const stats = lstatSync(path);
    if (!stats.isFile() || stats.size > MAX_RECORD) return undefined;
    const [home = "", ...lines] = readFileSync(path, "utf8").split("\n");
    if (!home.startsWith("/") && !/^[A-Za-z]:/.test(home)) return undefined;
    return { home, hashes: new Set(lines.filter((line) => /^[0-9a-f]{64}$/.test(line))) };
  } catch {
    return undefined;
  }
}
