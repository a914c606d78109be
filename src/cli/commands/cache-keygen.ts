/** `dx-py cache keygen` */
import { writeFileSync } from "node:fs";
import { generateKeys } from "../../binary-cache/signature.ts";
import { ensureDir } from "../../platform/atomic-file.ts";
import { Failure } from "../../platform/errors.ts";
import type { CliContext } from "../context.ts";
import type { KeygenFlags } from "../flags/cache-flags.ts";
import { perform } from "../perform.ts";

export async function cacheKeygen(this: CliContext, flags: KeygenFlags, name: string): Promise<void> {
  await perform(this, flags, async ({ reporter }) => {
    const keys = await generateKeys(name);
    const given = flags.output ?? ".";
    const folder = given.startsWith("/") ? given : `${this.cwd}/${given}`;
    ensureDir(folder);
    const files = { secret: `${folder}/${name}.secret`, public: `${folder}/${name}.public` };
    try {
      // Never over another key: what it signed could not be signed again.
      writeFileSync(files.secret, `${keys.secret}\n`, { flag: "wx", mode: 0o600 });
      writeFileSync(files.public, `${keys.public}\n`, { flag: "wx", mode: 0o644 });
    } catch (cause) {
      throw new Failure(
        "DXPY_KEY_FILE_EXISTS",
        `The key files ${name}.secret and .public cannot be written`,
        {
          context: { path: folder, detail: (cause as Error).message },
          cause,
        },
      );
    }
    reporter.note(`Wrote ${files.secret} (keep it secret) and ${files.public}`);
    reporter.result(keys.public);
    reporter.json({ name, public: keys.public, files });
  });
}
