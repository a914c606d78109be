import { afterAll, beforeAll, expect, test } from "bun:test";
import { removeTree } from "../platform/staging.ts";
import { readAwsSettings } from "./aws-profile.ts";
import { readBytes } from "./backend.ts";
import { folderBackend } from "./folder-backend.ts";
import { httpBackend } from "./http-backend.ts";
import { openBackend } from "./open-backend.ts";
import { temporary } from "./testing/cache-fixture.ts";

const content = new Uint8Array(200_000).map((_, i) => i * 7);
let broken: { readonly port: number; stop(closeActive?: boolean): void };
const asked: string[] = [];

/** Sends half of what it promised and hangs up; a request for the rest gets it. */
beforeAll(() => {
  broken = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, data) {
        const request = data.toString();
        asked.push(request);
        const range = /range: bytes=(\d+)-/i.exec(request);
        const start = Number(range?.[1] ?? 0);
        const tag = request.includes("/untagged") ? "" : 'etag: "v1"\r\n';
        const head =
          range === null
            ? `HTTP/1.1 200 OK\r\n${tag}content-length: ${content.length}\r\n\r\n`
            : `HTTP/1.1 206 Partial Content\r\n${tag}content-range: bytes ${start}-${content.length - 1}/${content.length}\r\ncontent-length: ${content.length - start}\r\n\r\n`;
        const first = asked.filter((one) => one.split(" ")[1] === request.split(" ")[1]).length === 1;
        const end = first ? content.length / 2 : content.length;
        socket.write(Buffer.concat([Buffer.from(head), content.subarray(start, end)]));
        setTimeout(() => socket.end(), 20);
      },
    },
  });
});
afterAll(() => broken.stop(true));

test("a transfer that broke off goes on where it stopped, when the file is known to be the same", async () => {
  const backend = httpBackend(`http://127.0.0.1:${broken.port}`, { env: {} });
  expect(await readBytes(backend, "tagged", 1_000_000)).toEqual(Buffer.from(content));
  const [, second] = asked.filter((one) => one.includes("/tagged"));
  expect(second).toMatch(/range: bytes=[1-9]\d+-/i);
  expect(second).toMatch(/if-range: "v1"/i);
  asked.length = 0;
  expect(await readBytes(backend, "untagged", 1_000_000)).toEqual(Buffer.from(content));
  expect(asked.every((one) => !/range:/i.test(one))).toBe(true);
});

test("a folder: what is there, what is not, what is no file; whole files only", async () => {
  const folder = temporary();
  try {
    const backend = folderBackend(`${folder}/cache`);
    await expect(readBytes(backend, "dx-cache-info", 10)).rejects.toThrow("no such folder");
    backend.create?.();
    expect(await readBytes(backend, "dx-cache-info", 10)).toBeUndefined();
    await backend.write("a/b", new Uint8Array([1, 2, 3]));
    expect(await readBytes(backend, "a/b", 3)).toEqual(Buffer.from([1, 2, 3]));
    await expect(readBytes(backend, "a/b", 2)).rejects.toThrow("larger than 2 bytes");
    await expect(readBytes(backend, "a", 10)).rejects.toThrow("not a file");
    Bun.spawnSync(["mkfifo", `${folder}/cache/pipe`]);
    await expect(readBytes(backend, "pipe", 10)).rejects.toThrow("not a file");
    expect(await backend.has("a/b")).toBe(true);
    expect(await backend.has("a/c")).toBe(false);
    expect(await readBytes(backend, "a/b/c", 10)).toBeUndefined();
  } finally {
    removeTree(folder);
  }
});

test("URLs of caches", () => {
  const open = (url: string, env = {}) => openBackend(url, { env, folder: "/here" });
  expect(open("file:///a/b%20c").name).toBe("file:///a/b c");
  expect(open("some/where/").name).toBe("file:///here/some/where");
  expect(open("/abs").local).toBe(true);
  expect(open("https://me:secret@example.org/x/?token=1").name).toBe("https://example.org/x");
  expect(open("s3://team-cache/py/?endpoint=http://127.0.0.1:1").name).toBe("s3://team-cache/py");
  for (const url of [
    "ftp://x",
    "",
    "s3://",
    "s3://bucket/../x",
    "s3://b@d/x",
    "s3://bucket?endpoint=nonsense",
    "s3://bucket?addressing=other",
    "file://host/share",
    "http://",
  ]) {
    expect(() => open(url)).toThrow(expect.objectContaining({ code: "DXPY_BAD_CACHE_URL" }));
  }
});

test("AWS credentials: variables, profiles, and a profile by name", async () => {
  const folder = temporary();
  const at = (name: string) => `${folder}/${name}`;
  await Bun.write(
    at("credentials"),
    "# mine\n[default]\naws_access_key_id = AKD\naws_secret_access_key=secret/with=equals\n\n[ci]\naws_access_key_id=AKC\naws_secret_access_key=s2\naws_session_token = tok\n",
  );
  await Bun.write(
    at("config"),
    "[default]\nregion = eu-west-1\ns3 =\n  addressing_style = path\n[profile ci]\nregion=eu-north-1 # cold\nendpoint_url = http://127.0.0.1:9000\n",
  );
  const env = { AWS_SHARED_CREDENTIALS_FILE: at("credentials"), AWS_CONFIG_FILE: at("config") };
  try {
    expect(readAwsSettings(env)).toEqual({
      accessKeyId: "AKD",
      secretAccessKey: "secret/with=equals",
      region: "eu-west-1",
    });
    const ci = {
      accessKeyId: "AKC",
      secretAccessKey: "s2",
      sessionToken: "tok",
      region: "eu-north-1",
      endpoint: "http://127.0.0.1:9000",
    };
    expect(readAwsSettings({ ...env, AWS_PROFILE: "ci" })).toEqual(ci);
    const variables = { AWS_ACCESS_KEY_ID: "AKV", AWS_SECRET_ACCESS_KEY: "sv" };
    expect(readAwsSettings({ ...env, ...variables })).toMatchObject({ accessKeyId: "AKV" });
    expect(readAwsSettings({ ...env, ...variables }, "ci")).toEqual(ci);
    expect(readAwsSettings({ AWS_SHARED_CREDENTIALS_FILE: at("none"), AWS_CONFIG_FILE: at("none") })).toEqual(
      {},
    );
  } finally {
    removeTree(folder);
  }
});
