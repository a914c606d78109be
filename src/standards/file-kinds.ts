/** Which kinds of files a package may be installed from, where the settings rule one of them out. */

export interface FileKinds {
  /** Not to be installed from wheels. */
  noBinary?: "all" | readonly string[] | undefined;
  /** Not to be built from source. */
  noBuild?: "all" | readonly string[] | undefined;
}

/** A package that is named for one kind is excepted from a rule for all packages about the other. */
export function mayUseWheels(name: string, { noBinary, noBuild }: FileKinds): boolean {
  return noBinary === "all" ? names(noBuild, name) : !names(noBinary, name);
}

/** See `mayUseWheels`. */
export function mayBuild(name: string, { noBinary, noBuild }: FileKinds): boolean {
  return noBuild === "all" ? names(noBinary, name) : !names(noBuild, name);
}

function names(list: "all" | readonly string[] | undefined, name: string): boolean {
  return list !== "all" && list?.includes(name) === true;
}
