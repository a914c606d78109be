/** Where packages come from. URLs may hold credentials here; nothing else in this room keeps them. */
export interface IndexSettings {
  /** In order of preference; the default index (`default`) last. */
  indexes: readonly IndexLocation[];
  /** URLs of HTML pages, `file://` URLs, or folders. */
  findLinks: readonly string[];
  noIndex: boolean;
  strategy: "first-index" | "unsafe-best-match" | "unsafe-first-match";
  /** Nothing opens a socket; cached pages are used whatever their age. */
  offline: boolean;
  /** Revalidate everything, or these projects (normalised names), whatever the cache says. */
  refresh: true | readonly string[] | false;
}

export interface IndexLocation {
  name?: string;
  /** `https://…/simple` (PEP 503), `file://…` or an absolute folder. */
  url: string;
  /** Used only for packages that are pinned to it. */
  explicit?: boolean;
  default?: boolean;
  /** `flat`: one page or folder of files for all projects, as find-links. Default `simple`. */
  format?: "simple" | "flat";
  /** Where it was said, for messages: `--index-url`, `pip.conf (…)`. */
  origin?: string;
}
