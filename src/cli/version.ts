declare const DX_PY_VERSION: string | undefined;

/** The version of dx-py: set by the build from `package.json`; `0.0.0-source` when run from the sources. */
export const VERSION: string = typeof DX_PY_VERSION === "string" ? DX_PY_VERSION : "0.0.0-source";
