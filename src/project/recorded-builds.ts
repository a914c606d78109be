/**
 * What a resolution asked of builds and direct sources, written down so that the same can be asked again: a branch may have moved on,
 * a folder may have changed, another backend may be the newest.
 */
import type { DistributionFile } from "../package-index/distribution.ts";
import { sha256Hex } from "../platform/sha256.ts";
import type { BuildInterface } from "../resolver/build-interface.ts";
import type { PackageSource } from "../resolver/request.ts";
import { withoutCredentials } from "../standards/url-credentials.ts";

/** Paths within the project's folder are relative to it, so that a second checkout asks for its own. */
export type BuildQuestion = { file: DistributionFile } | { source: PackageSource; name: string };

/** A question, and lower-case hex SHA-256 of what was answered. */
export type BuildAnswer = readonly [question: BuildQuestion, digest: string];

export interface RecordedBuilds extends BuildInterface {
  /** All that was answered until now, in an order of its own. */
  answers(): BuildAnswer[];
  /** Whether asking all of it again gives the same. Failures as of `BuildInterface`. */
  unchanged(answers: readonly BuildAnswer[]): Promise<boolean>;
}

export function recordBuilds(builds: BuildInterface, root: string): RecordedBuilds {
  const noted = new Map<string, BuildAnswer>();
  const note = (question: BuildQuestion, answer: unknown) => {
    const text = JSON.stringify(question, within(root));
    noted.set(text, [JSON.parse(text) as BuildQuestion, digestOf(answer, root)]);
  };
  const ask = (question: BuildQuestion): Promise<unknown> =>
    "file" in question
      ? builds.metadataOfSdist(question.file)
      : builds.metadataOfSource(outOf(root, question.source), question.name);
  return {
    async metadataOfSdist(file) {
      const answer = await builds.metadataOfSdist(file);
      note({ file }, answer);
      return answer;
    },
    async metadataOfSource(source, name) {
      const answer = await builds.metadataOfSource(source, name);
      note({ source, name }, answer);
      return answer;
    },
    answers: () => [...noted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, answer]) => answer),
    async unchanged(answers) {
      const same = answers.map(async ([question, digest]) => digestOf(await ask(question), root) === digest);
      return (await Promise.all(same)).every(Boolean);
    },
  };
}

function digestOf(answer: unknown, root: string): string {
  return sha256Hex(JSON.stringify(answer, within(root)));
}

function within(root: string): (key: string, value: unknown) => unknown {
  return (key, value) => {
    // A login is not written down; whoever asks again has it from the project.
    if (key === "url" && typeof value === "string") return withoutCredentials(value);
    if (key !== "path" || typeof value !== "string") return value;
    if (value === root) return "./";
    return value.startsWith(`${root}/`) ? `./${value.slice(root.length + 1)}` : value;
  };
}

function outOf(root: string, source: PackageSource): PackageSource {
  if (!("path" in source) || !source.path.startsWith("./")) return source;
  return { ...source, path: source.path === "./" ? root : `${root}/${source.path.slice(2)}` };
}
