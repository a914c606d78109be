/** What of a store may be pushed: outputs of `package` derivations that mean the same on every machine. */
import { normalizeName } from "../standards/names.ts";
import { readDrvOut } from "../store/drv-out.ts";
import type { Store } from "../store/store.ts";
import { names } from "../store/store-level.ts";
import { readDerivationBytes } from "./cached-derivations.ts";

export interface ShareablePackage {
  buildHash: string;
  outputHash: string;
  /** Normalised. */
  name: string;
  version: string;
}

/** Of the user's own level: everything, or what of these build hashes may be shared. Reads a few small files for each package. */
export async function shareablePackages(
  store: Store,
  buildHashes: Iterable<string> = names(`${store.root}/drv-out`),
): Promise<ShareablePackage[]> {
  const found: ShareablePackage[] = [];
  for (const buildHash of buildHashes) {
    if (!/^[0-9a-f]{64}$/.test(buildHash)) continue;
    const outputHash = readDrvOut(store.root, buildHash);
    const object = outputHash === undefined ? undefined : tryObject(store, outputHash);
    if (outputHash === undefined || object === undefined) continue;
    const bytes = await readDerivationBytes([store.root], buildHash);
    if (bytes === undefined || !isShared(bytes)) continue;
    found.push({ buildHash, outputHash, name: normalizeName(object.name), version: object.version });
  }
  return found;
}

function tryObject(store: Store, outputHash: string) {
  try {
    return store.findPackageObject(outputHash);
  } catch {
    // Damaged: not to be shared.
    return undefined;
  }
}

function isShared(bytes: Uint8Array): boolean {
  const derivation = JSON.parse(new TextDecoder().decode(bytes)) as {
    kind?: unknown;
    build?: { hook?: unknown };
  };
  return derivation.kind === "package" && derivation.build?.hook !== "build_editable";
}
