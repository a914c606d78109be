/** Documents in the shape of `pylock.toml`, valid and nearly so. */
import fc from "fast-check";

const hashes = { sha256: "0".repeat(64) };

/** One of everything that the format has. */
export const validPylock: Record<string, unknown> = {
  "lock-version": "1.0",
  environments: ["sys_platform == 'linux'", "sys_platform == 'win32'"],
  "requires-python": ">=3.9",
  extras: ["x", "a-b"],
  "dependency-groups": ["dev", "Docs"],
  "default-groups": ["dev"],
  "created-by": "a tool",
  packages: [
    {
      name: "foo-bar",
      version: "1.0",
      marker: "'x' in extras or 'dev' in dependency_groups",
      "requires-python": ">=3.8",
      dependencies: [{ name: "vcs-one" }],
      index: "https://example.org/simple",
      sdist: { name: "foo_bar-1.0.tar.gz", url: "https://example.org/foo_bar-1.0.tar.gz", size: 10, hashes },
      wheels: [
        { url: "https://example.org/foo%5Fbar-1.0-py3-none-any.whl#x", hashes },
        { path: "wheels\\foo_bar-1.0-cp312-cp312-win_amd64.whl", hashes },
      ],
      "attestation-identities": [{ kind: "GitHub", repository: "foo/bar" }],
      tool: { any: 1 },
    },
    {
      name: "vcs-one",
      vcs: {
        type: "git",
        url: "https://example.org/r",
        "requested-revision": "main",
        "commit-id": "abc",
        subdirectory: "s",
      },
    },
    { name: "folder", version: "2", directory: { path: "../folder", editable: true } },
    { name: "packed", archive: { url: "https://example.org/p.zip", size: 5, hashes, subdirectory: "s" } },
  ],
  tool: { "dx-py": { format: 1 } },
};

/** The document with one or two values removed, replaced or added. */
export function changedDocument(document: Record<string, unknown>): fc.Arbitrary<Record<string, unknown>> {
  const paths = pathsOf(document);
  const value = fc.constantFrom<unknown>(
    undefined,
    5,
    true,
    "",
    "x",
    "1.0",
    "1.5",
    "2.0",
    "v1.0",
    "Foo",
    "foo-bar",
    "foo_bar-2.0-py3-none-any.whl",
    "foo_bar-1.0.tar.gz",
    ">=3",
    "3",
    "os_name == 'x'",
    "os_name",
    [],
    ["x"],
    [5],
    [{}],
    {},
    { sha256: 5 },
    { path: "x" },
    { path: "", url: "" },
    { name: "x" },
    { type: "git", "commit-id": "a", path: "p" },
    { path: "a/foo_bar-1.0-py3-none-any.whl", hashes },
    [{ path: "a/foo_bar-1.0-py3-none-any.whl", hashes }],
    { kind: "x" },
    [{ kind: 5 }],
  );
  const change = fc.tuple(fc.constantFrom(...paths), value);
  return fc.array(change, { minLength: 1, maxLength: 2 }).map((changes) => {
    const copy = structuredClone(document);
    for (const [path, put] of changes) set(copy, path, put);
    return copy;
  });
}

const ADDITIONS = [
  "size",
  "path",
  "url",
  "name",
  "vcs",
  "directory",
  "archive",
  "sdist",
  "wheels",
  "index",
  "editable",
];

function pathsOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (Array.isArray(value)) return value.flatMap((one, i) => [[...path, i], ...pathsOf(one, [...path, i])]);
  if (typeof value !== "object" || value === null) return [];
  const keys = new Set([...Object.keys(value), ...ADDITIONS]);
  return [...keys].flatMap((key) => [
    [...path, key],
    ...pathsOf((value as Record<string, unknown>)[key], [...path, key]),
  ]);
}

function set(document: unknown, path: readonly (string | number)[], value: unknown): void {
  let parent = document as Record<string | number, unknown> | undefined;
  for (const key of path.slice(0, -1)) {
    const next = parent?.[key];
    parent =
      typeof next === "object" && next !== null ? (next as Record<string | number, unknown>) : undefined;
  }
  if (parent === undefined) return;
  const last = path.at(-1)!;
  if (value !== undefined) parent[last] = structuredClone(value);
  else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete parent[last];
}
