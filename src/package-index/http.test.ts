import { afterAll, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { createHttp, type HttpOptions } from "./http.ts";

/** A megabyte of nothing, many times: hundreds of bytes on the way. */
const MANY = 512 * 1024 * 1024;
const LIMIT = 1024 * 1024;
const zstd = Bun.zstdCompressSync(new Uint8Array(MANY));
const gzip = gzipSync(new Uint8Array(100 * LIMIT));

const server = Bun.serve({
  port: 0,
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/zstd") return new Response(zstd, { headers: { "content-encoding": "zstd" } });
    return new Response(gzip, { headers: { "content-encoding": "gzip" } });
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

test("a small answer that becomes a large one is refused before it has become it", async () => {
  expect(zstd.length).toBeLessThan(100_000);
  const before = process.memoryUsage.rss();
  const { http } = client();
  for (const path of ["zstd", "gzip"]) {
    const asked = http.request(`${server.url}${path}`, { limit: LIMIT });
    await expect(asked).rejects.toMatchObject({ code: "DXPY_ANSWER_TOO_LARGE" });
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(0.8 * MANY);
});

test("a small answer that comes slowly but steadily is waited for", async () => {
  const { http } = client({ DX_PY_HTTP_TIMEOUT: "1" });
  const { body } = await http.request(`http://127.0.0.1:${slow.port}/`, { limit: LIMIT });
  expect(new TextDecoder().decode(body)).toBe("slowly");
}, 20_000);
