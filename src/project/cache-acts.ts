/** Binary caches as whole acts: pushing packages and environments, pulling a project, looking a cache over. */

import { type CacheBackend, readBytes } from "../binary-cache/backend.ts";
import { openBackend } from "../binary-cache/open-backend.ts";
import { type CacheInfo, INFO_PATH, LIMITS, parseInfo } from "../binary-cache/protocol.ts";
import { type PushOutcome, pushPackages } from "../binary-cache/push.ts";
import { shareablePackages } from "../binary-cache/shareable.ts";
import {
  readSecretKey,
  readTrustedKeys,
  type SecretKey,
  type TrustedKeys,
} from "../binary-cache/signature.ts";
import { type CheckedMapping, listFolder, verifyCache } from "../binary-cache/verify-cache.ts";
import { selectPackages } from "../environment/select.ts";
import { Failure } from "../platform/errors.ts";
import { askFor } from "../realise/asked-package.ts";
import { realisePackages } from "../realise/realise-packages.ts";
import { isShareable, type PulledPackages, pullPackages, shareableOf } from "../realise/share-packages.ts";
import { normalizeName } from "../standards/names.ts";
import { whileInstalling } from "../store/store-lock.ts";
import type { ActContext } from "./act-context.ts";
import { openStores } from "./build-hooks.ts";
import { type CacheChoice, cacheChoices, readKeyFile, tokenFor } from "./cache-settings.ts";
import { type ReadyOptions, withReadyProject } from "./ready-project.ts";
import type { UserConfig } from "./settings.ts";
import type { ToolSettings } from "./tool-settings.ts";

export interface CacheActOptions {
  context: ActContext;
  user: UserConfig | undefined;
  /** Of the project, where there is one. */
  tool: ToolSettings;
  /** Where relative paths start. */
  folder: string;
}

/** A cache by URL, with what the settings say about that URL: a token, keys. */
export function cacheAt(
  url: string,
  { context, user, tool, folder }: CacheActOptions,
): { backend: CacheBackend; choice: CacheChoice | undefined } {
  const choice = cacheChoices(tool, user, context.env).find((one) => one.url === url);
  const token = choice?.token ?? tokenFor(undefined, context.env);
  const { env } = context;
  return {
    backend: openBackend(url, { env, folder, ...(token === undefined ? {} : { token }) }),
    choice,
  };
}

/** The key to sign with: the file that is given, else that of the cache's settings, else `DX_PY_CACHE_SECRET_KEY_FILE`. */
export async function signingKey(
  given: string | undefined,
  choice: CacheChoice | undefined,
  context: ActContext,
): Promise<SecretKey | undefined> {
  const file = given ?? choice?.secretKeyFile ?? (context.env["DX_PY_CACHE_SECRET_KEY_FILE"] || undefined);
  if (file === undefined) return undefined;
  return await readSecretKey(await readKeyFile(file, context.env), file);
}

export interface PushRequest extends CacheActOptions {
  to: string;
  keyFile?: string;
  /** Everything of the user's store. */
  all?: boolean;
  /** Names, or `name==version`. */
  packages?: readonly string[];
  /** A project's environment: it is made complete first, then pushed with its name. */
  project?: ReadyOptions;
  onPushed?: (pushed: { name: string; bytes: number; done: number; total: number }) => void;
}

/** Failures: those of `pushPackages`; `DXPY_NOT_IN_STORE` for a name that the store does not have. */
export async function push(request: PushRequest): Promise<PushOutcome & { signedBy: string | undefined }> {
  const { context } = request;
  const { backend, choice } = cacheAt(request.to, request);
  const key = await signingKey(request.keyFile, choice, context);
  const store = openStores(context);
  const outcome = await whileInstalling(context.home, async () => {
    const environment = request.project === undefined ? [] : await projectPackages(request.project);
    const others =
      request.all || (request.packages?.length ?? 0) > 0
        ? chosen(await shareablePackages(store), request)
        : [];
    return await pushPackages({
      store,
      backend,
      packages: [...environment, ...others],
      closures: environment.length === 0 ? [] : [environment.map(({ buildHash }) => buildHash)],
      ...(key === undefined ? {} : { key }),
      ...(request.onPushed === undefined ? {} : { onPushed: request.onPushed }),
      warn: (message) => context.warn(message),
    });
  });
  return { ...outcome, signedBy: key?.name };
}

async function projectPackages(project: ReadyOptions) {
  return await withReadyProject(project, undefined, async (ready) => {
    const { dpl, interpreter, selection, selectOptions, realising } = ready;
    const wanted = selectPackages(dpl, interpreter, selection, selectOptions);
    return shareableOf(wanted, await realisePackages(wanted, realising), realising);
  });
}

