/**
 * The anchors of a Simple API page (PEP 503), found in one pass over the text without building a document: pages
 * reach ten megabytes, and nothing but `<a>`, `<base href>` and one `<meta>` matters. The time is linear in the
 * length of any input.
 */
export interface Anchor {
  href: string;
  requiresPython?: string;
  /** PEP 592: present means yanked, whatever it says. */
  yanked?: string;
  /** PEP 714 `data-core-metadata`, else PEP 658 `data-dist-info-metadata`. */
  metadata?: string;
  /** ISO 8601, as some servers add. */
  uploadTime?: string;
}

export interface AnchorPage {
  anchors: Anchor[];
  base?: string;
  /** PEP 629: `pypi:repository-version`. */
  version?: string;
}

const GREATER = 62;
const EQUALS = 61;
const SLASH = 47;

export function scanAnchors(html: string): AnchorPage {
  const page: AnchorPage = { anchors: [] };
  let at = html.indexOf("<");
  while (at >= 0 && at + 2 < html.length) {
    const first = html.charCodeAt(at + 1) | 32;
    if (first === 97 /* a */ && isSpace(html.charCodeAt(at + 2))) {
      const anchor: Anchor = { href: "" };
      at = readAttributes(html, at + 2, (name, value) => setAnchor(anchor, name, value));
      if (anchor.href !== "" && at <= html.length) page.anchors.push(anchor);
    } else if (first === 33 /* ! */ && html.startsWith("--", at + 2)) {
      const end = html.indexOf("-->", at + 4);
      if (end < 0) return page;
      at = end + 3;
    } else if (first === 98 /* b */ && isTag(html, at + 1, "base")) {
      at = readAttributes(html, at + 5, (name, value) => {
        if (name === "href") page.base ??= value.trim();
      });
    } else if (first === 109 /* m */ && isTag(html, at + 1, "meta")) {
      const meta = { name: "", content: "" };
      at = readAttributes(html, at + 5, (name, value) => {
        if (name === "name" || name === "content") meta[name] = value;
      });
      if (meta.name === "pypi:repository-version") page.version ??= meta.content.trim();
    } else {
      at += 1;
    }
    at = html.indexOf("<", at);
  }
  return page;
}

function setAnchor(anchor: Anchor, name: string, value: string): void {
  if (name === "href") anchor.href ||= value.trim();
  else if (name === "data-requires-python") anchor.requiresPython ??= value;
  else if (name === "data-yanked") anchor.yanked ??= value;
  else if (name === "data-core-metadata") anchor.metadata = value;
  else if (name === "data-dist-info-metadata") anchor.metadata ??= value;
  else if (name === "data-upload-time") anchor.uploadTime ??= value;
}

function isTag(html: string, at: number, name: string): boolean {
  return (
    html.slice(at, at + name.length).toLowerCase() === name && isSpace(html.charCodeAt(at + name.length))
  );
}

/** HTML's white space; NaN (the end) is none. */
function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13 && code !== 11);
}

/**
 * Calls `found` with each attribute (its name in lower case, its value with character references decoded) and returns
 * the place after the closing `>`, or one beyond the text when it ends within the tag.
 */
function readAttributes(html: string, start: number, found: (name: string, value: string) => void): number {
  const length = html.length;
  let at = start;
  for (;;) {
    while (at < length && (isSpace(html.charCodeAt(at)) || html.charCodeAt(at) === SLASH)) at += 1;
    if (at >= length) return length + 1;
    if (html.charCodeAt(at) === GREATER) return at + 1;
    const nameStart = at;
    at += 1; // A name may begin with anything, "=" included; so there is always progress.
    for (; at < length; at += 1) {
      const code = html.charCodeAt(at);
      if (code === EQUALS || code === GREATER || code === SLASH || isSpace(code)) break;
    }
    const name = html.slice(nameStart, at).toLowerCase();
    let next = at;
    while (next < length && isSpace(html.charCodeAt(next))) next += 1;
    if (html.charCodeAt(next) !== EQUALS) {
      found(name, "");
      continue;
    }
    at = next + 1;
    while (at < length && isSpace(html.charCodeAt(at))) at += 1;
    const quote = html[at];
    let end: number;
    if (quote === '"' || quote === "'") {
      at += 1;
      end = html.indexOf(quote, at);
      if (end < 0) return length + 1;
      found(name, decodeReferences(html.slice(at, end)));
      at = end + 1;
    } else {
      end = at;
      while (end < length && !isSpace(html.charCodeAt(end)) && html.charCodeAt(end) !== GREATER) end += 1;
      found(name, decodeReferences(html.slice(at, end)));
      at = end;
    }
  }
}

const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  equals: "=",
  excl: "!",
  comma: ",",
  period: ".",
  plus: "+",
  lowbar: "_",
  num: "#",
};

/** Numeric character references, and the names that servers use for what stands in URLs and specifiers. */
export function decodeReferences(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,6}));/g,
    (whole, decimal, hex, name) => {
      if (name !== undefined) return NAMED[name] ?? whole;
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
      const valid = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
      return valid ? String.fromCodePoint(code) : "\ufffd";
    },
  );
}
