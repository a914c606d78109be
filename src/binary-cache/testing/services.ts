/** Real servers for tests, on loopback: nginx as the static server, versitygw as S3. `undefined` where they cannot be had. */
import { mkdirSync, writeFileSync } from "node:fs";
import { installedVersitygw } from "../../../scripts/versitygw.ts";

export interface Service {
  url: string;
  stop(): Promise<void>;
}

export const nginx =
  Bun.which("nginx", { PATH: `${process.env["PATH"]}:/usr/sbin:/usr/local/sbin` }) ?? undefined;
export const versitygw = installedVersitygw();

export function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = server;
  server.stop(true);
  return port as number;
}

/** Serves `root` as static files; with `account`, only for it (HTTP basic). */
export async function startNginx(folder: string, root: string, account?: string): Promise<Service> {
  const port = freePort();
  mkdirSync(`${folder}/nginx`, { recursive: true });
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/nginx/${name};`)
    .join("\n");
  if (account !== undefined) {
    const [user = "", password = ""] = account.split(":");
    const hashed = Bun.spawnSync(["openssl", "passwd", "-apr1", password]).stdout.toString().trim();
    writeFileSync(`${folder}/nginx/htpasswd`, `${user}:${hashed}\n`);
  }
  const auth =
    account === undefined ? "" : `auth_basic "cache"; auth_basic_user_file ${folder}/nginx/htpasswd;`;
  writeFileSync(
    `${folder}/nginx/nginx.conf`,
    `daemon off; pid ${folder}/nginx/pid; error_log ${folder}/nginx/error.log;
${process.getuid?.() === 0 ? "user root;" : ""}
events { worker_connections 256; }
http { access_log off; types { text/html html; } ${places}
  server { listen 127.0.0.1:${port}; root ${root}; ${auth} } }`,
  );
  const child = Bun.spawn([nginx as string, "-p", `${folder}/nginx`, "-c", `${folder}/nginx/nginx.conf`], {
    stdout: "ignore",
    stderr: "ignore",
  });
  return await whenUp(`http://127.0.0.1:${port}`, child);
}

/** An S3 server over a folder, with the account `tester`/`tester-secret` and a bucket. */
export async function startVersitygw(folder: string, bucket: string): Promise<Service> {
  const port = freePort();
  mkdirSync(`${folder}/s3/${bucket}`, { recursive: true });
  const child = Bun.spawn(
    [
      // It may have been built since this was loaded.
      installedVersitygw() as string,
      "--port",
      `127.0.0.1:${port}`,
      "--access",
      "tester",
      "--secret",
      "tester-secret",
      "posix",
      `${folder}/s3`,
    ],
    { stdout: "ignore", stderr: "ignore", env: { PATH: process.env["PATH"], HOME: folder } },
  );
  return await whenUp(`http://127.0.0.1:${port}`, child);
}

/** Waits until `child` answers at `url`. */
export async function whenUp(url: string, child: Bun.Subprocess): Promise<Service> {
  const stop = async () => {
    child.kill();
    await child.exited;
  };
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    const answered = await fetch(url).then(
      () => true,
      () => false,
    );
    if (answered) return { url, stop };
    await Bun.sleep(25);
  }
  await stop();
  throw new Error(`the server at ${url} does not come up`);
}