function chosen(
  all: Awaited<ReturnType<typeof shareablePackages>>,
  { packages = [] }: Pick<PushRequest, "packages">,
) {
  if (packages.length === 0) return all;
  return packages.flatMap((text) => {
    const [name = "", version] = text.split("==", 2);
    const found = all.filter(
      (one) => one.name === normalizeName(name) && (version === undefined || one.version === version),
    );
    if (found.length > 0) return found;
    throw new Failure("DXPY_NOT_IN_STORE", `the store has no package ${text} that could be pushed`, {
      context: { package: text },
      hint: "`dx-py store ls` lists the packages of the store.",
    });
  });
}

/** Takes what the configured caches have of a project's environment. `DXPY_NO_CACHE` where none is configured. */
export async function pull(project: ReadyOptions, from?: string): Promise<PulledPackages> {
  const { context } = project;
  const asked = from === undefined ? project : withCache(project, from);
  return await whileInstalling(context.home, async () =>
    withReadyProject(asked, undefined, async (ready) => {
      const { dpl, interpreter, selection, selectOptions, realising } = ready;
      if ((realising.substituters?.length ?? 0) === 0) {
        throw new Failure("DXPY_NO_CACHE", "No binary cache is configured", {
          hint: "Give one with `--from URL`, in `[[tool.dx-py.cache]]`, or in DX_PY_CACHE_URL.",
          exitCode: 2,
        });
      }
      return await pullPackages(selectPackages(dpl, interpreter, selection, selectOptions), realising);
    }),
  );
}

/** Only this cache, with the keys that the settings know for it and those of the variables. */
function withCache(project: ReadyOptions, url: string): ReadyOptions {
  const { context, user } = project;
  const tool = project.project.main.settings;
  const known = (tool.cache ?? []).concat(user?.settings.cache ?? []).find((one) => one.url === url);
  const main = { ...project.project.main, settings: { ...tool, cache: [known ?? { url }] } };
  return {
    ...project,
    project: { ...project.project, main, current: main },
    user: user === undefined ? undefined : { ...user, settings: { ...user.settings, cache: [] } },
    context: { ...context, env: { ...context.env, DX_PY_CACHE_URL: "" } },
  };
}

export interface DescribedCache {
  url: string;
  /** `undefined`: there is no `dx-cache-info`. */
  info: CacheInfo | undefined;
  /** Names of its keys that are trusted here. */
  trusted: string[];
  milliseconds: number;
}

/** Asks a cache what it is. Failures of the backend and `DXPY_BAD_CACHE_ANSWER`. */
export async function describeCache(url: string, options: CacheActOptions): Promise<DescribedCache> {
  const { backend, choice } = cacheAt(url, options);
  const started = performance.now();
  const bytes = await readBytes(backend, INFO_PATH, LIMITS.info);
  const info = bytes === undefined ? undefined : parseInfo(bytes, backend.name);
  const keys = new Set([...(choice?.trustedKeys ?? []), ...variableKeys(options)]);
  const trusted = (info?.keys ?? []).filter((key) => keys.has(key)).map((key) => key.split(":", 1)[0] ?? "");
  return { url: backend.name, info, trusted, milliseconds: performance.now() - started };
}

export interface VerifyRequest extends CacheActOptions {
  url: string;
  /** Only what this project needs. */
  project?: ReadyOptions;
  onChecked?: (checked: CheckedMapping, done: number) => void;
}

/** A folder is looked through whole; of other caches, what the user's store knows, or the project's environment. */
export async function verify(request: VerifyRequest): Promise<CheckedMapping[]> {
  const { context } = request;
  const { backend, choice } = cacheAt(request.url, request);
  const texts = [...(choice?.trustedKeys ?? []), ...variableKeys(request)];
  const trusted: TrustedKeys = await readTrustedKeys(texts, "`trusted-keys`");
  const buildHashes =
    request.project !== undefined
      ? await projectHashes(request.project)
      : (listFolder(backend) ?? (await shareablePackages(openStores(context))).map((one) => one.buildHash));
  return await verifyCache({
    backend,
    trusted,
    buildHashes,
    home: context.home,
    ...(request.onChecked === undefined ? {} : { onChecked: request.onChecked }),
  });
}

async function projectHashes(project: ReadyOptions): Promise<string[]> {
  return await withReadyProject(project, undefined, async (ready) => {
    const { dpl, interpreter, selection, selectOptions, realising } = ready;
    const wanted = selectPackages(dpl, interpreter, selection, selectOptions);
    return wanted
      .map((one) => askFor(one, realising))
      .filter(isShareable)
      .map(({ hash }) => hash);
  });
}

function variableKeys({ context }: CacheActOptions): string[] {
  return (context.env["DX_PY_CACHE_TRUSTED_KEYS"] ?? "").split(/\s+/).filter((key) => key !== "");
}

/** Keys that uploads to a served cache must be signed by: those of all configured caches. */
export async function servedTrust(texts: readonly string[]): Promise<TrustedKeys> {
  return await readTrustedKeys(texts, "--trusted-key");
}
