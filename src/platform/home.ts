/** The folders of `~/.dx-py` (DESIGN: "On disk"). Absolute paths; nothing is created by asking for them. */
export interface Home {
  readonly root: string;
  readonly layoutsIndex: string;
  readonly layouts: string;
  readonly store: string;
  readonly roots: string;
  readonly index: string;
  readonly interpreters: string;
  readonly tmp: string;
}

/** `DX_PY_HOME`, else `~/.dx-py`. Environment values are given, not read, so that tests can choose. */
export function homeFolders(env: Readonly<Record<string, string | undefined>>): Home {
  const root = absolute(
    env["DX_PY_HOME"] || `${env["HOME"] || env["USERPROFILE"] || userFolder(env)}/.dx-py`,
  );
  return {
    root,
    layoutsIndex: `${root}/layouts.dxc`,
    layouts: `${root}/layouts`,
    store: `${root}/store`,
    roots: `${root}/roots`,
    index: `${root}/index`,
    interpreters: `${root}/interpreters`,
    tmp: `${root}/tmp`,
  };
}

/** The user's own folder. The system is asked only where the environment does not say: `node:os` costs half a millisecond. */
export function userFolder(env: Readonly<Record<string, string | undefined>>): string {
  return env["HOME"] || (require("node:os") as typeof import("node:os")).homedir();
}

function absolute(path: string): string {
  let stripped = path;
  // Not by a regular expression: on the warm path, to make one takes longer than all the rest of this.
  while (stripped.length > 1 && stripped.endsWith("/")) stripped = stripped.slice(0, -1);
  return stripped.startsWith("/") || /^[A-Za-z]:/.test(stripped) ? stripped : `${process.cwd()}/${stripped}`;
}
