/**
 * The shape of a derivation is which keys each kind has and what they hold: the same rules as
 * `docs/formats/derivation.schema.json`, as code that costs nothing to load.
 */

/** Says what is wrong with `value` at `path` (`package.fetch.sha256`), or nothing. */
type Check = (value: unknown, path: string) => string | undefined;

const text: Check = (value, path) => (typeof value === "string" ? undefined : `${path} must be a string`);
const filled: Check = (value, path) =>
  typeof value === "string" && value !== "" ? undefined : `${path} must be a string that is not empty`;
const one: Check = (value, path) => (value === 1 ? undefined : `${path} must be 1`);
const truth: Check = (value, path) => (typeof value === "boolean" ? undefined : `${path} must be a boolean`);
const yes: Check = (value, path) => (value === true ? undefined : `${path} must be true`);
const hash = matching(/^[0-9a-f]{64}$/, "64 lower-case hex digits");
const commit = matching(/^([0-9a-f]{40}|[0-9a-f]{64})$/, "a full commit id in lower-case hex");
const basename = matching(/^(?!\.{1,2}$)[^/\\\0]{1,255}$/, "a file name");
const projectName = matching(/^[a-z0-9]+(-[a-z0-9]+)*$/, "a normalised project name");

function matching(pattern: RegExp, what: string): Check {
  return (value, path) =>
    typeof value === "string" && pattern.test(value) ? undefined : `${path} must be ${what}`;
}

function oneOf(...choices: string[]): Check {
  return (value, path) =>
    choices.includes(value as string) ? undefined : `${path} must be one of ${choices.join(", ")}`;
}

function list(item: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return `${path} must be an array`;
    return firstProblem(value, (member, index) => item(member, `${path}[${index}]`));
  };
}

function map(item: Check): Check {
  return (value, path) => {
    if (!isRecord(value)) return `${path} must be an object`;
    return firstProblem(Object.entries(value), ([key, member]) => item(member, `${path}.${key}`));
  };
}

/** An object with exactly these keys; a key that ends in `?` may be absent. */
function shape(keys: Record<string, Check>): Check {
  const checks = new Map(Object.entries(keys).map(([key, check]) => [key.replace("?", ""), check]));
  const required = Object.keys(keys).filter((key) => !key.endsWith("?"));
  return (value, path) => {
    if (!isRecord(value)) return `${path} must be an object`;
    const missing = required.find((key) => !Object.hasOwn(value, key));
    if (missing !== undefined) return `${join(path, missing)} is missing`;
    return firstProblem(Object.entries(value), ([key, member]) => {
      const check = checks.get(key);
      return check === undefined ? `${join(path, key)} is not a known key` : check(member, join(path, key));
    });
  };
}

function either(first: Check, second: Check): Check {
  return (value, path) => (first(value, path) === undefined ? undefined : second(value, path));
}

/** Chooses among shapes by the text at `key`. */
function byKey(key: string, shapes: Record<string, Check>): Check {
  return (value, path) => {
    if (!isRecord(value)) return `${path} must be an object`;
    const choice = value[key];
    const check = typeof choice === "string" && Object.hasOwn(shapes, choice) ? shapes[choice] : undefined;
    if (check === undefined) return `${join(path, key)} must be one of ${Object.keys(shapes).join(", ")}`;
    return check(value, path);
  };
}

function firstProblem<T>(
  items: readonly T[],
  check: (item: T, index: number) => string | undefined,
): string | undefined {
  for (const [index, item] of items.entries()) {
    const problem = check(item, index);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

let kinds: Check | undefined;

/** Put together when the first derivation is read: most commands read none. */
function makeKinds(): Check {
  const source = byKey("kind", {
    file: shape({ kind: text, filename: basename, sha256: hash, "subdirectory?": filled }),
    git: shape({ kind: text, url: filled, commit, "subdirectory?": filled }),
    directory: shape({ kind: text, digest: hash, "path?": filled, "subdirectory?": filled }),
  });
  const python = shape({ implementation: filled, version: filled, abi: filled });
  const hook = oneOf("build_wheel", "build_editable");
  const configSettings = map(either(text, list(text)));
  const reference = shape({ name: projectName, version: filled, output: hash, "derivation?": hash });
  const request = shape({
    hook,
    source,
    python,
    platform: filled,
    configSettings,
    environment: map(text),
    extraRequires: list(filled),
    constraints: list(filled),
    isolated: truth,
  });

  const head = { format: one, kind: text };
  return byKey("kind", {
    fetch: shape({ ...head, filename: basename, sha256: hash, url: filled }),
    package: (value, path) =>
      isRecord(value) && Object.hasOwn(value, "build")
        ? shape({ ...head, build: request })(value, path)
        : shape({ ...head, fetch: shape({ filename: basename, sha256: hash }) })(value, path),
    build: shape({
      ...head,
      name: projectName,
      version: filled,
      hook,
      source,
      backend: shape({ name: filled, path: list(filled) }),
      requires: list(reference),
      python,
      platform: filled,
      configSettings,
      environment: map(text),
      isolated: truth,
      "sandbox?": yes,
      "movedFrom?": hash,
    }),
    layout: shape({
      ...head,
      interpreter: hash,
      linkMode: oneOf("symlink", "hardlink", "clone", "copy"),
      packages: list(either(hash, shape({ output: hash, directUrl: text }))),
      editables: list(shape({ output: hash, path: filled, directUrl: text })),
      "prompt?": text,
      realPaths: list(filled),
    }),
    env: shape({
      ...head,
      layout: hash,
      lock: hash,
      project: filled,
      selection: shape({ extras: list(filled), groups: list(filled) }),
    }),
  });
}

/** What is wrong with a value that should be a derivation; nothing when it is one. */
export function checkDerivation(value: unknown): string | undefined {
  if (!isRecord(value)) return "it is not an object";
  if (value["format"] !== 1) return "format is not 1, the only one that this version knows";
  kinds ??= makeKinds();
  return kinds(value, "");
}
