/** Real shared libraries for tests, made by the machine's C compiler. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where there is no compiler, what needs one must skip visibly: `test.skipIf(!hasCompiler())`. */
export function hasCompiler(): boolean {
  return process.platform === "linux" && Bun.which("gcc") !== null;
}

export interface NativeSpec {
  /** File name, which is also its soname. */
  name: string;
  source: string;
  /** DT_RUNPATH, with `$ORIGIN`. */
  runpath?: string;
  /** Libraries (made by this function) that it is linked with. */
  needs?: readonly NativeLibrary[];
}

export interface NativeLibrary {
  name: string;
  bytes: Uint8Array;
}

export function compileNative(spec: NativeSpec): NativeLibrary {
  const folder = mkdtempSync(join(tmpdir(), "dx-py-native-"));
  try {
    mkdirSync(join(folder, "out"));
    writeFileSync(join(folder, "source.c"), spec.source);
    for (const { name, bytes } of spec.needs ?? []) writeFileSync(join(folder, name), bytes);
    const done = Bun.spawnSync(
      [
        "gcc",
        "-shared",
        "-fPIC",
        "-o",
        `out/${spec.name}`,
        "source.c",
        `-Wl,-soname,${spec.name}`,
        ...(spec.needs ?? []).map(({ name }) => `./${name}`),
        ...(spec.runpath === undefined ? [] : [`-Wl,--enable-new-dtags,-rpath,${spec.runpath}`]),
      ],
      { cwd: folder, stdout: "pipe", stderr: "pipe" },
    );
    if (!done.success) throw new Error(`gcc failed: ${done.stderr.toString()}`);
    return { name: spec.name, bytes: new Uint8Array(readFileSync(join(folder, "out", spec.name))) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Source of an extension module that holds `ANSWER`. It declares what it uses of the stable ABI itself, so that no Python
 * headers are needed.
 */
export function extensionSource(module: string, answer: number): string {
  return `
struct definition { long count; void *type; void *init; long index; void *copy; const char *name; const char *doc; long size; void *rest[6]; };
extern void *PyModule_Create2(struct definition *, int);
extern int PyModule_AddIntConstant(void *, const char *, long);
static struct definition module = { 1, 0, 0, 0, 0, "${module}", 0, -1, { 0 } };
void *PyInit_${module}(void) {
  void *made = PyModule_Create2(&module, 1013);
  if (made) PyModule_AddIntConstant(made, "ANSWER", ${answer});
  return made;
}
`;
}
