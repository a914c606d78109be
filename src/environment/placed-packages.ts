/** What a layout's derivation names by output hashes, with what the store has of it. */
import type { EditableInstall, LayoutPackage } from "../layout/layout-plan.ts";
import type { LayoutDerivation } from "../realise/derivation.ts";
import type { Store } from "../store/store.ts";

/** Failures DXPY_NOT_IN_STORE, and those of a damaged `.dxpkg`. */
export function placedPackages(packages: LayoutDerivation["packages"], store: Store): LayoutPackage[] {
  return packages.map((one) =>
    typeof one === "string" ? placed(store, one) : placed(store, one.output, one.directUrl),
  );
}

/** As {@link placedPackages}. */
export function placedEditables(editables: LayoutDerivation["editables"], store: Store): EditableInstall[] {
  return editables.map(({ output, path, directUrl }) => ({ ...placed(store, output, directUrl), path }));
}

function placed(store: Store, outputHash: string, directUrl?: string): LayoutPackage {
  return {
    outputHash,
    object: store.readPackageObject(outputHash),
    treePath: store.objectPath(outputHash),
    ...(directUrl === undefined || directUrl === "" ? {} : { directUrl }),
  };
}
