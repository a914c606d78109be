import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { homeFolders } from "../src/platform/home.ts";
import { openStore } from "../src/store/store.ts";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

let server: IndexServer;
beforeAll(() => {
  const files = Array.from({ length: 12 }, (_, i) =>
    makeWheel({
      name: `part-${i}`,
      requires: i === 0 ? [] : [`part-${i - 1}`],
      modules: Object.fromEntries(
        Array.from({ length: 40 }, (_, n) => [`part_${i}/m${n}.py`, `value = ${i * n}\n`.repeat(50)]),
      ),
    }),
  );
  server = startIndexServer({ files });
});
afterAll(() => server.stop());

async function verifyStore(me: Session): Promise<void> {
  const store = openStore(homeFolders({ DX_PY_HOME: me.home }));
  const hashes = store.list();
  expect(hashes.length).toBeGreaterThan(0);
  for (const hash of hashes) expect((await store.verify(hash)).ok).toBe(true);
}

test("eight installs at once of one project, from an empty home: all succeed, and the store verifies", async () => {
  const me = startSession({ index: server.url });
  me.write("pyproject.toml", pyproject(["part-11"]));
  const answers = await Promise.all(Array.from({ length: 8 }, () => me.dx("install")));
  expect(answers.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual(Array(8).fill(0));
  expect(me.sh(".venv/bin/python", "-c", "import part_0.m3, part_11.m39").code).toBe(0);
  await verifyStore(me);
  expect(readdirSync(`${me.home}/tmp`)).toEqual([]);
  me.end();
}, 60_000);

test("eight installs at once of different projects: all succeed, and equal ones share a layout", async () => {
  const me = startSession({ index: server.url });
  const projects = Array.from({ length: 8 }, (_, i) => {
    const project = me.project(`p${i}`);
    project.write("pyproject.toml", pyproject([`part-${4 + (i % 4)}`], "", `p${i}`));
    return project;
  });
  const answers = await Promise.all(projects.map((project) => project.dx("install")));
  expect(answers.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual(Array(8).fill(0));
  const links = projects.map(({ dir }) => readlinkSync(`${dir}/.venv`));
  expect(new Set(links).size).toBe(4);
  for (const [i, project] of projects.entries()) {
    expect(project.sh(".venv/bin/python", "-c", `import part_0.m1, part_${4 + (i % 4)}.m1`).code).toBe(0);
  }
  await verifyStore(me);
  me.end();
}, 60_000);

test("installs, cleanings and healings at once never break an environment for good", async () => {
  const me = startSession({ index: server.url });
  me.write("pyproject.toml", pyproject(["part-3"]));
  await me.ok("install");
  await Promise.all([
    me.dx("install"),
    me.dx("cache", "clean", "--layouts"),
    me.dx("install"),
    me.dx("cache", "clean", "--layouts"),
    me.dx("install"),
  ]);
  await me.ok("install");
  expect(me.sh(".venv/bin/python", "-c", "import part_0.m1, part_3.m1").code).toBe(0);
  me.end();
}, 60_000);
