/**
 * A cache in a bucket of any S3 server. Requests are signed by Bun's client as URLs and sent by the same bounded transfer as
 * those to web servers, because its own reads have no bound.
 */
import { readAwsSettings } from "./aws-profile.ts";
import { badCacheUrl, type CacheBackend, emptyStats } from "./backend.ts";
import { transferBackend } from "./http-backend.ts";
import { createTransfer } from "./transfer.ts";

export interface S3BackendOptions {
  env: Readonly<Record<string, string | undefined>>;
  timeout?: number;
  attempts?: number;
}

/** Where one PUT ends and parts begin: what S3 takes in one request, less a margin. Bytes. */
const ONE_PUT = 4 * 1024 ** 3;

/**
 * `s3://bucket/prefix?endpoint=…&region=…&profile=…&addressing=path|virtual`. Addressing is by path where an endpoint is
 * given, else virtual (`https://bucket.s3.region.amazonaws.com`). Without credentials, requests are anonymous.
 */
export function s3Backend(url: string, options: S3BackendOptions): CacheBackend {
  const { bucket, prefix, query } = splitUrl(url);
  const name = `s3://${bucket}${prefix === "" ? "" : `/${prefix.slice(0, -1)}`}`;
  const aws = readAwsSettings(options.env, query.get("profile") ?? undefined);
  const region = query.get("region") ?? aws.region ?? "us-east-1";
  const given = query.get("endpoint") ?? aws.endpoint;
  const addressing = query.get("addressing") ?? (given === undefined ? "virtual" : "path");
  if (addressing !== "path" && addressing !== "virtual") {
    throw badCacheUrl(name, "`addressing` is `path` or `virtual`");
  }
  const endpoint = endpointOf(given ?? `https://s3.${region}.amazonaws.com`, name);
  const host =
    addressing === "virtual" ? `${endpoint.protocol}//${bucket}.${endpoint.host}` : endpoint.origin;
  const { accessKeyId, secretAccessKey, sessionToken } = aws;
  const signed =
    accessKeyId === undefined || secretAccessKey === undefined
      ? undefined
      : new Bun.S3Client({
          accessKeyId,
          secretAccessKey,
          ...(sessionToken === undefined ? {} : { sessionToken }),
          bucket,
          region,
          endpoint: host,
          virtualHostedStyle: addressing === "virtual",
        });
  const stats = emptyStats();
  const transfer = createTransfer({
    name,
    stats,
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.attempts === undefined ? {} : { attempts: options.attempts }),
  });
  const open = addressing === "virtual" ? `${host}/` : `${host}/${bucket}/`;
  const backend = transferBackend(name, stats, transfer, (path, method) =>
    signed === undefined
      ? `${open}${prefix}${path}`
      : signed.presign(`${prefix}${path}`, { method, expiresIn: 900 }),
  );
  return {
    ...backend,
    async write(path, body) {
      if (body instanceof Uint8Array || body.size < ONE_PUT || signed === undefined) {
        await backend.write(path, body);
        return;
      }
      stats.requests += 1;
      await signed.write(`${prefix}${path}`, Bun.file(body.file));
      stats.sent += body.size;
    },
  };
}

function splitUrl(url: string): { bucket: string; prefix: string; query: URLSearchParams } {
  const match = /^s3:\/\/([^/?#@]+)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(url);
  const bucket = match?.[1] ?? "";
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/i.test(bucket)) {
    throw badCacheUrl(url.replace(/\?.*$/, ""), "it has no bucket (`s3://bucket/prefix`)");
  }
  const path = (match?.[2] ?? "").split("/").filter((part) => part !== "");
  if (path.some((part) => part === "." || part === ".."))
    throw badCacheUrl(`s3://${bucket}`, "its prefix climbs");
  return {
    bucket,
    prefix: path.length === 0 ? "" : `${path.join("/")}/`,
    query: new URLSearchParams(match?.[3] ?? ""),
  };
}

function endpointOf(text: string, name: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw badCacheUrl(name, "its endpoint is not a URL");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw badCacheUrl(name, "its endpoint is not http(s)");
  return url;
}
