/** From the options of `install` and `run` to what is selected. */
import { type SelectionRequest, WHOLE_DEFAULT } from "../project/environment-question.ts";
import { normalizeName } from "../standards/names.ts";
import type { SelectionFlags } from "./flags/install-flags.ts";

export function selectionOf(flags: SelectionFlags): SelectionRequest {
  const names = (list: readonly string[]) => list.map(normalizeName);
  const request: SelectionRequest = {
    extras: names(flags.extra),
    allExtras: flags.allExtras ?? false,
    noExtras: names(flags.noExtra),
    groups: [...names(flags.group), ...(flags.dev ? ["dev"] : [])],
    noGroups: [...names(flags.noGroup), ...(flags.noDev ? ["dev"] : [])],
    onlyGroups: [...names(flags.onlyGroup), ...(flags.onlyDev ? ["dev"] : [])],
    allGroups: flags.allGroups ?? false,
    noDefaultGroups: flags.noDefaultGroups ?? false,
    packages: names(flags.package),
    allPackages: flags.allPackages ?? false,
    noProject: flags.noInstallProject ?? false,
  };
  return Bun.deepEquals(request, WHOLE_DEFAULT) ? WHOLE_DEFAULT : request;
}
