/** Which binary caches hold for a command, in the order in which they are asked, and how the stores of a machine share. */
import { Failure } from "../platform/errors.ts";
import type { Substituter, SubstituterChain } from "../realise/substituters.ts";
import { createSharer, type Sharer } from "../store/share-object.ts";
import type { Store } from "../store/store.ts";
import type { ActContext } from "./act-context.ts";
import { type CacheEntry, SHARE, type StoreEntry } from "./cache-entry.ts";
import { oneOf } from "./setting-checks.ts";
import { type Environment, isTrue, type UserConfig } from "./settings.ts";
import type { ToolSettings } from "./tool-settings.ts";

/** A cache of the settings, with what variables say about it. */
export interface CacheChoice {
  url: string;
  priority: number;
  trustedKeys: readonly string[];
  push: boolean;
  /** Absolute, or with `~/`. */
  secretKeyFile?: string;
  token?: string;
}

const USUAL_PRIORITY = 50;

/**
 * The project's caches, those of `DX_PY_CACHE_URL` (white space between several), the user's own. The lowest priority first,
 * then this order. The same URL twice is one cache with the keys of both. A project's caches do not count for the
 * system's store: whoever may write a project must not decide what all users of a machine get.
 */
export function cacheChoices(
  tool: ToolSettings,
  user: UserConfig | undefined,
  env: Environment,
  options: { system?: boolean } = {},
): CacheChoice[] {
  const named = (env["DX_PY_CACHE_URL"] ?? "").split(/\s+/).filter((url) => url !== "");
  const common = (env["DX_PY_CACHE_TRUSTED_KEYS"] ?? "").split(/\s+/).filter((key) => key !== "");
  const entries: CacheEntry[] = [
    ...(options.system ? [] : (tool.cache ?? [])),
    ...named.map((url) => ({ url })),
    ...(user?.settings.cache ?? []),
  ];
  const choices = new Map<string, CacheChoice>();
  for (const entry of entries) {
    const known = choices.get(entry.url);
    const token = tokenFor(entry.name, env);
    const file =
      entry["secret-key-file"] ?? known?.secretKeyFile ?? (env["DX_PY_CACHE_SECRET_KEY_FILE"] || undefined);
    choices.set(entry.url, {
      url: entry.url,
      priority: known?.priority ?? entry.priority ?? USUAL_PRIORITY,
      trustedKeys: [...new Set([...(known?.trustedKeys ?? []), ...(entry["trusted-keys"] ?? []), ...common])],
      push: known?.push || (entry.push ?? isTrue(env["DX_PY_CACHE_PUSH"]) ?? false),
      ...(file === undefined ? {} : { secretKeyFile: file }),
      ...(token === undefined ? {} : { token }),
    });
  }
  return [...choices.values()].sort((a, b) => a.priority - b.priority);
}

/** `DX_PY_CACHE_<NAME>_TOKEN` for a cache with a name, else `DX_PY_CACHE_TOKEN`. */
export function tokenFor(name: string | undefined, env: Environment): string | undefined {
  const key = name?.toUpperCase().replace(/[^A-Z0-9]/g, "_");
  return (
    (key === undefined ? undefined : env[`DX_PY_CACHE_${key}_TOKEN`]) || env["DX_PY_CACHE_TOKEN"] || undefined
  );
}

/** Flags have no say here: the project, `DX_PY_STORE_SHARE` and `DX_PY_STORE_OPTIMISE`, the user. */
export function storeSettings(
  tool: ToolSettings,
  user: UserConfig | undefined,
  env: Environment,
): Required<StoreEntry> {
  const variable = env["DX_PY_STORE_SHARE"];
  const named = variable ? oneOf(...SHARE)(variable, "DX_PY_STORE_SHARE") : undefined;
  const settings = user?.settings.store;
  return {
    share: tool.store?.share ?? named ?? settings?.share ?? "auto",
    optimise: tool.store?.optimise ?? isTrue(env["DX_PY_STORE_OPTIMISE"]) ?? settings?.optimise ?? false,
  };
}

/** One chain for a whole command: a cache that failed once is left alone in builds within it too. */
const chains = new WeakMap<ActContext, SubstituterChain>();

