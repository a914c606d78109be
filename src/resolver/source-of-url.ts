import { Failure } from "../platform/errors.ts";
import type { PackageSource } from "./request.ts";

/** A direct reference (`name @ url`, PEP 508) as a source. Failure DXPY_BAD_REQUIREMENT for a path. */
export function sourceOfUrl(url: string): PackageSource {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(url)) {
    throw new Failure("DXPY_BAD_REQUIREMENT", `\`${url}\` is not a URL: it has no scheme`, {
      hint: `A folder or file beside the project is a source: \`[tool.dx-py.sources]\` with \`NAME = { path = "${url}" }\`.`,
      exitCode: 2,
    });
  }
  if (url.startsWith("git+")) {
    const [repository, fragment] = url.slice(4).split("#", 2) as [string, string | undefined];
    const at = repository.lastIndexOf("@");
    // In the path: before it, an `@` ends the name of a user.
    const path = repository.indexOf("/", repository.indexOf("://") + 3);
    const hasRevision = path !== -1 && at > path;
    const subdirectory = subdirectoryOf(fragment);
    return {
      kind: "git",
      url: hasRevision ? repository.slice(0, at) : repository,
      ...(hasRevision ? { rev: repository.slice(at + 1) } : undefined),
      ...(subdirectory === undefined ? undefined : { subdirectory }),
    };
  }
  if (url.startsWith("file://"))
    return { kind: "path", path: decodeURIComponent(url.slice(7)), editable: false };
  const [plain, fragment] = url.split("#", 2) as [string, string | undefined];
  const subdirectory = subdirectoryOf(fragment);
  return {
    kind: "url",
    url: subdirectory === undefined ? url : plain,
    ...(subdirectory === undefined ? undefined : { subdirectory }),
  };
}

function subdirectoryOf(fragment: string | undefined): string | undefined {
  return fragment
    ?.split("&")
    .find((part) => part.startsWith("subdirectory="))
    ?.slice("subdirectory=".length);
}
