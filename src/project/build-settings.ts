/** What the settings of a project say about its builds, as realise/ wants it: names normalised, layers joined. */
import type { BuildSettings } from "../realise/realise-context.ts";
import { normalizeName } from "../standards/names.ts";
import { formatRequirement, parseRequirement } from "../standards/requirements.ts";
import type { BuildPolicy } from "./resolve-request.ts";
import { type Environment, isTrue, type SettingFlags, type UserConfig } from "./settings.ts";
import type { ToolSettings } from "./tool-settings.ts";

/** `--sandbox`, `sandbox` of the project, `DX_PY_SANDBOX`, `sandbox` of the user: what one of them asks for is done. */
export function buildSettings(
  flags: SettingFlags,
  tool: ToolSettings,
  user: UserConfig | undefined,
  env: Environment,
  policy: Pick<BuildPolicy, "buildConstraints" | "noBuild" | "noBinary">,
): BuildSettings {
  const layers = [flags.sandbox, tool.sandbox, isTrue(env["DX_PY_SANDBOX"]), user?.settings.sandbox];
  return {
    configSettings: { ...user?.settings["config-settings"], ...tool["config-settings"] },
    configSettingsPackage: byName(tool["config-settings-package"], (settings) => settings),
    constraints: (policy.buildConstraints ?? []).map(formatRequirement),
    extraRequires: byName(tool["extra-build-dependencies"], (texts) =>
      texts.map((text) => formatRequirement(parseRequirement(text, { where: "extra-build-dependencies" }))),
    ),
    environmentPackage: byName(tool["extra-build-variables"], (variables) => variables),
    noIsolation: tool["no-build-isolation"]
      ? "all"
      : (tool["no-build-isolation-package"] ?? []).map((name) => normalizeName(name)),
    noBuild: policy.noBuild,
    noBinary: policy.noBinary,
    sandbox: layers.includes(true),
  };
}

function byName<T, R>(table: Readonly<Record<string, T>> = {}, as: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [normalizeName(name), as(value)]));
}
