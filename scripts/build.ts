/**
 * Builds the single executable `dist/dx-py`: one entry point with its chunks, bytecode for a start in milliseconds, and
 * every `*-worker.ts` as an entry point of its own, because a worker is started by its file's name.
 * The same sources give the same bytes.
 *
 * The files of the warm path are bundled by themselves first, each with all that it imports. Split with the rest of the program they would
 * be ten chunks, because the rest shares their imports, and finding and linking those takes as long as running them.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dir);
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const define = {
  DX_PY_VERSION: JSON.stringify(version),
  DX_PY_BUILD: JSON.stringify(buildIdentity()),
};
const workers = [...new Bun.Glob("src/**/*-worker.ts").scanSync({ cwd: root })].sort();
const entry = join(root, "src/cli/main.ts");
const ALONE = ["cli/warm.ts", "cli/warm-rollback.ts"];
const alone = [entry, ...ALONE.map((path) => join(root, "src", path))];
const windows = process.platform === "win32";
const name = windows ? "dx-py.exe" : "dx-py";
const outfile = join(root, "dist", name);
// The file's own name is embedded, so the staged file bears it too, in a folder of its own.
const staging = join(root, "dist", `.new-${process.pid}`);

mkdirSync(staging, { recursive: true });
try {
  const bundled = new Map<string, string>();
  for (const path of alone) bundled.set(path, await bundleAlone(path));
  await Bun.build({
    entrypoints: [entry, ...workers.map((worker) => join(root, worker))],
    root: join(root, "src"),
    target: "bun",
    format: "esm",
    minify: true,
    bytecode: true,
    splitting: true,
    define,
    plugins: [
      {
        // toml-eslint-parser unites the names of its nodes with those of JavaScript's: loading these takes longer than reading a file.
        name: "no nodes of other languages",
        setup(build) {
          const path = "eslint-visitor-keys";
          build.onResolve({ filter: /^eslint-visitor-keys$/ }, () => ({ path, namespace: "own" }));
          build.onLoad({ filter: /./, namespace: "own" }, () => ({
            contents: "export const unionWith = (keys) => keys;",
            loader: "js",
          }));
        },
      },
      {
        name: "what was bundled by itself",
        setup(build) {
          build.onLoad({ filter: /[/\\](main|warm|warm-rollback)\.ts$/ }, ({ path }) => ({
            contents: bundled.get(path) ?? readFileSync(path, "utf8"),
            loader: bundled.has(path) ? "js" : "ts",
          }));
        },
      },
    ],
    compile: {
      outfile: join(staging, name),
      // A compiled program otherwise obeys the bunfig.toml and .env of the folder it is started in.
      autoloadBunfig: false,
      autoloadDotenv: false,
      // Nearly everything here runs for less time than optimising it takes; `expectLongRun` says where not.
      jitPolicy: 100,
    },
  });
  // An executable that runs cannot be written over; it can be replaced.
  renameSync(join(staging, name), outfile);
} finally {
  rmSync(staging, { recursive: true, force: true });
}
const megabytes = (statSync(outfile).size / 1e6).toFixed(0);
console.log(`dist/dx-py ${version} (${megabytes} MB, ${1 + workers.length} entry points)`);

/** Of everything that the executable is made from. */
function buildIdentity(): string {
  const hash = new Bun.CryptoHasher("sha256").update(Bun.version);
  const sources = [...new Bun.Glob("src/**/*.ts").scanSync({ cwd: root })].filter(
    (path) => !path.endsWith(".test.ts") && !path.includes("/testing/"),
  );
  for (const path of [...sources.sort(), "package-lock.json"]) {
    const text = readFileSync(join(root, path));
    hash.update(`${path} ${text.length}\n`).update(text);
  }
  return hash.digest("hex").slice(0, 32);
}

/** One file and all that it imports; what it loads by `import()` is left to be found by the whole build. */
async function bundleAlone(path: string): Promise<string> {
  const { outputs } = await Bun.build({
    entrypoints: [path],
    target: "bun",
    format: "esm",
    define,
    plugins: [
      {
        name: "leave import() alone",
        setup(build) {
          build.onResolve({ filter: /^\./ }, ({ path: specifier, importer, kind }) =>
            kind === "dynamic-import"
              ? { path: join(dirname(importer), specifier), external: true }
              : undefined,
          );
        },
      },
    ],
  });
  const [output] = outputs;
  if (output === undefined || outputs.length !== 1) throw new Error(`${path} became ${outputs.length} files`);
  return await output.text();
}
