/** Logins in the URLs of repositories: a lock has the URLs without them, and who installs from it needs them again. */
import { sourceOfUrl } from "../resolver/source-of-url.ts";
import { withoutCredentials } from "../standards/url-credentials.ts";
import type { Project } from "./discover.ts";
import { allSources } from "./resolve-request.ts";
import { rootRequirements } from "./root-requirements.ts";

/** URLs with the login that sources and requirements of the project state, by the URL without it. */
export function gitLogins(project: Project): ReadonlyMap<string, string> {
  const stated = [
    ...Object.values(allSources(project)).flat(),
    ...rootRequirements(project).flatMap(({ requirement: { url } }) =>
      url?.startsWith("git+") ? [sourceOfUrl(url)] : [],
    ),
  ];
  const logins = new Map<string, string>();
  for (const source of stated) {
    if (source.kind !== "git") continue;
    const plain = withoutCredentials(source.url);
    if (plain !== source.url) logins.set(plain, source.url);
  }
  return logins;
}
