import { type MadeFile, sha256Of } from "./make-wheel.ts";

/** A Simple API server on 127.0.0.1 for tests (PEP 503, 629, 658, 691, 700, 714, 592), with faults on request. */
export interface IndexServerOptions {
  files?: readonly ServedFile[];
  /** `negotiate` (the default) answers what `Accept` prefers; else always HTML or always JSON. */
  format?: "html" | "json" | "negotiate";
  /** `announced` (the default): `.metadata` is announced and served; `served`: served only; `off`: neither. */
  metadata?: "announced" | "served" | "off";
  /** Whether files are served by range. Default true. */
  ranges?: boolean;
  /** Asked for by pages and files alike. */
  auth?: { username: string; password: string };
  /** Default `max-age=600`. */
  cacheControl?: string;
  /** Whether pages have an ETag and answer 304. Default true. */
  etags?: boolean;
}

export interface ServedFile extends MadeFile {
  yanked?: boolean | string;
  /** ISO 8601; JSON pages only. */
  uploadTime?: string;
  /** What the page says the SHA-256 is. Default: the true one; `null`: it says nothing. */
  sha256?: string | null;
}

/** What happens to requests whose path matches, `times` times (default: always), before the normal answer. */
export interface Fault {
  path: RegExp;
  times?: number;
  /** Answers with this status and nothing else. */
  status?: number;
  headers?: Record<string, string>;
  /** Milliseconds to wait before the answer. */
  delay?: number;
  /** Breaks the connection after this many bytes of the body. */
  truncateAt?: number;
  /** Changes the last byte of the body. */
  corrupt?: boolean;
  /** Answers with this body instead. */
  body?: string | Uint8Array;
}

export interface LoggedRequest {
  method: string;
  path: string;
  status: number;
  range?: string;
  authorization?: string;
  accept?: string;
}

export interface IndexServer {
  /** `http://127.0.0.1:<port>/simple/` */
  url: string;
  /** `http://127.0.0.1:<port>` */
  origin: string;
  /** A find-links page with every file. */
  flatUrl: string;
  requests: LoggedRequest[];
  /** How many requests had a path that matches. */
  count(path: RegExp): number;
  add(...files: ServedFile[]): void;
  remove(filename: string): void;
  fault(fault: Fault): void;
  stop(): Promise<void>;
}

const JSON_TYPE = "application/vnd.pypi.simple.v1+json";

export function startIndexServer(options: IndexServerOptions = {}): IndexServer {
  const files = new Map<string, ServedFile>();
  const faults: (Fault & { left: number })[] = [];
  const requests: LoggedRequest[] = [];
  const add = (...added: ServedFile[]) => {
    for (const file of added) files.set(file.filename, file);
  };
  add(...(options.files ?? []));

  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 60,
    error: () => new Response("broken on purpose", { status: 500 }),
    async fetch(request) {
      const path = decodeURIComponent(new URL(request.url).pathname);
      const log: LoggedRequest = { method: request.method, path, status: 0 };
      for (const name of ["range", "authorization", "accept"] as const) {
        const value = request.headers.get(name);
        if (value !== null) log[name] = value;
      }
      requests.push(log);
      const fault = faults.find((candidate) => candidate.left > 0 && candidate.path.test(path));
      if (fault !== undefined) fault.left -= 1;
      if (fault?.delay !== undefined) await Bun.sleep(fault.delay);
      const response = fault?.status === undefined ? answer(request, path) : faultAnswer(fault);
      log.status = response.status;
      return fault === undefined ? response : damage(response, fault);
    },
  });
  const origin = `http://127.0.0.1:${server.port}`;

  function answer(request: Request, path: string): Response {
    if (options.auth !== undefined) {
      const expected = `Basic ${btoa(`${options.auth.username}:${options.auth.password}`)}`;
      if (request.headers.get("authorization") !== expected) {
        return new Response("sign in", {
          status: 401,
          headers: { "www-authenticate": 'Basic realm="test"' },
        });
      }
    }
    if (path === "/flat.html") return page(request, "flat", [...files.values()], "html");
    const project = /^\/simple\/([^/]+)\/$/.exec(path)?.[1];
    if (project !== undefined) {
      const own = [...files.values()].filter((file) => projectOf(file.filename) === project);
      return own.length === 0
        ? new Response("no such project", { status: 404 })
        : page(request, project, own);
    }
    const bare = /^\/simple\/([^/]+)$/.exec(path)?.[1];
    if (bare !== undefined) return Response.redirect(`${origin}/simple/${bare}/`, 301);
    const name = /^\/files\/(.+)$/.exec(path)?.[1] ?? "";
    const file = files.get(name);
    if (file !== undefined) return serveFile(request, file);
    const described = files.get(name.replace(/\.metadata$/, ""));
    if (name.endsWith(".metadata") && described?.filename.endsWith(".whl") && options.metadata !== "off") {
      return new Response(described.metadata);
    }
    return new Response("not found", { status: 404 });
  }

  function page(
    request: Request,
    project: string,
    own: readonly ServedFile[],
    forced: "html" | "json" | "negotiate" = options.format ?? "negotiate",
  ): Response {
    const json =
      forced === "json" ||
      (forced === "negotiate" && (request.headers.get("accept") ?? "").includes(JSON_TYPE));
    const announce = (options.metadata ?? "announced") === "announced";
    const body = json ? jsonPage(project, own, announce) : htmlPage(project, own, announce);
    const headers: Record<string, string> = {
      "content-type": json ? JSON_TYPE : "text/html; charset=utf-8",
      "cache-control": options.cacheControl ?? "max-age=600",
      vary: "Accept",
    };
    if (options.etags !== false) {
      headers["etag"] = `"${Bun.hash(body).toString(16)}"`;
      if (request.headers.get("if-none-match") === headers["etag"])
        return new Response(null, { status: 304, headers });
    }
    return new Response(body, { headers });
  }

  function serveFile(request: Request, file: ServedFile): Response {
    const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.get("range") ?? "");
    const headers: Record<string, string> = { etag: `"${sha256Of(file.bytes).slice(0, 16)}"` };
    if (options.ranges !== false) headers["accept-ranges"] = "bytes";
    const changed =
      request.headers.get("if-range") !== null && request.headers.get("if-range") !== headers["etag"];
    if (range === null || options.ranges === false || changed)
      return new Response(bodyOf(file.bytes), { headers });
    const size = file.bytes.length;
    const [, from = "", to = ""] = range;
    const start = from === "" ? Math.max(0, size - Number(to)) : Number(from);
    const end = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
    if (start > end)
      return new Response("", { status: 416, headers: { "content-range": `bytes */${size}` } });
    headers["content-range"] = `bytes ${start}-${end}/${size}`;
    return new Response(bodyOf(file.bytes.subarray(start, end + 1)), { status: 206, headers });
  }

  return {
    url: `${origin}/simple/`,
    origin,
    flatUrl: `${origin}/flat.html`,
    requests,
    count: (path) => requests.filter((request) => path.test(request.path)).length,
    add,
    remove: (filename) => void files.delete(filename),
    fault: (fault) => void faults.push({ ...fault, left: fault.times ?? Number.POSITIVE_INFINITY }),
    stop: () => server.stop(true),
  };
}

