/** One file that an index serves for a project (PEP 503, PEP 691): a wheel or an sdist. */
export interface DistributionFile {
  filename: string;
  kind: "wheel" | "sdist";
  /** Absolute, without credentials and without fragment. `file://` for local folders. */
  url: string;
  /** Algorithm (lower case) to lower-case hex digest; empty when the index gives none. */
  hashes: Readonly<Record<string, string>>;
  /** Bytes. */
  size?: number;
  /** As the index wrote it (PEP 503 `data-requires-python`), not parsed. */
  requiresPython?: string;
  /** PEP 592: `false`, or the reason, which may be empty. */
  yanked: false | string;
  /** Milliseconds since the epoch (PEP 700 `upload-time`). */
  uploadTime?: number;
  /** PEP 658/714: the index announces `<url>.metadata`; its hashes, which may be none. */
  metadataHashes?: Readonly<Record<string, string>>;
  /** The index's URL (or the find-links location) without credentials. */
  index: string;
}
