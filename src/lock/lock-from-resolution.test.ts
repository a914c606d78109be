import { expect, test } from "bun:test";
import type { DistributionFile } from "../package-index/distribution.ts";
import type { Resolution, ResolvedPackage } from "../resolver/resolution.ts";
import { lockFromResolution } from "./lock-from-resolution.ts";

const frame = { extras: ["x"], dependencyGroups: [], defaultGroups: [], fingerprint: "ab", options: {} };
const stats = { forks: 1, decisions: 0, conflicts: 0, followed: 0, pages: 0, metadata: 0, milliseconds: 0 };

const file = (filename: string, rest: Partial<DistributionFile> = {}): DistributionFile => ({
  filename,
  kind: filename.endsWith(".whl") ? "wheel" : "sdist",
  url: `https://index.example/${filename}`,
  hashes: { sha256: "0".repeat(64) },
  yanked: false,
  index: "https://index.example/simple",
  ...rest,
});

const resolved = (name: string, rest: Partial<ResolvedPackage> = {}): ResolvedPackage => ({
  name,
  version: "1",
  source: { kind: "index" },
  dependencies: [],
  files: [],
  ...rest,
});

const lockOf = (...packages: ResolvedPackage[]) => {
  const resolution: Resolution = { packages, environments: ["os_name == 'nt'"], forks: [], stats };
  return lockFromResolution(resolution, frame);
};

test("files, index and what holds for the whole", () => {
  const files = [
    file("a-1-py3-none-any.whl", { size: 5, uploadTime: 6, requiresPython: ">=3" }),
    file("a-1.tar.gz"),
  ];
  const lock = lockOf(
    resolved("a", { files, index: "https://index.example/simple", requiresPython: ">=3.9" }),
  );
  expect(lock).toEqual({
    environments: ["os_name == 'nt'"],
    ...frame,
    packages: [
      {
        name: "a",
        version: "1",
        requiresPython: ">=3.9",
        source: { kind: "index", url: "https://index.example/simple" },
        dependencies: [],
        sdist: {
          name: "a-1.tar.gz",
          url: "https://index.example/a-1.tar.gz",
          hashes: { sha256: "0".repeat(64) },
        },
        wheels: [
          {
            name: "a-1-py3-none-any.whl",
            url: "https://index.example/a-1-py3-none-any.whl",
            size: 5,
            uploadTime: 6,
            hashes: { sha256: "0".repeat(64) },
          },
        ],
      },
    ],
  });
});

test("of several sdists the .tar.gz is locked", () => {
  const files = [file("a-1.tar.bz2"), file("a-1.zip"), file("a-1.tar.gz")];
  expect(lockOf(resolved("a", { files })).packages[0]?.sdist?.name).toBe("a-1.tar.gz");
  expect(lockOf(resolved("a", { files: files.slice(0, 2) })).packages[0]?.sdist?.name).toBe("a-1.zip");
});

test("other sources have no files beside them", () => {
  const git = resolved("a", {
    source: { kind: "git", url: "ssh://git@host.example/a", commitId: "c" },
    files: [file("a-1.zip")],
  });
  const directory = resolved("b", { version: "", source: { kind: "directory", path: ".", editable: true } });
  const [a, b] = lockOf(git, directory).packages;
  expect(a?.sdist).toBeUndefined();
  expect(a?.source).toEqual(git.source);
  expect(b).not.toHaveProperty("version");
});

test("no credential gets into a lock", () => {
  const lock = lockOf(
    resolved("a", {
      index: "https://user:secret@index.example/simple",
      files: [file("a-1.zip", { url: "https://secret@h.example/a-1.zip" })],
    }),
    resolved("b", { source: { kind: "git", url: "git+https://secret@h.example/b", commitId: "c" } }),
    resolved("c", { source: { kind: "git", url: "ssh://git:secret@h.example/b@v1", commitId: "c" } }),
    resolved("d", { source: { kind: "archive", url: "https://u:secret@h.example/d@1.zip", hashes: {} } }),
  );
  expect(JSON.stringify(lock)).not.toContain("secret");
  expect(JSON.stringify(lock)).toContain("ssh://git@h.example/b@v1");
  expect(JSON.stringify(lock)).toContain("https://h.example/d@1.zip");
});
