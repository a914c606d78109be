import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { Failure } from "../platform/errors.ts";
import { type Dpl, openDpl } from "./dpl-reader.ts";

/**
 * The check of the warm path: is `dx-py.dpl` what `pylock.toml` and the inputs say now? No TOML, no hash but Bun's own
 * SHA-256, one read of the DPL.
 */

export const DPL_FILE = "dx-py.dpl";
export const PYLOCK_FILE = "pylock.toml";

/**
 * The DPL when it can be used as it is: it is whole, `pylock.toml` has the recorded digest or is missing, and every input
 * is as it was. `undefined` otherwise, whatever the reason: the slow path finds and says it. The caller closes it.
 */
export function openFreshDpl(projectDir: string): Dpl | undefined {
  const dpl = openDplOrNothing(projectDir);
  if (dpl === undefined) return undefined;
  try {
    if (textMatches(projectDir, dpl) && changedInputs(projectDir, dpl)?.length === 0) return dpl;
  } catch {
    // An unreadable file: the slow path says which.
  }
  dpl.close();
  return undefined;
}

function openDplOrNothing(projectDir: string): Dpl | undefined {
  try {
    return openDpl(`${projectDir}/${DPL_FILE}`);
  } catch {
    return undefined;
  }
}

/** Whether the text is the one that the DPL was compiled from. A missing text matches: the DPL is enough by itself. */
export function textMatches(projectDir: string, dpl: Dpl): boolean {
  const digest = hashFile(`${projectDir}/${PYLOCK_FILE}`);
  return digest === undefined || digest === dpl.header.pylockSha256;
}

/** Paths of inputs that are not as they were when the lock was made. `undefined`: the inputs are not known. */
export function changedInputs(projectDir: string, dpl: Dpl): string[] | undefined {
  const { inputs } = dpl.header;
  if (inputs.length === 0) return undefined;
  return inputs
    .filter(({ path, sha256 }) => (hashFile(`${projectDir}/${path}`) ?? "") !== sha256)
    .map(({ path }) => path);
}

const CHUNK = 256 * 1024;

/**
 * Lower-case hex SHA-256 of a file; `undefined` where there is none, Failure DXPY_LOCK_UNREADABLE
 * where it cannot be read. In pieces through one buffer: fresh memory for the
 * whole file costs more than hashing it.
 */
export function hashFile(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw unreadable(path, error);
  }
  try {
    const { size } = fstatSync(file);
    const buffer = new Uint8Array(Math.max(1, Math.min(size, CHUNK)));
    const hasher = new Bun.CryptoHasher("sha256");
    for (;;) {
      const count = readSync(file, buffer, 0, buffer.length, null);
      if (count === 0) return hasher.digest("hex");
      hasher.update(count === buffer.length ? buffer : buffer.subarray(0, count));
    }
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    closeSync(file);
  }
}

export function unreadable(path: string, cause: unknown): Failure {
  return new Failure("DXPY_LOCK_UNREADABLE", `${path} cannot be read`, { context: { path }, cause });
}

/**
 * A short cut past the hashing, for callers that can remember a text outside of the lock: sizes and times (nanoseconds) of the DPL,
 * `pylock.toml` and the inputs. While the stamp is the same as when `openFreshDpl` said yes, the answer is still yes; and
 * `undefined` where a file was changed so lately (two seconds before `now`, milliseconds since the epoch) that the next
 * change might leave its time as it is.
 */
export function freshnessStamp(projectDir: string, dpl: Dpl, now = Date.now()): string | undefined {
  const newest = (BigInt(now) - 2000n) * 1_000_000n;
  let stamp = "";
  for (const path of [DPL_FILE, PYLOCK_FILE, ...dpl.header.inputs.map((input) => input.path)]) {
    const stat = statSync(`${projectDir}/${path}`, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) {
      stamp += "-;";
      continue;
    }
    if (stat.mtimeNs > newest || stat.ctimeNs > newest) return undefined;
    stamp += `${stat.size},${stat.mtimeNs},${stat.ctimeNs},${stat.ino};`;
  }
  return stamp;
}
