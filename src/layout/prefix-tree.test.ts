import { afterAll, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { removeTree } from "../platform/staging.ts";
import { placeTree } from "./place-files.ts";
import { type Collision, newFolder, place } from "./prefix-tree.ts";

const scratch = mkdtempSync(`${tmpdir()}/dxpy-prefix-`);
afterAll(() => removeTree(scratch));
let counter = 0;

/** File paths in a few folders, so that packages meet in them; a name is a file (`.py`) or a folder, never both. */
const somePath = fc
  .tuple(fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 3 }), fc.constantFrom("x.py", "y.py", "z.txt"))
  .map(([folders, name]) => [...folders, name].join("/"));
const somePackages = fc.array(fc.uniqueArray(somePath, { minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 5,
});

/** Files below a folder, links followed, bytecode aside. */
function filesOf(folder: string, below = ""): string[] {
  return readdirSync(`${folder}/${below}`).flatMap((name) => {
    const path = below === "" ? name : `${below}/${name}`;
    if (name === "__pycache__") return [];
    return statSync(`${folder}/${path}`).isDirectory() ? filesOf(folder, path) : [path];
  });
}

test("whatever packages share, every file is in the farm, from the last package that has it, and no directory is wider than it must be", () => {
  fc.assert(
    fc.property(
      somePackages,
      fc.constantFrom("symlink" as const, "hardlink" as const),
      (packages, linkMode) => {
        const root = `${scratch}/${counter++}`;
        const tree = newFolder();
        const collisions: Collision[] = [];
        const owner = new Map<string, string>();
        packages.forEach((paths, i) => {
          for (const path of paths) {
            const file = `${root}/store/${i}/${path}`;
            mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
            writeFileSync(file, String(i));
            owner.set(path, String(i));
          }
          for (const entry of readdirSync(`${root}/store/${i}`, { withFileTypes: true })) {
            const source = `${root}/store/${i}/${entry.name}`;
            place(
              tree,
              entry.name,
              { kind: "store", source, directory: entry.isDirectory(), real: false },
              "",
              collisions,
            );
          }
        });
        placeTree(tree, `${root}/farm`, { linkMode, readOnly: true });
        expect(filesOf(`${root}/farm`).sort()).toEqual([...owner.keys()].sort());
        for (const [path, i] of owner) expect(readFileSync(`${root}/farm/${path}`, "utf8")).toBe(i);
        const all = packages.flat();
        const twice = new Set(all.filter((path, i) => all.indexOf(path) !== i));
        expect(new Set(collisions.map((c) => c.path))).toEqual(twice);
        if (linkMode === "symlink")
          for (const folder of ["a", "a/b", "b", "c"].filter((path) => existsSync(`${root}/farm/${path}`))) {
            const sharing = packages.filter((paths) =>
              paths.some((path) => path.startsWith(`${folder}/`)),
            ).length;
            const parent = folder.includes("/")
              ? packages.filter((p) => p.some((path) => path.startsWith("a/"))).length
              : 2;
            if (parent > 1) expect(lstatSync(`${root}/farm/${folder}`).isSymbolicLink()).toBe(sharing === 1);
          }
      },
    ),
    { numRuns: 60 },
  );
});
