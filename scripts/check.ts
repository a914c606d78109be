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

interface Run {
  passed: number;
  failed: number;
  /** Those in which a test failed. */
  files: string[];
}

async function runTests(paths: readonly string[]): Promise<Run> {
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
  const files = new Set<string>();
  let file = "";
  // Behind the last test, those that failed are listed once more, under no file's name.
  const told = text.split(/^\d+ tests (?:skipped|failed):$/m)[0] ?? "";
  for (const line of told.split("\n")) {
    file = /^(\S+\.test\.ts):$/.exec(line)?.[1] ?? file;
    if (line.startsWith("(fail)") && file !== "") files.add(`./${file}`);
  }
  const unnamed = code !== 0 && count("fail") === 0;
  if (unnamed) console.log(`FAIL the test runner exited ${code} without naming a failed test`);
  return { passed: count("pass"), failed: count("fail") + (unnamed ? 1 : 0), files: [...files] };
}

/**
 * A test run of Bun's: its own counts are added up. Files with a failed test are run once more, by themselves: what fails twice has failed, what
 * passes then depends on the machine's load, and is named so that it is not forgotten.
 */
async function tests(name: string, paths: string[]): Promise<void> {
  console.log(`\n--- ${name} ---`);
  const first = await runTests(paths);
  passed += first.passed;
  if (first.failed === 0) return;
  console.log(`\n--- once more: ${first.files.join(" ")} ---`);
  const again = first.files.length === 0 ? undefined : await runTests(first.files);
  const stillFailed = again?.failed ?? first.failed;
  failed += stillFailed;
  passed += Math.max(0, first.failed - stillFailed);
  if (stillFailed < first.failed)
    console.log(`UNSTEADY passed only at the second try: ${first.files.join(" ")}`);
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
