import { expect, test } from "bun:test";
import { Failure } from "./errors.ts";
import { runProcess, startProcess } from "./process.ts";

const shell = (script: string) => ["/bin/sh", "-c", script];
const unix = process.platform !== "win32";

for (const [name, run] of [
  ["runProcess", async (...args: Parameters<typeof runProcess>) => runProcess(...args)],
  ["startProcess", startProcess],
] as const) {
  test.skipIf(!unix)(`${name}: output, code, input, folder, environment`, async () => {
    const done = await run(shell('cat; pwd; echo "$X"; echo problem >&2; exit 3'), {
      cwd: "/",
      env: { X: "value", PATH: "/usr/bin:/bin" },
      input: "in\n",
    });
    expect(done).toEqual({ code: 3, stdout: "in\n/\nvalue\n", stderr: "problem\n", timedOut: false });
  });

  test.skipIf(!unix)(`${name}: a signal, a time limit, a missing program`, async () => {
    expect((await run(shell("kill -TERM $$"))).code).toBe(143);
    const late = await run(["sleep", "20"], { timeout: 50 });
    expect([late.code, late.timedOut]).toEqual([137, true]);
    await expect(run(["/no/such/program"])).rejects.toThrow(Failure);
  });
}
