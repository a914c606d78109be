/** Opening a source puts its tree where a backend can build it: unpacked, checked out, or where it is. */
import { lstatSync, readFileSync } from "node:fs";
import type { LockedFile } from "../../lock/lock-model.ts";
import { ensureDir, writeFileAtomic } from "../../platform/atomic-file.ts";
import { Failure } from "../../platform/errors.ts";
import { sha256Hex } from "../../platform/sha256.ts";
import type { SourceToBuild } from "../asked-package.ts";
import type { FetchDerivation } from "../derivation.ts";
import { type FetchedFile, fetchDerivation, fetchFile } from "../fetch-file.ts";
import type { RealiseContext } from "../realise-context.ts";
import { checkoutGit } from "./git-source.ts";

export interface OpenedSource {
  /** Absolute: the folder that holds `pyproject.toml` or `setup.py`. */
  folder: string;
  /** For a file: where it came from. */
  fetch?: FetchDerivation;
}

/** `staging` is the caller's to remove; a directory source is used where it is. */
export async function openSource(
  name: string,
  source: SourceToBuild,
  staging: string,
  context: RealiseContext,
): Promise<OpenedSource> {
  switch (source.kind) {
    case "directory":
      return { folder: below(source.path, source.subdirectory) };
    case "git": {
      const tree = `${staging}/source`;
      await checkoutGit(source.url, source.commit, tree, context);
      return { folder: below(tree, source.subdirectory) };
    }
    case "file": {
      const { bytes, derivation } = await fetchSourceFile(name, source.file, context);
      // Loaded here: most installs open no archive.
      const { extractSdist } = await import("../../platform/tar.ts");
      const into = `${staging}/source`;
      ensureDir(into);
      const top = await extractSdist(bytes, source.file.name, into);
      return { folder: below(top, source.subdirectory), fetch: derivation };
    }
  }
}

/** Like `fetchFile`, but kept under `home/index/sdists`: a source is wanted for its metadata first and for its build later. */
export async function fetchSourceFile(
  name: string,
  file: LockedFile,
  context: RealiseContext,
): Promise<FetchedFile> {
  const sha256 = file.hashes["sha256"];
  const folder = `${context.home.index}/sdists`;
  if (sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256) && file.path === undefined) {
    const bytes = readKept(`${folder}/${sha256}`, sha256);
    const url = file.url ?? `urn:sha256:${sha256}`;
    if (bytes !== undefined) return { bytes, derivation: fetchDerivation(file.name, sha256, url) };
  }
  const fetched = await fetchFile(name, file, context);
  if (file.path === undefined) {
    ensureDir(folder);
    writeFileAtomic(`${folder}/${fetched.derivation.sha256}`, fetched.bytes);
  }
  return fetched;
}

function readKept(path: string, sha256: string): Uint8Array | undefined {
  try {
    const bytes = readFileSync(path);
    return sha256Hex(bytes) === sha256 ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function below(folder: string, subdirectory: string | undefined): string {
  if (subdirectory !== undefined && /^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)/.test(subdirectory)) {
    throw new Failure("DXPY_BAD_SOURCE", "The subdirectory of a source must lie inside it", {
      context: { path: subdirectory },
      exitCode: 2,
    });
  }
  const path = subdirectory === undefined || subdirectory === "" ? folder : `${folder}/${subdirectory}`;
  if (lstatSync(`${path}/.`, { throwIfNoEntry: false })?.isDirectory()) return path;
  throw new Failure("DXPY_NO_SOURCE", "The source folder is not there", {
    context: { path },
    hint: "Check the `path` or `subdirectory` of the source.",
    exitCode: 2,
  });
}
