/** Resolving for this machine and one interpreter only: what an environment holds that no lock file describes. */
import { type Selection, type SelectOptions, selectPackages } from "../environment/select.ts";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { openDpl } from "../lock/dpl-reader.ts";
import { encodeDpl } from "../lock/dpl-writer.ts";
import { lockFromResolution } from "../lock/lock-from-resolution.ts";
import type { PackageIndex } from "../package-index/client.ts";
import type { WantedPackage } from "../realise/wanted-package.ts";
import type { BuildInterface } from "../resolver/build-interface.ts";
import type { ResolveRequest } from "../resolver/request.ts";

export interface Here {
  index: PackageIndex;
  interpreter: Interpreter;
  build: BuildInterface;
}

/** The packages that `selection` has. Failures as of `resolve` and `selectPackages`. */
export async function resolveHere(
  request: ResolveRequest,
  selection: Selection,
  { index, interpreter, build }: Here,
  options: SelectOptions = {},
): Promise<WantedPackage[]> {
  const { resolve } = await import("../resolver/resolve.ts");
  const resolution = await resolve(
    {
      ...request,
      requiresPython: `>=${interpreter.version}`,
      environments: [thisEnvironment(interpreter)],
      requiredEnvironments: [],
    },
    { index, interpreter, build },
  );
  const lock = lockFromResolution(resolution, {
    extras: request.extras,
    dependencyGroups: request.groups,
    defaultGroups: [],
    fingerprint: "0".repeat(64),
    options: {},
  });
  const dpl = openDpl(encodeDpl({ ...lock, environments: [] }, { pylockSha256: "0".repeat(64), inputs: [] }));
  return selectPackages(dpl, interpreter, selection, {
    noBinary: request.noBinary,
    noBuild: request.noBuild,
    ...options,
  });
}

/** A marker that holds on this machine with this interpreter and nowhere else that matters. */
function thisEnvironment({ markers }: Interpreter): string {
  const names = [
    "python_full_version",
    "sys_platform",
    "platform_machine",
    "implementation_name",
    "os_name",
  ] as const;
  return names.map((name) => `${name} == '${markers[name]}'`).join(" and ");
}
