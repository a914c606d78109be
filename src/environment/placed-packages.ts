/** What is named by output hashes, with what the store has of it. */
import type { EditableInstall, LayoutPackage } from "../layout/layout-plan.ts";
import type { LayoutDerivation } from "../realise/derivation.ts";
import type { Store } from "../store/store.ts";

/** Of a layout's derivation. Failures DXPY_NOT_IN_STORE, and those of a damaged `.dxpkg`. */
export function placedPackages(packages: LayoutDerivation["packages"], store: Store): LayoutPackage[] {
  return packages.map((one) =>
    typeof one === "string" ? place(store, one) : place(store, one.output, one.directUrl),
  );
}

/** As {@link placedPackages}. */
export function placedEditables(editables: LayoutDerivation["editables"], store: Store): EditableInstall[] {
  return editables.map(({ output, path, directUrl }) => ({ ...place(store, output, directUrl), path }));
}

/** As {@link placedPackages}. */
export function placed(
  packages: readonly Pick<LayoutPackage, "outputHash" | "directUrl">[],
  store: Store,
): LayoutPackage[] {
  return packages.map(({ outputHash, directUrl }) => place(store, outputHash, directUrl));
}

function place(store: Store, outputHash: string, directUrl?: string): LayoutPackage {
  return {
    outputHash,
    object: store.readPackageObject(outputHash),
    treePath: store.objectPath(outputHash),
    ...(directUrl === undefined || directUrl === "" ? {} : { directUrl }),
  };
}
