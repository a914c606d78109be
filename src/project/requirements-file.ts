/**
 * Requirements in pip's own file format (pip's documentation, "Requirements File Format"), as far as a project can take
 * them over: requirements, and files that are included with `-r`.
 */
import { readFileSync } from "node:fs";
import { Failure } from "../platform/errors.ts";
import { parseRequirement, type Requirement } from "../standards/requirements.ts";
import { tidy } from "./workspace.ts";

export interface RequirementsFile {
  requirements: Requirement[];
  /** Lines that say what a project says elsewhere, or not at all: `requirements.txt:3: --no-index`. */
  passedOver: string[];
}

const MOST_BYTES = 4_000_000;
const MOST_FILES = 100;

/**
 * `path` is absolute. Hashes of lines are left out: the lock has its own. Failures: DXPY_NO_REQUIREMENTS_FILE,
 * DXPY_BAD_REQUIREMENT with file and line.
 */
export function readRequirementsFile(path: string): RequirementsFile {
  const found: RequirementsFile = { requirements: [], passedOver: [] };
  const seen = new Set<string>();
  const visit = (file: string) => {
    if (seen.has(file) || seen.size >= MOST_FILES) return;
    seen.add(file);
    for (const { text, line } of logicalLines(readText(file))) {
      const included = /^(?:-r|--requirement)(?:\s+|=)?(\S.*)$/.exec(text)?.[1];
      const place = `${file.slice(file.lastIndexOf("/") + 1)}:${line}`;
      if (included !== undefined) {
        visit(
          tidy(included.startsWith("/") ? included : `${file.slice(0, file.lastIndexOf("/"))}/${included}`),
        );
      } else if (text.startsWith("-") || /^(?:\.{0,2}\/|[a-z][a-z0-9+.-]*:\/\/|\.$)/i.test(text)) {
        found.passedOver.push(`${place}: ${text}`);
      } else found.requirements.push(requirementIn(text.replace(/\s+--\S.*$/, ""), file, line));
    }
  };
  visit(path);
  return found;
}

function requirementIn(text: string, path: string, line: number): Requirement {
  try {
    return parseRequirement(text);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    error.context.path ??= `${path}:${line}`;
    throw error;
  }
}

function readText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new Failure("DXPY_NO_REQUIREMENTS_FILE", `${path} cannot be read`, {
      context: { path },
      hint: "Check the path after `-r`.",
      cause,
      exitCode: 2,
    });
  }
  if (bytes.length > MOST_BYTES) {
    throw new Failure("DXPY_NO_REQUIREMENTS_FILE", `${path} is too large for a file of requirements`, {
      context: { path },
      exitCode: 2,
    });
  }
  return bytes.toString("utf8").replace(/^\uFEFF/, "");
}

/** Lines without comments, those that end in a backslash joined; `line` is the number of the first. */
function logicalLines(text: string): { text: string; line: number }[] {
  const lines: { text: string; line: number }[] = [];
  let open: { text: string; line: number } | undefined;
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const goesOn = raw.endsWith("\\");
    const part = goesOn ? raw.slice(0, -1) : raw;
    open = open === undefined ? { text: part, line: i + 1 } : { text: open.text + part, line: open.line };
    if (goesOn) continue;
    lines.push(open);
    open = undefined;
  }
  if (open !== undefined) lines.push(open);
  return lines.flatMap((each) => {
    const said = each.text.replace(/(^|\s)#.*$/, "").trim();
    return said === "" ? [] : [{ text: said, line: each.line }];
  });
}
