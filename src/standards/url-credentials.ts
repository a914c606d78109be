/** Credentials in URLs (RFC 3986 user information, and tokens in queries): found, and left out of what is stored or shown. */

/** Names of query parameters that hold a secret: tokens of hosts and indexes, signatures of S3, Azure and Google. */
const secretNames =
  /^((access|auth|private|job|deploy|oauth|api|id|refresh|security)[-_]?(token|key|secret)|token|key|secret|pass(word|wd)?|pwd|auth(orization)?|sig|signature|credentials?|(x-amz|x-goog)-(signature|credential|security-token)|awsaccesskeyid|key-pair-id|client[-_]?secret)$/i;

/**
 * `url` as it may be stored: without user information, except the plain user name of ssh, which is part of the address, and without
 * the parameters of its query that hold a secret.
 */
export function withoutCredentials(url: string): string {
  return withoutSecretQuery(withoutUser(url));
}

/** A parameter of the query that holds a secret: its name, or nothing. */
export function secretInQuery(url: string): string | undefined {
  return parameters(url)
    .map(nameOf)
    .find((name) => secretNames.test(name));
}

function withoutUser(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)@/i, (_, scheme: string, user: string) =>
    /^(git\+)?ssh:/i.test(scheme) && user !== "" ? `${scheme}${user.split(":")[0]}@` : scheme,
  );
}

function withoutSecretQuery(url: string): string {
  if (secretInQuery(url) === undefined) return url;
  const [, before = "", , after = ""] = /^([^?#]*)\?([^#]*)(.*)$/s.exec(url) ?? [];
  const kept = parameters(url).filter((parameter) => !secretNames.test(nameOf(parameter)));
  return `${before}${kept.length === 0 ? "" : `?${kept.join("&")}`}${after}`;
}

function parameters(url: string): string[] {
  const query = /^[^?#]*\?([^#]*)/.exec(url)?.[1];
  return query === undefined ? [] : query.split("&");
}

function nameOf(parameter: string): string {
  const name = parameter.split("=")[0]!;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
