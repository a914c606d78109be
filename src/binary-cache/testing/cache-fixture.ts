/** A good cache of two packages, its keys, and servers that answer from it with faults: what the tests of caches share. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { type MadeFile, makeWheel, sha256Of, type WheelSpec } from "../../../test/make-wheel.ts";
import { packageBuildHash, packageDerivationText } from "../../lock/package-identity.ts";
import { type Home, homeFolders } from "../../platform/home.ts";
import { writeDrvOut } from "../../store/drv-out.ts";
import { unpackWheel } from "../../store/ingest.ts";
import { openStore, type Store } from "../../store/store.ts";
import { folderBackend } from "../folder-backend.ts";
import { closureKey } from "../protocol.ts";
import { pushPackages } from "../push.ts";
import {
  generateKeys,
  readSecretKey,
  readTrustedKeys,
  type SecretKey,
  type TrustedKeys,
} from "../signature.ts";

export interface FixturePackage {
  wheel: MadeFile;
  buildHash: string;
  outputHash: string;
}

export interface CacheFixture {
  folder: string;
  home: Home;
  store: Store;
  packages: FixturePackage[];
  /** Contents by path. */
  files: Map<string, Uint8Array>;
  key: SecretKey;
  publicText: string;
  trusted: TrustedKeys;
  closure: string;
}

export const temporary = () => mkdtempSync(`${tmpdir()}/dxpy-cache-`);
export const homeAt = (root: string): Home => homeFolders({ DX_PY_HOME: root });

/** Unpacks wheels into a store as realising does: with derivations and `drv-out`. */
export async function fillStore(home: Home, specs: readonly WheelSpec[]): Promise<FixturePackage[]> {
  const packages: FixturePackage[] = [];
  for (const spec of specs) {
    const wheel = makeWheel(spec);
    const sha256 = sha256Of(wheel.bytes);
    const buildHash = packageBuildHash(wheel.filename, sha256);
    const { outputHash } = await unpackWheel({ bytes: wheel.bytes, filename: wheel.filename, home });
    mkdirSync(`${home.store}/drv`, { recursive: true });
    await Bun.write(`${home.store}/drv/${buildHash}.drv`, packageDerivationText(wheel.filename, sha256));
    writeDrvOut(home, buildHash, outputHash);
    packages.push({ wheel, buildHash, outputHash });
  }
  return packages;
}

export async function cacheFixture(
  specs: readonly WheelSpec[] = [
    { name: "alpha", modules: { "alpha/__init__.py": "value = 1\n".repeat(2000), "alpha/b.py": "b = 2\n" } },
    { name: "beta" },
  ],
): Promise<CacheFixture> {
  const folder = temporary();
  const home = homeAt(`${folder}/home`);
  const packages = await fillStore(home, specs);
  const keys = await generateKeys("team-1");
  const key = await readSecretKey(keys.secret, "the test");
  const store = openStore(home);
  const closure = packages.map(({ buildHash }) => buildHash);
  await pushPackages({
    store,
    backend: folderBackend(`${folder}/cache`),
    packages,
    closures: [closure],
    key,
    warn: () => {},
  });
  return {
    folder,
    home,
    store,
    packages,
    files: readAll(`${folder}/cache`),
    key,
    publicText: keys.public,
    trusted: await readTrustedKeys([keys.public], "the test"),
    closure: closureKey(closure),
  };
}

export function readAll(root: string, at = ""): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const name of readdirSync(`${root}/${at}`)) {
    const path = at === "" ? name : `${at}/${name}`;
    if (statSync(`${root}/${path}`).isDirectory()) for (const [k, v] of readAll(root, path)) files.set(k, v);
    else files.set(path, new Uint8Array(readFileSync(`${root}/${path}`)));
  }
  return files;
}

export type Answer = Response | Uint8Array | string | undefined | Promise<Response>;

export interface FaultyServer {
  url: string;
  requests: { method: string; path: string; authorization: string | null; range: string | null }[];
  stop(): void;
}

/** Serves the files; `change` may answer anything instead, `undefined` for the file itself. */
export function faultyServer(
  files: ReadonlyMap<string, Uint8Array>,
  change: (path: string, request: Request) => Answer,
): FaultyServer {
  const requests: FaultyServer["requests"] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const path = new URL(request.url).pathname.slice(1);
      const { headers } = request;
      requests.push({
        method: request.method,
        path,
        authorization: headers.get("authorization"),
        range: headers.get("range"),
      });
      const changed = await change(path, request);
      if (changed instanceof Response) return changed;
      const body = changed ?? files.get(path);
      return body === undefined
        ? new Response(null, { status: 404 })
        : new Response(typeof body === "string" ? body : new Uint8Array(body));
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, requests, stop: () => void server.stop(true) };
}

/** Everything below a store folder but empty folders and the lock. */
export function storeContents(home: Home): string[] {
  try {
    return [...readAll(home.store).keys()].filter((path) => path !== "lock");
  } catch {
    return [];
  }
}