/** Nothing is loaded, opened or asked before a package is missing. Offline, only folders count. */
export function substituterChain(
  choices: readonly CacheChoice[],
  folder: string,
  offline: boolean,
  context: ActContext,
): SubstituterChain {
  const known = chains.get(context);
  if (known !== undefined) return known;
  const chain = choices
    .filter(({ url }) => !offline || !/^(https?|s3):/i.test(url))
    .map((choice) => lazySubstituter(choice, folder, context));
  chains.set(context, chain);
  return chain;
}

function lazySubstituter(choice: CacheChoice, folder: string, context: ActContext): Substituter {
  let opened: Promise<Required<Substituter>> | undefined;
  const name = choice.url.replace(/\/\/[^/]*@/, "//").replace(/\?.*$/, "");
  const open = () => {
    opened ??= openSubstituter(choice, folder, context);
    return opened;
  };
  let wrong = false;
  return {
    name,
    async substitute(buildHash, store, pinned) {
      return wrong ? undefined : await (await open()).substitute(buildHash, store, pinned);
    },
    async prepare(closure, missing) {
      const substituter = await open().catch((error: unknown) => {
        wrong = true;
        throw error;
      });
      await substituter.prepare(closure, missing);
    },
    rest: async () => {
      if (!wrong) await (await open()).rest();
    },
  };
}

async function openSubstituter(
  choice: CacheChoice,
  folder: string,
  context: ActContext,
): Promise<Required<Substituter>> {
  const [{ openBackend }, { createCacheSubstituter }, { readTrustedKeys }] = await Promise.all([
    import("../binary-cache/open-backend.ts"),
    import("../binary-cache/cache-substituter.ts"),
    import("../binary-cache/signature.ts"),
  ]);
  const { token } = choice;
  const backend = openBackend(choice.url, {
    env: context.env,
    folder,
    ...(token === undefined ? {} : { token }),
  });
  const trusted = await readTrustedKeys(choice.trustedKeys, `\`trusted-keys\` of ${backend.name}`);
  return createCacheSubstituter({ backend, trusted, warn: (message) => context.warn(message) });
}

/** One for each command: it knows what the kernel has refused already, and counts. */
const sharers = new WeakMap<ActContext, Sharer>();

/** `undefined` where there is no system store below the user's. */
export function sharerFor(
  context: ActContext,
  store: Store,
  share: Required<StoreEntry>["share"],
): Sharer | undefined {
  const system = store.levels[1];
  if (system === undefined || share === "off") return undefined;
  const known = sharers.get(context) ?? createSharer({ home: context.home, system, first: share });
  sharers.set(context, known);
  return known;
}

/** What was shared, in words, for `-v`; `undefined` when nothing was. */
export function sharedText(context: ActContext): string | undefined {
  const sharer = sharers.get(context);
  if (sharer === undefined) return undefined;
  const { counts, reasons, addedBytes } = sharer;
  const ways = Object.entries(counts).filter(([, n]) => n > 0);
  if (ways.length === 0) return undefined;
  const words = {
    hardlink: "by hardlink",
    reflink: "by reflink",
    reference: "used in place",
    copy: "copied",
  };
  const done = ways.map(([way, n]) => `${n} ${words[way as keyof typeof words]}`).join(", ");
  const why = [...reasons].map(([way, reason]) => `no ${way}: ${reason}`).join(", ");
  return `system store: ${done}; ${addedBytes} bytes more on the disk${why === "" ? "" : ` (${why})`}`;
}

/** The text of a key file. Failure `DXPY_NO_KEY_FILE`. */
export async function readKeyFile(path: string, env: Environment): Promise<string> {
  const full = path.startsWith("~/") ? `${env["HOME"] ?? ""}${path.slice(1)}` : path;
  try {
    return await Bun.file(full).text();
  } catch (cause) {
    throw new Failure("DXPY_NO_KEY_FILE", `The key file ${path} cannot be read`, {
      context: { path },
      hint: "`dx-py cache keygen NAME` makes a pair of keys.",
      cause,
      exitCode: 2,
    });
  }
}
