import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { homeFolders } from "../platform/home.ts";
import { recordStanding } from "./record-standing.ts";
import { rootPath } from "./root-record.ts";
import { findStanding } from "./standing.ts";

const folder = mkdtempSync(`${tmpdir()}/dxpy-standing-`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const home = homeFolders({ DX_PY_HOME: `${folder}/home` });
const facts = { home, link: `${folder}/.venv`, question: "q", packages: 1, present: [], watched: [] };

test("paths that cannot be, as a damaged lock may name them, are nothing to remember and no failure", () => {
  recordStanding({ ...facts, written: [`${folder}/a\0b`] });
  expect(existsSync(rootPath(home, facts.link))).toBe(false);
});

test("a home that cannot be made is no failure", () => {
  writeFileSync(`${folder}/file`, "");
  recordStanding({ ...facts, home: homeFolders({ DX_PY_HOME: `${folder}/file/home` }), written: [] });
});

test("what was left alone is remembered, until it changes", () => {
  const path = `${folder}/pyproject.toml`;
  writeFileSync(path, "x");
  recordStanding({ ...facts, written: [path] });
  expect(findStanding(home, facts.link, "q")).toBeUndefined();
  utimesSync(path, 1_700_000_000.25, 1_700_000_000.25);
  recordStanding({ ...facts, written: [path] });
  expect(findStanding(home, facts.link, "q")?.standing.packages).toBe(1);
  expect(findStanding(home, facts.link, "other")).toBeUndefined();
  utimesSync(path, 1_700_000_000.5, 1_700_000_000.5);
  expect(findStanding(home, facts.link, "q")).toBeUndefined();
});
