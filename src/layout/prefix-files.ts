/** The files that make a prefix a virtual environment (PEP 405), and the one that says what it is. */
import type { Interpreter } from "../interpreters/interpreter.ts";
import type { LinkLeaf, TextLeaf } from "./prefix-tree.ts";

/** `pyvenv.cfg`. `prompt`: only when a project asked for one; a layout belongs to nobody. */
export function pyvenvConfig(
  interpreter: Pick<Interpreter, "executable" | "version"> & {
    markers: Pick<Interpreter["markers"], "platform_python_implementation">;
  },
  prompt?: string,
): string {
  const { executable } = interpreter;
  const slash = Math.max(executable.lastIndexOf("/"), executable.lastIndexOf("\\"));
  const lines = [
    `home = ${executable.slice(0, slash) || "/"}`,
    `implementation = ${interpreter.markers.platform_python_implementation}`,
    `version = ${interpreter.version}`,
    "include-system-site-packages = false",
  ];
  if (prompt !== undefined) lines.push(`prompt = ${prompt.replaceAll(/[\r\n]/g, " ")}`);
  return `${lines.join("\n")}\n`;
}

/** The names of the interpreter in the scripts folder, as `venv` makes them; each a link to `python`. */
export function interpreterLinks(
  interpreter: Pick<Interpreter, "executable" | "version" | "implementation" | "freeThreaded">,
): [string, LinkLeaf][] {
  const [major, minor] = interpreter.version.split(".");
  const names = [`python${major}`, `python${major}.${minor}`];
  if (interpreter.freeThreaded) names.push(`python${major}.${minor}t`);
  if (interpreter.implementation === "pypy") names.push("pypy", `pypy${major}`, `pypy${major}.${minor}`);
  return [
    ["python", { kind: "link", target: interpreter.executable }],
    ...names.map((name): [string, LinkLeaf] => [name, { kind: "link", target: "python" }]),
  ];
}

/** The signature that tells backup programs and the like that a directory can be made again (Cache Directory Tagging). */
export const CACHE_TAG: TextLeaf = {
  kind: "text",
  content: "Signature: 8a477f597d28d172789f06886806bc55\n# This environment was made by dx-py.\n",
  executable: false,
};

/**
 * What keeps pip from installing into a layout, also as root. The marker of PEP 668 is not looked for in a virtual environment;
 * but pip reads this file in the prefix, and says what is wrong with it: options of `install` and `uninstall` that have no such values.
 * (Uninstalling would follow the links into the store.) The other commands of pip work.
 */
export const PIP_CONFIG = process.platform === "win32" ? "pip.ini" : "pip.conf";
export const PIP_GUARD: TextLeaf = {
  kind: "text",
  content: `# Keeps pip from changing an environment that other projects share. pip says the line below.
[install]
upgrade-strategy = this environment is shared and read-only. Add the package to the project with "dx-py add NAME", or use "dx-py pip install NAME", which gives the project an environment of its own
[uninstall]
yes = this environment is shared and read-only. Remove the package from the project with "dx-py remove NAME", or use "dx-py pip uninstall NAME", which gives the project an environment of its own; this text
`,
  executable: false,
};

/** What somebody finds who looks into a layout. */
export const ATTRIBUTION: TextLeaf = {
  kind: "text",
  content: `This Python environment is shared and read-only: use \`dx-py add NAME\`, or \`dx-py pip install NAME\` for a copy of your own.

It was made by dx-py. Every project with the same packages and the same interpreter uses this very folder, through a link named .venv.
Its packages are links into a store that other environments share too. So do not change anything in here:

  to add a package          dx-py add NAME          (not: pip install)
  to remove one             dx-py remove NAME
  to have a private copy    dx-py install --detach  (.venv becomes an ordinary folder, which pip may change)

Removing the .venv link is harmless, and so is removing this folder: \`dx-py install\` makes it again.
A layout that was changed is noticed and built anew.
`,
  executable: false,
};
