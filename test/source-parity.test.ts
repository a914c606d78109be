/**
 * Packages built from source by dx-py and twice by uv, file by file: `bench/source-builds.ts` with four of its ten that need no
 * compiler. Where two builds of uv are alike, dx-py's is the same. Skips, and says so, where PyPI cannot be reached.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { oraclePython } from "./oracles.ts";
import { pyproject, startSession } from "./session.ts";

const names = ["packaging", "docopt", "tomlkit", "findpython"];

async function isReached(): Promise<boolean> {
  if (oraclePython() === undefined) return false;
  const me = startSession();
  try {
    me.write("pyproject.toml", pyproject(["docopt"]));
    const { code, stderr } = await me.dx("lock");
    if (code === 0) return true;
    if (/unreachable|cannot be reached|timed out|connect/i.test(stderr)) return false;
    throw new Error(stderr);
  } finally {
    me.end();
  }
}

test("built from source: the same files as uv's", async () => {
  if (!(await isReached())) {
    console.log("SKIP built from source: PyPI cannot be reached");
    return;
  }
  const python = Bun.which("python3") ?? "";
  const script = ["--steps", "compare", "--only", names.join(","), "--python", python];
  const child = Bun.spawn([process.execPath, "run", "bench/source-builds.ts", ...script], {
    cwd: join(import.meta.dir, ".."),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [said, faults] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const rows = said.split("\n").filter((line) => names.includes(line.split(" ", 1)[0] ?? ""));
  const ends = rows.map((line) =>
    line
      .split(/\s{2,}/)
      .slice(-2)
      .join(" "),
  );
  expect(ends, said + faults).toEqual(names.map(() => "0 passes"));
  expect(await child.exited).toBe(0);
}, 120_000);
