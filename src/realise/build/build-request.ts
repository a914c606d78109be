/**
 * A build request is all that can be known of a build before its source is opened: the `package` derivation of
 * something built. Its hash finds the result of an earlier build without a download and without a Python process.
 */
import type { Interpreter } from "../../interpreters/interpreter.ts";
import type {
  BuildHook,
  BuildPython,
  BuildSource,
  BuiltPackageDerivation,
  ConfigSettings,
} from "../derivation.ts";
import type { RealiseContext } from "../realise-context.ts";
import { requestedVariables } from "./build-variables.ts";

export function buildRequest(
  name: string,
  source: BuildSource,
  hook: BuildHook,
  context: RealiseContext,
): BuiltPackageDerivation {
  const settings = context.build ?? {};
  return {
    format: 1,
    kind: "package",
    build: {
      hook,
      source,
      python: buildPython(context.interpreter),
      platform: platformTag(context.interpreter),
      configSettings: configSettingsFor(name, context),
      environment: requestedVariables(context.env, {
        ...settings.environment,
        ...settings.environmentPackage?.[name],
      }),
      extraRequires: [...(settings.extraRequires?.[name] ?? [])].sort(),
      constraints: [...(settings.constraints ?? [])].sort(),
      isolated: isIsolated(name, context),
    },
  };
}

/** The first tag is the most exact: `cp312-cp312-manylinux_2_36_x86_64`. */
export function platformTag(interpreter: Interpreter): string {
  return interpreter.tags[0]?.split("-")[2] ?? "any";
}

export function buildPython(interpreter: Interpreter): BuildPython {
  return {
    implementation: interpreter.implementation,
    version: interpreter.version,
    abi: interpreter.tags[0]?.split("-")[1] ?? interpreter.cacheTag,
  };
}

function configSettingsFor(name: string, context: RealiseContext): ConfigSettings {
  return { ...context.build?.configSettings, ...context.build?.configSettingsPackage?.[name] };
}

function isIsolated(name: string, context: RealiseContext): boolean {
  const without = context.build?.noIsolation ?? [];
  return without !== "all" && !without.includes(name);
}
