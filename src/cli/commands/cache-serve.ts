/** `dx-py cache serve` */
import { serveCache } from "../../binary-cache/serve.ts";
import { Failure } from "../../platform/errors.ts";
import { openStores } from "../../project/build-hooks.ts";
import { servedTrust, signingKey } from "../../project/cache-acts.ts";
import { readKeyFile } from "../../project/cache-settings.ts";
import { actContext } from "../act-reporting.ts";
import type { CliContext } from "../context.ts";
import type { ServeFlags } from "../flags/cache-flags.ts";
import { perform } from "../perform.ts";
import { formatBytes } from "../reporter/amounts.ts";
import { absolute } from "./cache-push.ts";

const USUAL_PORT = 8437;

export async function cacheServe(this: CliContext, flags: ServeFlags): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter } = session;
    const context = await actContext(session);
    const key = await signingKey(flags.keyFile, undefined, context);
    const uploadToken = await token(flags.uploadTokenFile, this);
    const readToken = await token(flags.readTokenFile, this);
    const server = serveCache({
      store: openStores(context),
      folder: flags.folder === undefined ? `${this.home.root}/served` : absolute(flags.folder, this.cwd),
      trusted: await servedTrust(flags.trustedKey),
      hostname: flags.host ?? "127.0.0.1",
      port: flags.port ?? USUAL_PORT,
      ...(key === undefined ? {} : { key }),
      ...(uploadToken === undefined ? {} : { uploadToken }),
      ...(readToken === undefined ? {} : { readToken }),
      onRequest: ({ method, path, status, bytes }) =>
        reporter.detail(`${method} ${path} ${status} ${formatBytes(bytes)}`),
    });
    reporter.result(server.url);
    reporter.json({ url: server.url, ...(key === undefined ? {} : { key: key.publicText }) });
    if (key === undefined) {
      reporter.warn("What the store has is served unsigned: give --key-file, or clients will not take it");
    }
    await new Promise<void>((resolve) => {
      process.once("SIGINT", () => resolve());
      process.once("SIGTERM", () => resolve());
    });
    await server.stop();
  });
}

async function token(file: string | undefined, { env, cwd }: CliContext): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const text = (await readKeyFile(absolute(file, cwd), env)).trim();
  if (text.length >= 8) return text;
  throw new Failure("DXPY_USAGE", `The token in ${file} is shorter than 8 characters`, { exitCode: 2 });
}
