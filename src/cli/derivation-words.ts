/** Derivations as people read them. */
import type { BuildSource, Derivation } from "../realise/derivation.ts";
import type { ShownDerivation } from "../realise/drv-queries.ts";

/** Digits of a hash that are shown: enough to tell one from another, and to be given back. */
export const SHOWN = 12;

/** `package numpy-2.0.1-….whl`, `build six 1.17.0 (setuptools.build_meta)`, `fetch https://…` */
export function derivationTitle(derivation: Derivation, label?: string): string {
  switch (derivation.kind) {
    case "fetch":
      return `fetch ${derivation.url}`;
    case "package":
      return `package ${label ?? ("fetch" in derivation ? derivation.fetch.filename : sourceText(derivation.build.source))}`;
    case "build":
      return `build ${derivation.name} ${derivation.version} (${derivation.backend.name})`;
    case "layout":
      return `layout of ${derivation.packages.length + derivation.editables.length} packages`;
    case "env":
      return `environment of ${derivation.project}`;
  }
}

export function sourceText(source: BuildSource): string {
  const below = source.subdirectory === undefined ? "" : ` in ${source.subdirectory}`;
  switch (source.kind) {
    case "file":
      return `${source.filename}${below}`;
    case "git":
      return `${source.url} at ${source.commit}${below}`;
    case "directory":
      return `${source.path ?? "a folder"} with the content ${source.digest.slice(0, SHOWN)}${below}`;
  }
}

/** Lines `[title, value]`; a value may have several lines. */
export function derivationFacts({ derivation, output, present, notes }: ShownDerivation): [string, string][] {
  const facts: [string, string | undefined][] = [];
  switch (derivation.kind) {
    case "fetch":
      facts.push(["file", derivation.filename], ["sha256", derivation.sha256], ["from", derivation.url]);
      break;
    case "package":
      if ("fetch" in derivation) {
        facts.push(["wheel", derivation.fetch.filename], ["sha256", derivation.fetch.sha256]);
      } else {
        const { build } = derivation;
        facts.push(
          ["source", sourceText(build.source)],
          ["hook", build.hook],
          ["python", `${build.python.implementation} ${build.python.version} (${build.python.abi})`],
          ["platform", build.platform],
          ["config settings", record(build.configSettings)],
          ["asked environment", record(build.environment)],
          ["extra requires", build.extraRequires.join(", ")],
          ["constraints", build.constraints.join(", ")],
          ["isolated", build.isolated ? undefined : "no"],
        );
      }
      break;
    case "build":
      facts.push(
        ["source", sourceText(derivation.source)],
        ["backend", [derivation.backend.name, ...derivation.backend.path].join(" from ")],
        ["hook", derivation.hook],
        [
          "python",
          `${derivation.python.implementation} ${derivation.python.version} (${derivation.python.abi})`,
        ],
        ["platform", derivation.platform],
        [
          "build environment",
          derivation.requires
            .map(({ name, version, output: from }) => `${name} ${version} ${from.slice(0, SHOWN)}`)
            .join("\n"),
        ],
        ["config settings", record(derivation.configSettings)],
        ["variables", record(derivation.environment)],
        ["isolated", derivation.isolated ? undefined : "no"],
        ["sandbox", derivation.sandbox ? "yes" : undefined],
        [
          "moved from",
          derivation.movedFrom === undefined
            ? undefined
            : `${derivation.movedFrom.slice(0, SHOWN)}, the editable of another checkout, with this path: the backend did not run`,
        ],
      );
      break;
    case "layout":
      facts.push(
        ["interpreter", derivation.interpreter.slice(0, SHOWN)],
        ["links", derivation.linkMode],
        ["editables", derivation.editables.map(({ path }) => path).join("\n")],
      );
      break;
    case "env":
      facts.push(
        ["layout", derivation.layout],
        ["lock", derivation.lock],
        ["extras", derivation.selection.extras.join(", ")],
        ["groups", derivation.selection.groups.join(", ")],
      );
  }
  facts.push(
    [
      "output",
      output === undefined ? undefined : `${output}${present ? "" : " (not in the store any more)"}`,
    ],
    ["from a cache", notes["cache"] ?? notes["substituted"]],
    ["signed by", notes["signer"]],
  );
  return facts.filter((fact): fact is [string, string] => fact[1] !== undefined && fact[1] !== "");
}

export function factLines(facts: readonly (readonly [string, string])[], indent = "  "): string[] {
  return facts.flatMap(([title, value]) => {
    const [first, ...rest] = value.split("\n");
    return rest.length === 0
      ? [`${indent}${title}: ${first}`]
      : [`${indent}${title}:`, ...[first, ...rest].map((line) => `${indent}  ${line}`)];
  });
}

function record(values: Readonly<Record<string, string | readonly string[]>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : value.join(" ")}`)
    .join("\n");
}
