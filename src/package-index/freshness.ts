import type CachePolicy from "http-cache-semantics";

/** How long a page may be used without asking, by the rules of HTTP caching (RFC 9111), and how to ask again. */
export interface Freshness {
  /** Whether it may be kept at all (`no-store`). */
  storable: boolean;
  /** Seconds. */
  ttl: number;
  /** The policy as plain data, for the cache. */
  policy: unknown;
}

/** What a response's caching depends on: nothing else of it is kept, so no cookie gets into the cache. */
const KEPT = ["cache-control", "expires", "date", "age", "etag", "last-modified", "vary", "pragma"];
/** For servers that say nothing: what PyPI says. Seconds. */
const UNSAID = 600;

/** Loaded with the first request: a warm run needs no policies. */
const load = async () => (await import("http-cache-semantics")).default;

/** Begins to load what the other functions need. */
export function prepareFreshness(): void {
  // Whoever needs it meets the failure.
  load().catch(() => {});
}

/** @param revalidated the policy that the cache holds, when the answer is a 304 for it. */
export async function freshnessOf(
  url: string,
  request: Readonly<Record<string, string>>,
  response: { status: number; headers: Headers },
  revalidated?: unknown,
): Promise<Freshness> {
  const Policy = await load();
  const asked = { url, method: "GET", headers: { ...request } };
  const answered = { status: response.status, headers: keptHeaders(response.headers) };
  const old = revalidated === undefined ? undefined : restore(Policy, revalidated);
  const policy =
    old === undefined
      ? new Policy(asked, answered, { shared: false })
      : old.revalidatedPolicy(asked, answered).policy;
  return { storable: policy.storable(), ttl: ttlOf(policy, response), policy: policy.toObject() };
}

function ttlOf(policy: CachePolicy, { status, headers }: { status: number; headers: Headers }): number {
  const said = ["cache-control", "expires", "pragma"].some((name) => headers.has(name));
  if (!said && !headers.has("last-modified")) return status === 200 || status === 304 ? UNSAID : 0;
  return Math.max(0, Math.floor((policy as unknown as { maxAge(): number }).maxAge() - policy.age()));
}

/** `If-None-Match` and `If-Modified-Since`, from a policy of the cache. */
export async function revalidationHeaders(
  url: string,
  request: Readonly<Record<string, string>>,
  policy: unknown,
): Promise<Record<string, string>> {
  const known = restore(await load(), policy);
  if (known === undefined) return { ...request };
  const headers = known.revalidationHeaders({ url, method: "GET", headers: { ...request } });
  return Object.fromEntries(
    Object.entries(headers).flatMap(([k, v]) => (typeof v === "string" ? [[k, v]] : [])),
  );
}

function restore(Policy: typeof CachePolicy, policy: unknown): CachePolicy | undefined {
  try {
    return Policy.fromObject(policy as CachePolicy.CachePolicyObject);
  } catch {
    return undefined;
  }
}

function keptHeaders(headers: Headers): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of KEPT) {
    const value = headers.get(name);
    if (value !== null) kept[name] = value;
  }
  return kept;
}
