/** What makes a prefix with packages in it an environment: the interpreter's names, activation, `pyvenv.cfg`, and what says whose it is. */
import { statSync } from "node:fs";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { activationScripts } from "./activation.ts";
import { OTHER_STORE } from "./other-store.ts";
import {
  ATTRIBUTION,
  CACHE_TAG,
  interpreterLinks,
  PIP_CONFIG,
  PIP_GUARD,
  pyvenvConfig,
} from "./prefix-files.ts";
import { type Folder, folderAt } from "./prefix-tree.ts";

const windows = process.platform === "win32";

/** What of an interpreter is written into a prefix. */
export interface PrefixInterpreter
  extends Pick<
    Interpreter,
    "executable" | "version" | "implementation" | "freeThreaded" | "pointerBits" | "basePrefix"
  > {
  markers: Pick<Interpreter["markers"], "platform_python_implementation">;
  paths: Pick<Interpreter["paths"], "purelib" | "scripts">;
}

export interface EnvironmentFacts {
  interpreter: PrefixInterpreter;
  prompt?: string;
}

export interface EnvironmentOptions {
  /** The prefix belongs to one project: it does not say that it is shared. */
  private: boolean;
  /** A package's tree in a store that is not the home's. */
  other: string | undefined;
}

/** Puts them into `root`, the tree of the prefix that will be at `prefix`. */
export function placeEnvironmentFiles(
  root: Folder,
  { interpreter, prompt }: EnvironmentFacts,
  prefix: string,
  options: EnvironmentOptions,
): void {
  const { scripts } = interpreter.paths;
  const bin = folderAt(root, scripts);
  if (windows) for (const name of ["python.exe", "pythonw.exe"]) placeLauncher(bin, interpreter, name);
  else for (const [name, link] of interpreterLinks(interpreter)) bin.children.set(name, link);
  for (const [name, text] of activationScripts(prefix, scripts, prompt))
    bin.children.set(name, { kind: "text", content: text, executable: false });
  root.children.set("pyvenv.cfg", {
    kind: "text",
    content: pyvenvConfig(interpreter, prompt),
    executable: false,
  });
  root.children.set("CACHEDIR.TAG", CACHE_TAG);
  if (!options.private) {
    root.children.set("SHARED-READ-ONLY.txt", ATTRIBUTION);
    root.children.set(PIP_CONFIG, PIP_GUARD);
    if (options.other !== undefined) root.children.set(OTHER_STORE, { kind: "link", target: options.other });
  }
  if (!windows && process.platform !== "darwin" && interpreter.pointerBits === 64)
    root.children.set("lib64", { kind: "link", target: "lib" });
}

/** `venv`'s own launcher finds the interpreter by `pyvenv.cfg`. */
function placeLauncher(bin: Folder, interpreter: PrefixInterpreter, name: string): void {
  const base = interpreter.basePrefix;
  const launcher = name === "python.exe" ? "venvlauncher.exe" : "venvwlauncher.exe";
  const found = [`${base}/Lib/venv/scripts/nt/${name}`, `${base}/Lib/venv/scripts/nt/${launcher}`].find(
    (path) => statSync(path, { throwIfNoEntry: false }) !== undefined,
  );
  const leaf = { kind: "store" as const, source: found ?? interpreter.executable };
  bin.children.set(name, { ...leaf, directory: false, real: true });
}
