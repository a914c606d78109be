// `npm test`: everything that must hold, in one command. Runs every step even when one fails, so that one run shows all;
// the last line is "N passed, N failed".
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { ensureOracles } from "./oracles.ts";
import { ensureVersitygw } from "./versitygw.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = (name: string) => `${root}node_modules/.bin/${name}`;
let passed = 0;
let failed = 0;

/** One check that counts as one test. */
function step(name: string, command: string[]): void {
  const start = performance.now();
  const done = Bun.spawnSync(command, { cwd: root, stdout: "pipe", stderr: "pipe" });
  const good = done.exitCode === 0;
  console.log(`${good ? "ok  " : "FAIL"} ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  if (good) passed++;
  else {
    failed++;
    console.log(done.stdout.toString() + done.stderr.toString());
  }
}

/** A test run of Bun's: its own counts are added up. */
async function tests(name: string, paths: string[]): Promise<void> {
  console.log(`\n--- ${name} ---`);
  const child = Bun.spawn([process.execPath, "test", "--timeout", "120000", ...paths], {
    cwd: root,
    stdout: "inherit",
    stderr: "pipe",
    env: { ...process.env, DX_PY_TEST_JOBS: String(availableParallelism()) },
  });
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of child.stderr) {
    const piece = decoder.decode(chunk, { stream: true });
    text += piece;
    process.stderr.write(piece);
  }
  const code = await child.exited;
  const count = (word: string) => Number(new RegExp(`^\\s*(\\d+) ${word}$`, "m").exec(text)?.[1] ?? 0);
  passed += count("pass");
  failed += count("fail");
  if (code !== 0 && count("fail") === 0) {
    failed++;
    console.log(`FAIL ${name}: the test runner exited ${code} without naming a failed test`);
  }
}

const biome = process.env["CI"] ? ["ci"] : ["check"];
step("format and lint", [bin("biome"), ...biome, "."]);
step("types", [bin("tsc"), "--noEmit"]);
step("rooms", [process.execPath, "run", "scripts/rooms.ts"]);
step("build", [process.execPath, "run", "scripts/build.ts"]);
const oracles = await ensureOracles();
console.log(
  oracles ? "ok   oracles from PyPI" : "SKIP the oracles from PyPI cannot be had: differential tests skip",
);
console.log(
  (await ensureVersitygw())
    ? "ok   versitygw, an S3 server"
    : "SKIP versitygw cannot be built (no Go, or no modules): tests with S3 skip",
);
await tests("rooms, one by one", ["src"]);
// `test` alone would be a filter that every `*.test.ts` passes.
await tests("end to end, through the executable", ["./test/"]);

console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
