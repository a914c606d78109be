import { namesIn } from "../../platform/names-in.ts";
import { normalizeName } from "../../standards/names.ts";

/** Those of the normalised names that are not installed in the environment with this prefix. */
export function missingFrom(prefix: string, names: readonly string[]): string[] {
  const installed = new Set<string>();
  for (const lib of ["lib", "Lib", "lib64"]) {
    const folders =
      lib === "Lib"
        ? [`${prefix}/Lib`]
        : namesIn(`${prefix}/${lib}`).map((name) => `${prefix}/${lib}/${name}`);
    for (const folder of folders) {
      for (const name of namesIn(`${folder}/site-packages`)) {
        const stem = /^(.+?)-[^-]+(?:-py[^-]*)?\.(?:dist|egg)-info$/.exec(name)?.[1];
        if (stem !== undefined) installed.add(normalizeName(stem));
      }
    }
  }
  return [...new Set(names)].filter((name) => !installed.has(name));
}

export function hintForMissing(name: string, missing: readonly string[]): string | undefined {
  if (missing.length === 0) return undefined;
  return (
    `${name} is built without isolation, in the environment of the project, which has no ${missing.join(", no ")}: ` +
    `\`dx-py add ${missing.join(" ")}\`, or build it with isolation (\`no-build-isolation\`).`
  );
}
