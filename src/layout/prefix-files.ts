/** The files that make a prefix a virtual environment (PEP 405), and the one that says what it is. */
import type { Interpreter } from "../interpreters/interpreter.ts";
import type { LinkLeaf, TextLeaf } from "./prefix-tree.ts";

/** `pyvenv.cfg`. `prompt`: only when a project asked for one; a layout belongs to nobody. */
export function pyvenvConfig(interpreter: Interpreter, prompt?: string): string {
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
export function interpreterLinks(interpreter: Interpreter): [string, LinkLeaf][] {
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

/** What somebody finds who looks into a layout. */
export const ATTRIBUTION: TextLeaf = {
  kind: "text",
  content: `This Python environment was made by dx-py. It is shared and read-only.

Every project with the same packages and the same interpreter uses this very folder, through a link named .venv.
Its packages are links into a store that other environments share too. So do not change anything in here:

  to add a package          dx-py add NAME          (not: pip install)
  to remove one             dx-py remove NAME
  to have a private copy    dx-py detach            (.venv becomes an ordinary folder, which pip may change)

Removing the .venv link is harmless, and so is removing this folder: \`dx-py install\` makes it again.
A layout that was changed is noticed and built anew.
`,
  executable: false,
};
