/** Who dx-py is towards a bucket: the variables and files that every S3 client reads. */
import { readFileSync } from "node:fs";

export interface AwsSettings {
  accessKeyId?: string;
  secretAccessKey?: string;
  sessionToken?: string;
  region?: string;
  endpoint?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Variables first (`AWS_ACCESS_KEY_ID` …), then the profile (`profile`, `AWS_PROFILE`, `default`) in
 * `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE`. A profile that is asked for by name goes before variables.
 */
export function readAwsSettings(env: Env, profile?: string): AwsSettings {
  const home = env["HOME"] ?? env["USERPROFILE"] ?? "";
  const named = profile ?? env["AWS_PROFILE"];
  const wanted = named || "default";
  const credentials = readSections(env["AWS_SHARED_CREDENTIALS_FILE"] || `${home}/.aws/credentials`);
  const config = readSections(env["AWS_CONFIG_FILE"] || `${home}/.aws/config`);
  const fromFiles = {
    ...config.get(wanted === "default" ? "default" : `profile ${wanted}`),
    ...credentials.get(wanted),
  };
  const files = settingsOf(
    fromFiles["aws_access_key_id"],
    fromFiles["aws_secret_access_key"],
    fromFiles["aws_session_token"],
  );
  const variables = settingsOf(
    env["AWS_ACCESS_KEY_ID"],
    env["AWS_SECRET_ACCESS_KEY"],
    env["AWS_SESSION_TOKEN"],
  );
  const keys = profile !== undefined && files !== undefined ? files : (variables ?? files ?? {});
  const region = env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || fromFiles["region"];
  const endpoint = env["AWS_ENDPOINT_URL_S3"] || env["AWS_ENDPOINT_URL"] || fromFiles["endpoint_url"];
  return { ...keys, ...(region ? { region } : {}), ...(endpoint ? { endpoint } : {}) };
}

/** Both halves, or nothing; a token belongs to the keys beside it. */
function settingsOf(id?: string, secret?: string, token?: string): AwsSettings | undefined {
  if (!id || !secret) return undefined;
  return { accessKeyId: id, secretAccessKey: secret, ...(token ? { sessionToken: token } : {}) };
}

/** `[section]`, `key = value`; comments begin with `#` or `;`; nested settings are indented and passed over. */
function readSections(path: string): Map<string, Record<string, string>> {
  const sections = new Map<string, Record<string, string>>();
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return sections;
  }
  let current: Record<string, string> | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (/^\s/.test(line) || /^[#;]/.test(line)) continue;
    const header = /^\[\s*([^\]]*?)\s*\]/.exec(line);
    if (header !== null) {
      const name = (header[1] as string).replace(/\s+/g, " ");
      current = sections.get(name) ?? Object.create(null);
      sections.set(name, current as Record<string, string>);
      continue;
    }
    const equals = line.indexOf("=");
    if (current === undefined || equals < 1) continue;
    const value = line.slice(equals + 1).replace(/\s[#;].*$/, "");
    current[line.slice(0, equals).trim().toLowerCase()] = value.trim();
  }
  return sections;
}
