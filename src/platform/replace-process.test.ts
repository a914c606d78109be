import { expect, test } from "bun:test";
import { startProcess } from "./process.ts";

const unix = process.platform !== "win32";

/** Runs a script that becomes another program; the process id must stay the same. */
async function becoming(call: string) {
  const script = `
    const { replaceProcess } = await import(${JSON.stringify(`${import.meta.dir}/replace-process.ts`)});
    console.log(process.pid);
    try { ${call} } catch (error) { console.log(error.code); }`;
  return await startProcess([process.execPath, "-e", script], { input: "given" });
}

test.skipIf(!unix)("replaceProcess keeps the process, its input and the exit code", async () => {
  const done = await becoming(
    `replaceProcess(["sh", "-c", 'echo $$; pwd; echo "$A$B"; cat; exit 5', "x"], { PATH: "/usr/bin:/bin", A: "ä", B: undefined }, "/")`,
  );
  const [before, after, ...rest] = done.stdout.split("\n");
  expect(after).toBe(before);
  expect(rest.join("\n")).toBe("/\nä\ngiven");
  expect(done.code).toBe(5);
});

test.skipIf(process.platform !== "linux")("replaceProcess leaves no signal ignored or blocked", async () => {
  const done = await becoming(
    `replaceProcess(["grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"], process.env)`,
  );
  expect(done.stdout.match(/Sig(Blk|Ign):\t0{16}/g)?.length).toBe(2);
});

test.skipIf(!unix)("replaceProcess says when it cannot", async () => {
  expect((await becoming(`replaceProcess(["no-such-program-here"], process.env)`)).stdout).toContain(
    "DXPY_CANNOT_START",
  );
  expect((await becoming(`replaceProcess(["/etc"], process.env)`)).stdout).toContain("DXPY_CANNOT_START");
});