function projectOf(filename: string): string {
  const name = filename.endsWith(".whl")
    ? filename.split("-")[0]!
    : filename.slice(0, filename.lastIndexOf("-"));
  return name.replace(/[-_.]+/g, "-").toLowerCase();
}

function jsonPage(project: string, files: readonly ServedFile[], announce: boolean): string {
  return JSON.stringify({
    meta: { "api-version": "1.1" },
    name: project,
    versions: [],
    files: files.map((file) => ({
      filename: file.filename,
      url: `../../files/${file.filename}`,
      hashes: file.sha256 === null ? {} : { sha256: file.sha256 ?? sha256Of(file.bytes) },
      size: file.bytes.length,
      ...(file.requiresPython === undefined ? {} : { "requires-python": file.requiresPython }),
      ...(file.uploadTime === undefined ? {} : { "upload-time": file.uploadTime }),
      yanked: file.yanked ?? false,
      ...(announce && file.filename.endsWith(".whl")
        ? { "core-metadata": { sha256: sha256Of(new TextEncoder().encode(file.metadata)) } }
        : {}),
    })),
  });
}

function htmlPage(project: string, files: readonly ServedFile[], announce: boolean): string {
  const links = files.map((file) => {
    const fragment = file.sha256 === null ? "" : `#sha256=${file.sha256 ?? sha256Of(file.bytes)}`;
    const attributes = [
      `href="/files/${file.filename}${fragment}"`,
      file.requiresPython === undefined ? "" : `data-requires-python="${escapeHtml(file.requiresPython)}"`,
      announce && file.filename.endsWith(".whl")
        ? `data-core-metadata="sha256=${sha256Of(new TextEncoder().encode(file.metadata))}"`
        : "",
      file.yanked === undefined || file.yanked === false
        ? ""
        : `data-yanked="${file.yanked === true ? "" : escapeHtml(file.yanked)}"`,
    ].filter((attribute) => attribute !== "");
    return `    <a ${attributes.join(" ")}>${file.filename}</a><br />\n`;
  });
  return `<!DOCTYPE html>
<html>
  <head>
    <meta name="pypi:repository-version" content="1.1">
    <title>Links for ${project}</title>
  </head>
  <body>
    <h1>Links for ${project}</h1>
${links.join("")}  </body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function faultAnswer(fault: Fault): Response {
  const headers = fault.headers ?? {};
  return new Response(fault.body === undefined ? null : bodyOf(fault.body), {
    status: fault.status!,
    headers,
  });
}

async function damage(response: Response, fault: Fault): Promise<Response> {
  if (fault.truncateAt === undefined && !fault.corrupt && fault.body === undefined) return response;
  const { status, headers } = response;
  if (fault.status === undefined && fault.body !== undefined)
    return new Response(bodyOf(fault.body), { status, headers });
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (fault.corrupt && bytes.length > 0) bytes[bytes.length - 1]! ^= 0xff;
  if (fault.truncateAt === undefined) return new Response(bytes, { status, headers });
  const part = bytes.subarray(0, fault.truncateAt);
  let sent = false;
  const body = new ReadableStream({
    async pull(controller) {
      if (!sent && part.length > 0) {
        sent = true;
        controller.enqueue(part);
        return;
      }
      // What was enqueued must have left before the connection breaks.
      await Bun.sleep(20);
      controller.error(new Error("the connection breaks here"));
    },
  });
  return new Response(body, { status, headers });
}

function bodyOf(bytes: string | Uint8Array): Blob {
  return new Blob([bytes as Uint8Array<ArrayBuffer>]);
}
