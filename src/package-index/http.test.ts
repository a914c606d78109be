import { afterAll, expect, test } from "bun:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { createHttp, type HttpOptions } from "./http.ts";

const LIMIT = 1024 * 1024;
const MIB = 1024 * 1024;
const text = "what the index says\n".repeat(1000);
const nothing = new Uint8Array(512 * MIB);
const encoders: Record<string, (bytes: Uint8Array) => Uint8Array> = {
  gzip: gzipSync,
  "x-gzip": gzipSync,
  deflate: deflateSync,
  "deflate, raw": deflateRawSync,
  br: (bytes) => brotliCompressSync(bytes, { params: { 1: 1 } }),
  identity: (bytes) => bytes,
};
const nameOf = (kind: string) => kind.split(",", 1)[0]!;
const bodies = new Map<string, { encoding: string; bytes: Uint8Array }>();
for (const [kind, encode] of Object.entries(encoders)) {
  const encoding = nameOf(kind);
  const sound = encode(Buffer.from(text));
  bodies.set(`/sound/${kind}`, { encoding, bytes: sound });
  if (kind === "identity") continue;
  bodies.set(`/cut/${kind}`, { encoding, bytes: sound.subarray(0, Math.floor(sound.length / 2)) });
  bodies.set(`/bomb/${kind}`, { encoding, bytes: encode(nothing) });
}
bodies.set("/unknown/compress", { encoding: "compress", bytes: Buffer.from(text) });
bodies.set("/unknown/zstd", { encoding: "zstd", bytes: zstdCompressSync(nothing) });
bodies.set("/unknown/two", { encoding: "gzip, br", bytes: Buffer.from(text) });
bodies.set("/empty", { encoding: "gzip", bytes: new Uint8Array() });

const server = Bun.serve({
  port: 0,
  fetch(request) {
    const { encoding, bytes } = bodies.get(decodeURIComponent(new URL(request.url).pathname))!;
    return new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { "content-encoding": encoding } });
  },
});
/** Says how long its answer is, which a streamed one of `Bun.serve` does not. */
const slow = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    async data(socket) {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n");
      for (const letter of "slowly") {
        await Bun.sleep(350);
        socket.write(letter);
        socket.flush();
      }
    },
    error() {},
  },
});
afterAll(() => {
  server.stop(true);
  slow.stop(true);
});

function client(env: Record<string, string> = {}) {
  const credentials = { forUrl: () => undefined } as never as HttpOptions["credentials"];
  const stats = { requests: 0, bytes: 0 } as never as HttpOptions["stats"];
  return { stats, http: createHttp({ env, offline: false, credentials, stats } as HttpOptions) };
}
const at = (path: string) => `${server.url}${encodeURI(path.slice(1))}`;
const failureOf = (asked: Promise<unknown>) =>
  asked.then(
    () => "none",
    (error: { code?: string }) => error.code,
  );

test.each(Object.keys(encoders))(
  "an answer that came as %s is what it was, also for who takes it piece by piece",
  async (kind) => {
    const { http } = client();
    const { body } = await http.request(at(`/sound/${kind}`), { limit: LIMIT });
    expect(new TextDecoder().decode(body)).toBe(text);
    let taken = "";
    const sink = () => (chunk: Uint8Array) => {
      taken += new TextDecoder().decode(chunk);
      return true;
    };
    expect((await http.request(at(`/sound/${kind}`), { limit: LIMIT, sink })).body.length).toBe(0);
    expect(taken).toBe(text);
    expect(await failureOf(http.request(at(`/sound/${kind}`), { limit: text.length }))).toBe("none");
    const short = http.request(at(`/sound/${kind}`), { limit: text.length - 1 });
    expect(await failureOf(short)).toBe("DXPY_ANSWER_TOO_LARGE");
  },
);

test("what is cut off is asked for again and then a failure; what is encoded as nobody asked is one at once", async () => {
  for (const kind of Object.keys(encoders).filter((one) => one !== "identity")) {
    const { http, stats } = client({ DX_PY_HTTP_RETRIES: "1" });
    const asked = http.request(at(`/cut/${kind}`), { limit: LIMIT });
    expect([kind, await failureOf(asked)]).toEqual([kind, "DXPY_INDEX_UNREACHABLE"]);
    expect(stats.requests).toBe(2);
  }
  const { http, stats } = client();
  for (const [i, kind] of ["compress", "zstd", "two"].entries()) {
    const asked = http.request(at(`/unknown/${kind}`), { limit: LIMIT });
    expect([kind, await failureOf(asked)]).toEqual([kind, "DXPY_INDEX_UNREACHABLE"]);
    expect(stats.requests).toBe(i + 1);
  }
  expect((await http.request(at("/empty"), { limit: LIMIT })).body.length).toBe(0);
}, 30_000);

test("a small answer that becomes a large one is refused before it has become it", async () => {
  const ask = async (path: string) => {
    const script = `${import.meta.dir}/testing/ask-once.ts`;
    const child = Bun.spawn([process.execPath, script, at(path), String(LIMIT)], { stdout: "pipe" });
    return JSON.parse(await new Response(child.stdout).text()) as { code: string; peak: number };
  };
  const plain = await ask("/sound/gzip");
  expect(plain.code).toBe(`${text.length} bytes`);
  for (const path of [...bodies.keys()].filter((one) => one.startsWith("/bomb/"))) {
    expect(bodies.get(path)!.bytes.length).toBeLessThan(LIMIT);
    const { code, peak } = await ask(path);
    expect([path, code]).toEqual([path, "DXPY_ANSWER_TOO_LARGE"]);
    expect(peak - plain.peak).toBeLessThan(32 * MIB);
  }
}, 60_000);

test("a small answer that comes slowly but steadily is waited for", async () => {
  const { http } = client({ DX_PY_HTTP_TIMEOUT: "1" });
  const { body } = await http.request(`http://127.0.0.1:${slow.port}/`, { limit: LIMIT });
  expect(new TextDecoder().decode(body)).toBe("slowly");
}, 20_000);
