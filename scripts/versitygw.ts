// A real S3 server for tests: versitygw at exactly this version, built once by the Go toolchain into `.tools/bin`.
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { fileURLToPath } from "node:url";

const VERSION = "v1.8.0";
const folder = fileURLToPath(new URL("../.tools/bin", import.meta.url));
const program = `${folder}/versitygw-${VERSION}`;

/** Its path when it has been built, else `undefined`; looks at the disk only. */
export function installedVersitygw(): string | undefined {
  return existsSync(program) ? program : undefined;
}

/** Builds it when it is missing (about a minute). `undefined` where there is no Go, or its modules cannot be had. */
export async function ensureVersitygw(): Promise<string | undefined> {
  if (existsSync(program)) return program;
  const go = Bun.which("go");
  if (go === null) return undefined;
  mkdirSync(folder, { recursive: true });
  const child = Bun.spawn([go, "install", `github.com/versity/versitygw/cmd/versitygw@${VERSION}`], {
    env: { ...process.env, GOBIN: folder, CGO_ENABLED: "0" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  if ((await child.exited) !== 0) return undefined;
  // Under its final name only when it is whole: the compiler writes in place.
  renameSync(`${folder}/versitygw`, program);
  return program;
}

if (import.meta.main) {
  const found = await ensureVersitygw();
  console.log(found ?? "versitygw cannot be had (no Go, or no modules)");
  process.exitCode = found === undefined ? 1 : 0;
}
