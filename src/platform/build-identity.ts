declare const DX_PY_BUILD: string | undefined;

/**
 * A digest of the sources that this executable was built from: what one dx-py remembers of its own conclusions, another one may
 * not believe. `undefined` when run from the sources, which change under way.
 */
export const BUILD_IDENTITY: string | undefined =
  typeof DX_PY_BUILD === "string" && DX_PY_BUILD !== "" ? DX_PY_BUILD : undefined;
