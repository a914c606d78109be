/** Git servers on loopback for end-to-end tests: OpenSSH with a key of its own, and git's HTTP backend behind a password. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";

export interface GitServer {
  /** `ssh://user@127.0.0.1:port`, or `http://127.0.0.1:port`: an absolute path follows. */
  url: string;
  /** What reaches it: variables for git. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

export const sshd = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].find((path) => existsSync(path));

/** `folder` is an empty one of ours. Runs as the user that runs the test, and lets in nobody else. */
export async function startSshd(folder: string): Promise<GitServer> {
  mkdirSync(folder, { recursive: true });
  for (const name of ["host", "user"])
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${folder}/${name}`);
  const port = freePort();
  const username = Bun.spawnSync(["id", "-un"]).stdout.toString().trim();
  // The super-user's server wants this folder, on machines that never started one.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  writeFileSync(
    `${folder}/sshd_config`,
    `ListenAddress 127.0.0.1\nPort ${port}\nHostKey ${folder}/host\nPidFile none\nAuthorizedKeysFile ${folder}/user.pub\n` +
      `StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nAllowUsers ${username}\n`,
  );
  const hostKey = await Bun.file(`${folder}/host.pub`).text();
  writeFileSync(`${folder}/known_hosts`, `[127.0.0.1]:${port} ${hostKey}`);
  const server = Bun.spawn([sshd!, "-D", "-e", "-f", `${folder}/sshd_config`], {
    stdout: "ignore",
    stderr: "pipe",
  });
  await listening(port, server);
  const options = `-F /dev/null -i ${folder}/user -o IdentitiesOnly=yes -o BatchMode=yes`;
  return {
    url: `ssh://${username}@127.0.0.1:${port}`,
    env: {
      GIT_SSH_COMMAND: `ssh ${options} -o StrictHostKeyChecking=yes -o UserKnownHostsFile=${folder}/known_hosts`,
    },
    async stop() {
      server.kill();
      await server.exited;
    },
  };
}

/** Serves the repositories below `root` to whoever has the password. `asked` are the paths that were asked for with it. */
export function startGitHttp(root: string, password: string): GitServer & { asked: string[] } {
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const given = atob(request.headers.get("authorization")?.replace("Basic ", "") ?? "");
      if (given.split(":")[1] !== password)
        return new Response("no", { status: 401, headers: { "www-authenticate": 'Basic realm="git"' } });
      asked.push(pathname);
      const child = Bun.spawn(["git", "http-backend"], {
        env: {
          PATH: process.env["PATH"] ?? "",
          GIT_PROJECT_ROOT: root,
          GIT_HTTP_EXPORT_ALL: "1",
          PATH_INFO: pathname,
          QUERY_STRING: search.slice(1),
          REQUEST_METHOD: request.method,
          CONTENT_TYPE: request.headers.get("content-type") ?? "",
          HTTP_CONTENT_ENCODING: request.headers.get("content-encoding") ?? "",
          GIT_PROTOCOL: request.headers.get("git-protocol") ?? "",
        },
        stdin: new Uint8Array(await request.arrayBuffer()),
        stdout: "pipe",
        stderr: "ignore",
      });
      return cgiResponse(new Uint8Array(await new Response(child.stdout).arrayBuffer()));
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, env: {}, asked, stop: () => server.stop(true) };
}

function cgiResponse(bytes: Uint8Array<ArrayBuffer>): Response {
  const end = Buffer.from(bytes).indexOf("\r\n\r\n");
  const lines = new TextDecoder().decode(bytes.subarray(0, end)).split("\r\n");
  const fields = lines.map((line) => [
    line.slice(0, line.indexOf(":")),
    line.slice(line.indexOf(":") + 1).trim(),
  ]);
  const status = Number(fields.find(([name]) => name === "Status")?.[1]?.slice(0, 3) ?? 200);
  const headers = fields.filter(([name]) => name !== "Status") as [string, string][];
  return new Response(bytes.subarray(end + 4), { status, headers });
}

function run(...argv: string[]): void {
  const done = Bun.spawnSync(argv);
  if (done.exitCode !== 0) throw new Error(`${argv.join(" ")}: ${done.stderr.toString()}`);
}

function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}

async function listening(port: number, server: Bun.Subprocess<"ignore", "ignore", "pipe">): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (server.exitCode !== null) throw new Error(`sshd: ${await new Response(server.stderr).text()}`);
    try {
      (await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } })).end();
      return;
    } catch {
      await Bun.sleep(25);
    }
  }
  throw new Error("sshd does not listen");
}
