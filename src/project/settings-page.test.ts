import { describe, expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { USER_KEYS } from "./settings.ts";
import { parseToml } from "./toml-document.ts";
import {
  FORK_STRATEGY,
  LINK_MODE,
  PRERELEASE,
  RESOLUTION,
  readToolSettings,
  SETTING_KEYS,
  UV_ONLY,
} from "./tool-settings.ts";

const PAGE = await Bun.file(fileURLToPath(new URL("../../docs/settings.md", import.meta.url))).text();

/** The rows of all tables of keys: key to its cells. */
const ROWS = new Map(
  [...PAGE.matchAll(/^\| `([a-z-]+)` \|(.*)\|$/gm)].map(([, key = "", rest = ""]) => [
    key,
    rest.split("|").map((cell) => cell.trim()),
  ]),
);

describe("docs/settings.md", () => {
  test("has every key that the code reads, and no other", () => {
    expect([...ROWS.keys()].sort()).toEqual([...SETTING_KEYS].sort());
  });

  test("marks the keys of the user's own file", () => {
    const marked = [...ROWS].filter(([, cells]) => cells[4] === "✓").map(([key]) => key);
    expect(marked.sort()).toEqual([...USER_KEYS].sort());
  });

  test("names every choice", () => {
    const choices = {
      prerelease: PRERELEASE,
      resolution: RESOLUTION,
      "fork-strategy": FORK_STRATEGY,
      "link-mode": LINK_MODE,
    };
    for (const [key, words] of Object.entries(choices)) {
      expect(ROWS.get(key)?.[0]).toBe(words.map((word) => `\`"${word}"\``).join(", "));
    }
    for (const key of UV_ONLY) expect(PAGE).toContain(`\`${key}\``);
  });

  test("has an example of every key, and every example is accepted", async () => {
    const shown = new Set<string>();
    for (const [, example = ""] of PAGE.matchAll(/```toml\n([\s\S]*?)```/g)) {
      const { table } = await parseToml(example, "example.toml");
      const warnings: string[] = [];
      for (const key of Object.keys(readToolSettings(table, (message) => warnings.push(message))))
        shown.add(key);
      expect(warnings).toEqual([]);
    }
    expect([...shown].sort()).toEqual([...SETTING_KEYS].sort());
  });
});
