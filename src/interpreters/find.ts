import { existsSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { Failure } from "../platform/errors.ts";
import { userFolder } from "../platform/home.ts";
import { parseSpecifierSet, type SpecifierSet } from "../standards/specifiers.ts";
import {
  type Candidate,
  folderCandidates,
  isShim,
  managedCandidates,
  parents,
  pathFolders,
  pyenvCandidates,
  pyenvRoot,
  pyenvVersionFolder,
  readLines,
  resolvePyenvShim,
  systemFolders,
  uvFolder,
} from "./candidates.ts";
import { type AskedInterpreter, askInterpreter, type FirstWords, type InspectContext } from "./inspect.ts";
import type { Interpreter } from "./interpreter.ts";
import {
  inRange,
  isPrereleasePython,
  mayAnswer,
  type PythonRequest,
  parsePythonRequest,
  satisfiesRequest,
} from "./python-request.ts";
import { rememberedSearch, rememberSearch } from "./remembered.ts";

export interface InterpreterRequest {
  /** A path, `3.12`, `>=3.9,<3.12`, `cpython3.12`, or the name of an executable on PATH. */
  python?: string;
  /** The project's `requires-python`. */
  requiresPython?: string;
  /** Where `.python-version` is looked for, from here up. */
  projectDir?: string;
}

/**
 * The interpreter to lock and install for. What is asked comes from `python`, DX_PY_PYTHON, UV_PYTHON or
 * `.python-version`, in this order; the active virtual environment has no say. A version is looked for among uv's
 * managed interpreters, on PATH, in pyenv, then in the system's folders; without a request PATH comes first.
 * Errors: DXPY_NO_PYTHON names what was found; DXPY_PYTHON_INCOMPATIBLE when what was asked for by name does not
 * satisfy `requiresPython`; those of `inspectInterpreter` for an executable that was asked for by name.
 */
export async function findInterpreter(
  request: InterpreterRequest,
  context: InspectContext,
): Promise<Interpreter> {
  return await askForInterpreter(request, context).interpreter;
}

/** The same, with what the interpreter says first: one that is asked for by name and is not remembered has something to say. */
export function askForInterpreter(request: InterpreterRequest, context: InspectContext): AskedInterpreter {
  const first = Promise.withResolvers<FirstWords | undefined>();
  const find = async () => {
    const requires = request.requiresPython ? parseSpecifierSet(request.requiresPython) : undefined;
    const asked = askedFor(request, context);
    const parsed = parsePythonRequest(asked.text);
    if (parsed.kind !== "path" && parsed.kind !== "name")
      return await searchFor(parsed, requires, { asked, request, context, first: first.resolve });
    const path =
      parsed.kind === "path" ? absolute(parsed.path, asked.folder) : onPath(parsed.name, context, asked);
    const one = askInterpreter(path, context);
    // What does not suit has nothing to begin with.
    const suits = (words: FirstWords) => requires === undefined || inRange(words, requires);
    first.resolve(one.first.then((words) => (words !== undefined && suits(words) ? words : undefined)));
    return compatible(await one.interpreter, requires, asked);
  };
  const interpreter = find().finally(() => first.resolve(undefined));
  interpreter.catch(() => {});
  return { first: first.promise, interpreter };
}

async function searchFor(
  parsed: PythonRequest,
  requires: SpecifierSet | undefined,
  question: Omit<Search, "key">,
): Promise<Interpreter> {
  const { asked, request, context } = question;
  const key = searchKey(asked.text, request, context);
  return rememberedSearch(context.home, key) ?? (await search(parsed, requires, { ...question, key }));
}

/** Every interpreter that can be found and works, each once, in the order in which they are preferred. */
export async function listInterpreters(
  context: InspectContext & { projectDir?: string },
): Promise<Interpreter[]> {
  const found = new Map<string, Interpreter>();
  for (const candidate of candidates({ kind: "any" }, context)) {
    const interpreter = await askQuietly(candidate, context, context.projectDir, [])?.interpreter.catch(
      nothing,
    );
    if (interpreter !== undefined) found.set(interpreter.executable, interpreter);
  }
  return [...found.values()];
}

interface Asked {
  text: string;
  /** `--python`, `UV_PYTHON`, the path of a `.python-version`; empty when nothing was asked. */
  origin: string;
  /** What a relative path is relative to. */
  folder: string;
}

function askedFor(request: InterpreterRequest, { env }: InspectContext): Asked {
  const folder = process.cwd();
  if (request.python) return { text: request.python, origin: "--python", folder };
  for (const name of ["DX_PY_PYTHON", "UV_PYTHON"]) {
    if (env[name]) return { text: env[name], origin: name, folder };
  }
  for (const directory of request.projectDir === undefined ? [] : parents(resolve(request.projectDir))) {
    for (const name of [".python-version", ".python-versions"]) {
      const line = readLines(`${directory}/${name}`)
        .map((text) => understood(text, env))
        .find((text) => text !== undefined);
      if (line !== undefined) return { text: line, origin: `${directory}/${name}`, folder: directory };
    }
    // As uv does: a version file above the repository or the home folder belongs to something else.
    if (existsSync(`${directory}/.git`) || directory === userFolder(env)) break;
  }
  return { text: "", origin: "", folder };
}

/** A line of `.python-version` as a request: pyenv's own names of environments become paths; `system` asks nothing. */
function understood(text: string, env: InspectContext["env"]): string | undefined {
  if (text === "system") return undefined;
  const name = text.replace(/^python-(?=\d)/, "");
  let kind: PythonRequest["kind"] | undefined;
  try {
    kind = parsePythonRequest(name).kind;
  } catch (error) {
    // Another implementation, asked for by the project: said clearly when there is no later line to take.
    if (pyenvVersionFolder(pyenvRoot(env), name) === undefined) return name;
    throw error;
  }
  if (kind !== "name") return name;
  const folder = pyenvVersionFolder(pyenvRoot(env), name);
  return folder === undefined ? name : `${pyenvRoot(env)}/versions/${folder}`;
}

function absolute(path: string, folder: string): string {
  const expanded = path.startsWith("~/") ? `${userFolder(process.env)}/${path.slice(2)}` : path;
  return isAbsolute(expanded) ? expanded : resolve(folder, expanded);
}

function onPath(name: string, context: InspectContext, asked: Asked): string {
  for (const folder of pathFolders(context.env)) {
    const path = [`${folder}/${name}`, `${folder}/${name}.exe`].find((file) => existsSync(file));
    if (path === undefined) continue;
    if (!isShim(path)) return path;
    const real = resolvePyenvShim(name, context.env, asked.folder, []);
    if (real !== undefined) return real;
  }
  throw new Failure(
    "DXPY_NO_PYTHON",
    `there is no executable named "${name}" on PATH (asked for by ${asked.origin})`,
    {
      hint: "`--python` takes a path, a version such as 3.12, or a range such as `>=3.10,<3.13`.",
    },
  );
}

function compatible(interpreter: Interpreter, requires: SpecifierSet | undefined, asked: Asked): Interpreter {
  if (requires === undefined || inRange(interpreter, requires)) return interpreter;
  throw new Failure(
    "DXPY_PYTHON_INCOMPATIBLE",
    `${asked.origin} asks for Python ${interpreter.version}, and the project requires ${requires.text}`,
    {
      context: { path: interpreter.executable },
      hint: "Ask for another Python, or widen `requires-python`.",
    },
  );
}

function searchKey(text: string, request: InterpreterRequest, { env }: InspectContext): string {
  const names = ["PATH", "HOME", "PYENV_ROOT", "PYENV_VERSION", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"];
  return JSON.stringify([
    text,
    request.requiresPython ?? "",
    // Without such files, pyenv's shims say the same in every folder.
    hasLocalVersion(request) ? request.projectDir : "",
    names.map((name) => env[name] ?? ""),
    [uvFolder(env), pyenvRoot(env)].every((folder) => isAbsolute(folder)) ? "" : process.cwd(),
  ]);
}

/** Whether pyenv finds a file that holds in the project's folder only. */
function hasLocalVersion({ projectDir }: InterpreterRequest): boolean {
  return (
    projectDir !== undefined && parents(projectDir).some((folder) => existsSync(`${folder}/.python-version`))
  );
}

interface Search {
  key: string;
  asked: Asked;
  request: InterpreterRequest;
  context: InspectContext;
  /** Told what a candidate says first that will be the answer if it works. */
  first(words: FirstWords): void;
}

async function search(
  parsed: PythonRequest,
  requires: SpecifierSet | undefined,
  search: Search,
): Promise<Interpreter> {
  const { context, request } = search;
  const searched = [...pathFolders(context.env), uvFolder(context.env), `${pyenvRoot(context.env)}/versions`];
  const consulted: string[] = [];
  // Where there is none for the project at all, that is a part of the question.
  const projectDir = hasLocalVersion(request) ? request.projectDir : undefined;
  const seen: Interpreter[] = [];
  let fallback: Interpreter | undefined;
  const wantsPrerelease = parsed.kind === "version" && parsed.exact !== undefined;
  const inRequired = (one: FirstWords) => requires === undefined || inRange(one, requires);
  for (const candidate of candidates(parsed, context)) {
    if (!mayAnswer(candidate.release, parsed, requires)) continue;
    const one = askQuietly(candidate, context, projectDir, consulted);
    void one?.first.then((words) => {
      // Where more than a range is asked for, only the whole answer tells.
      if (words !== undefined && parsed.kind === "any" && inRequired(words) && !isPrereleasePython(words))
        search.first(words);
    });
    const interpreter = await one?.interpreter.catch(nothing);
    if (interpreter === undefined) continue;
    seen.push(interpreter);
    if (!satisfiesRequest(interpreter, parsed) || !inRequired(interpreter)) continue;
    if (isPrereleasePython(interpreter) && !wantsPrerelease) {
      fallback ??= interpreter;
      continue;
    }
    rememberSearch(context.home, search.key, interpreter.executable, [...searched, ...consulted]);
    return interpreter;
  }
  if (fallback !== undefined) return fallback;
  throw nothingFound(search, seen);
}

function nothingFound({ asked, request, context }: Search, seen: readonly Interpreter[]): Failure {
  const wishes = [
    asked.text === "" ? undefined : `${asked.text} (${asked.origin})`,
    request.requiresPython === undefined ? undefined : `requires-python ${request.requiresPython}`,
  ].filter((wish) => wish !== undefined);
  const lines = new Set(seen.map(({ version, executable }) => `${version}  ${executable}`));
  for (const { path, release } of candidates({ kind: "any" }, context)) {
    if (release !== undefined && !isShim(path)) lines.add(`${release.join(".")}  ${path}`);
  }
  const found = [...lines].slice(0, 20);
  const detail = found.length === 0 ? "no Python was found at all" : `found:\n  ${found.join("\n  ")}`;
  return new Failure("DXPY_NO_PYTHON", `no Python answers to ${wishes.join(" and ") || "any version"}`, {
    context: { detail },
    hint: "Install one (pyenv, uv, the system's packages), or name one with `--python`.",
  });
}

function* candidates(request: PythonRequest, { env }: InspectContext): Generator<Candidate> {
  const wanted = request.kind === "version" ? request.release : undefined;
  if (request.kind === "any") {
    yield* folderCandidates(pathFolders(env), "path", wanted);
    yield* pyenvCandidates(env);
    yield* managedCandidates(env);
  } else {
    yield* managedCandidates(env);
    yield* folderCandidates(pathFolders(env), "path", wanted);
    yield* pyenvCandidates(env);
  }
  yield* folderCandidates(systemFolders(), "system", wanted);
}

/** Whom to ask, and it was asked; `undefined` where a shim leads nowhere. It may yet turn out not to work. */
function askQuietly(
  candidate: Candidate,
  context: InspectContext,
  projectDir: string | undefined,
  consulted: string[],
): AskedInterpreter | undefined {
  if (!isShim(candidate.path)) return askInterpreter(candidate.path, context);
  const name = candidate.path.slice(candidate.path.lastIndexOf("/") + 1);
  const real = resolvePyenvShim(name, context.env, projectDir, consulted);
  return real === undefined ? undefined : askInterpreter(real, context);
}

/** A candidate that was not asked for by name and does not work is passed over. */
function nothing(error: unknown): undefined {
  if (error instanceof Failure) return undefined;
  throw error;
}
