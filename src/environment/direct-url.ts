/** The text of `direct_url.json` (PEP 610): where a package came from that no index served. */
import type { LockedSource } from "../lock/lock-model.ts";
import { canonicalJson } from "../realise/canonical-json.ts";
import { withoutCredentials } from "../standards/url-credentials.ts";

/** `undefined` for packages from an index. `projectDir` (absolute): what paths of the lock are relative to. */
export function directUrl(source: LockedSource, projectDir: string): string | undefined {
  switch (source.kind) {
    case "index":
      return undefined;
    case "directory":
      return text({
        url: fileUrl(absolutePath(projectDir, source.path)),
        dir_info: source.editable ? { editable: true } : {},
        ...subdirectory(source.subdirectory),
      });
    case "git":
      return text({
        url: withoutCredentials(source.url),
        vcs_info: {
          vcs: "git",
          commit_id: source.commitId,
          ...(source.requestedRevision === undefined ? {} : { requested_revision: source.requestedRevision }),
        },
        ...subdirectory(source.subdirectory),
      });
    case "archive": {
      const url =
        source.url === undefined
          ? fileUrl(absolutePath(projectDir, source.path ?? ""))
          : withoutCredentials(source.url);
      return text({
        url,
        archive_info: { hashes: { ...source.hashes } },
        ...subdirectory(source.subdirectory),
      });
    }
  }
}

/** Resolves a path of the lock (with `/`) against the project's folder. */
export function absolutePath(projectDir: string, path: string): string {
  const parts = path.startsWith("/") || /^[A-Za-z]:/.test(path) ? [] : projectDir.split("/");
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && (part !== "" || parts.length === 0)) parts.push(part);
  }
  return parts.join("/") || "/";
}

function fileUrl(path: string): string {
  const encoded = path
    .split("/")
    .map((part, i) => (i === 0 && /^[A-Za-z]:$/.test(part) ? part : encodeURIComponent(part)));
  return `file://${path.startsWith("/") ? "" : "/"}${encoded.join("/")}`;
}

function subdirectory(path: string | undefined): { subdirectory?: string } {
  return path === undefined || path === "" ? {} : { subdirectory: path };
}

function text(value: unknown): string {
  return canonicalJson(value);
}
