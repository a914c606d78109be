import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { decodeDpl } from "./dpl-decode.ts";
import { type DplDigests, encodeDpl } from "./dpl-writer.ts";
import type { Lock } from "./lock-model.ts";

/** The worked example of docs/formats/dpl.md: the page and the writer must agree, byte by byte. */

const page = new URL("../../docs/formats/dpl.md", import.meta.url).pathname;

const lock: Lock = {
  requiresPython: ">=3.9",
  environments: [],
  extras: ["fast"],
  dependencyGroups: [],
  defaultGroups: [],
  fingerprint: "00ff",
  options: {},
  packages: [
    {
      name: "idna",
      version: "3.10",
      source: { kind: "index", url: "https://index.example/simple" },
      dependencies: [],
      wheels: [
        {
          name: "idna-3.10-py3-none-any.whl",
          url: "https://index.example/f/idna-3.10-py3-none-any.whl",
          size: 70442,
          uploadTime: 1726422962000,
          hashes: { sha256: "946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3" },
        },
      ],
    },
    {
      name: "requests",
      version: "2.32.0rc1",
      source: { kind: "index" },
      dependencies: [{ name: "idna", extras: ["all"], marker: 'python_version >= "3.9"' }],
      wheels: [],
    },
  ],
};

const digests: DplDigests = {
  pylockSha256: "11".repeat(32),
  inputs: [{ path: "pyproject.toml", sha256: "22".repeat(32) }],
};

function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = Array.from(row, (byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join(
      "",
    );
    lines.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}

test("the hex example of docs/formats/dpl.md is what the writer makes of its lock", () => {
  const dump = `<!-- example:begin -->\n\`\`\`\n${hexDump(encodeDpl(lock, digests))}\n\`\`\`\n<!-- example:end -->`;
  const text = readFileSync(page, "utf8");
  // DPL_EXAMPLE=write brings the page up to date after a deliberate change of the format.
  if (process.env["DPL_EXAMPLE"] === "write") {
    writeFileSync(
      page,
      text.replace(/<!-- example:begin -->[\s\S]*<!-- example:end -->/, () => dump),
    );
  } else {
    expect(text).toContain(dump);
  }
});

test("the hex example of docs/formats/dpl.md decodes to its lock", () => {
  const hex = /<!-- example:begin -->\n```\n([\s\S]*?)\n```/.exec(readFileSync(page, "utf8"))![1]!;
  const bytes = Uint8Array.fromHex(hex.replace(/^[0-9a-f]{4} {2}(.{47}).*$/gm, "$1").replace(/\s/g, ""));
  expect(decodeDpl(bytes)).toEqual({ lock, digests });
});
