/** A process that asks for one URL, to see how much memory it takes: `ask-once.ts URL LIMIT` prints a line of JSON. */
import { createHttp, type HttpOptions } from "../http.ts";

const [url = "", limit = "0"] = process.argv.slice(2);
const credentials = { forUrl: () => undefined } as never as HttpOptions["credentials"];
const stats = { requests: 0, bytes: 0 };
const http = createHttp({ env: {}, offline: false, credentials, stats });
const code = await http.request(url, { limit: Number(limit) }).then(
  ({ body }) => `${body.length} bytes`,
  (error: { code?: string }) => error.code,
);
// Kilobytes, at the most.
console.log(JSON.stringify({ code, requests: stats.requests, peak: 1024 * process.resourceUsage().maxRSS }));
