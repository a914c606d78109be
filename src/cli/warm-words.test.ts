import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { becomeCommand } from "./warm-words.ts";

const folder = mkdtempSync(`${tmpdir()}/dxpy-become-`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("an environment that is gone when its command is to start is no failure, and no other command is started", async () => {
  // `true` is on PATH: it would end this very process.
  for (const command of ["python", "true", "no-such-command"])
    expect(await becomeCommand([command], `${folder}/gone/bin`, folder)).toBeUndefined();
  mkdirSync(`${folder}/bin`);
  writeFileSync(`${folder}/bin/tool`, "#!/gone/python\n", { mode: 0o755 });
  // Its scripts are there still, their interpreter is not.
  expect(await becomeCommand(["tool"], `${folder}/bin`, folder)).toBeUndefined();
  writeFileSync(`${folder}/bin/python`, "");
  await expect(becomeCommand(["no-such-command"], `${folder}/bin`, folder)).rejects.toThrow(
    "There is no command",
  );
});
