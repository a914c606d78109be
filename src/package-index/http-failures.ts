import { readFileSync } from "node:fs";
import { Failure } from "../platform/errors.ts";
import { withoutCredentials } from "./credentials.ts";

/** What can go wrong between here and an index, in words, without credentials. */

export function withoutAnyCredentials(text: string): string {
  return text.replace(/(\w:\/\/)[^/?#\s@]*@/g, "$1");
}

export function unreachable(url: string, reason: string, cause?: unknown): Failure {
  const shown = withoutCredentials(url);
  return new Failure("DXPY_INDEX_UNREACHABLE", `${shown} could not be read: ${reason}`, {
    context: { url: shown },
    cause,
    hint: "Check the network, the proxy and the index's URL; `--offline` uses what is cached.",
  });
}

export function statusFailure(url: string, status: number): Failure {
  const shown = withoutCredentials(url);
  if (status === 401 || status === 403 || status === 407) {
    return new Failure("DXPY_AUTH_REQUIRED", `${shown} answered ${status}: it wants credentials, or others`, {
      context: { url: shown },
      hint: "Set `DX_PY_INDEX_<NAME>_USERNAME` and `…_PASSWORD` for a named index, or write them into `.netrc`.",
    });
  }
  return unreachable(url, `it answered ${status}`);
}

export function tooLarge(url: string, limit: number): Failure {
  const shown = withoutCredentials(url);
  return new Failure(
    "DXPY_ANSWER_TOO_LARGE",
    `${shown} sent more than the ${limit} bytes that were expected`,
    {
      context: { url: shown },
    },
  );
}

export function offlineFailure(url: string): Failure {
  const shown = withoutCredentials(url);
  return new Failure("DXPY_OFFLINE_MISSING", `${shown} is not cached, and dx-py is offline`, {
    context: { url: shown },
    hint: "Run the command once without `--offline`.",
  });
}

/** Bun says "was there a typo in the URL" of a certificate file that is none. */
export function readCertificates(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch (error) {
    throw badCertificates(path, "cannot be read", error);
  }
  if (!text.includes("-----BEGIN")) throw badCertificates(path, "holds no certificates");
  return text;
}

function badCertificates(path: string, what: string, cause?: unknown): Failure {
  return new Failure("DXPY_BAD_CERTIFICATES", `${path} ${what}`, {
    context: { path },
    cause,
    hint: "It is named by `PIP_CERT` or by `cert` in pip.conf: a PEM file with the certificates to trust.",
    exitCode: 2,
  });
}
