/**
 * Many processes at once, some of them killed: mixed installs, locks, cleanings and verifications over shared and
 * separate homes. What has to hold: no corruption, no deadlock, no lost layout, no leftovers that grow.
 * `DX_PY_TEST_ROUNDS=50` for the long run.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, lutimesSync, readdirSync, readFileSync, readlinkSync, renameSync } from "node:fs";
import { listRoots } from "../src/environment/roots.ts";
import { decodeDpl } from "../src/lock/dpl-decode.ts";
import { homeFolders } from "../src/platform/home.ts";
import { openStore } from "../src/store/store.ts";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeSdist, makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

const PROCESSES = 16;
const ROUNDS = Number(process.env["DX_PY_TEST_ROUNDS"] ?? 3);
/** Generous: a command takes tens of milliseconds; what has not ended by then hangs. */
const DEADLOCK_MS = 60_000;
const PARTS = 8;

let server: IndexServer;
beforeAll(() => {
  const files = Array.from({ length: PARTS }, (_, i) =>
    makeWheel({
      name: `part-${i}`,
      requires: i === 0 ? [] : [`part-${i - 1}`],
      modules: Object.fromEntries(
        Array.from({ length: 25 }, (_, n) => [`part_${i}/m${n}.py`, `value = ${i * n}\n`.repeat(40)]),
      ),
      entryPoints: { [`part-${i}`]: `part_${i}.m0:value` },
    }),
  );
  server = startIndexServer({ files: [...files, makeSdist({ name: "built" })] });
});
afterAll(() => server.stop());

/** The same numbers every time: a failure can be run again. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Counts {
  commands: number;
  killed: number;
  failed: string[];
  /** `cache clean` that run now, and that were ever started. */
  cleaning: number;
  cleanings: number;
}

const noCounts = (): Counts => ({ commands: 0, killed: 0, failed: [], cleaning: 0, cleanings: 0 });

/** One command, killed by SIGKILL at a random moment when `kill` says so. */
async function command(
  me: Session,
  args: string[],
  killAfter: number | undefined,
  counts: Counts,
): Promise<void> {
  const before = counts.cleanings - counts.cleaning;
  const cleans = args[1] === "clean";
  if (cleans) {
    counts.cleaning++;
    counts.cleanings++;
  }
  const child = me.start(...args);
  counts.commands++;
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter);
  const guard = setTimeout(() => {
    counts.failed.push(`dx-py ${args.join(" ")}: still running after ${DEADLOCK_MS} ms`);
    child.kill("SIGKILL");
  }, DEADLOCK_MS);
  const output = await new Response(child.stderr as ReadableStream).text();
  const code = await child.exited;
  clearTimeout(timer);
  clearTimeout(guard);
  if (cleans) counts.cleaning--;
  // Where it cannot be seen what runs, whoever cleans takes it away; it runs again after the next install.
  const takenAway = process.platform !== "linux" && args[0] === "run" && counts.cleanings > before;
  if (child.signalCode === "SIGKILL") counts.killed++;
  else if (code !== 0 && !takenAway) counts.failed.push(`dx-py ${args.join(" ")} exited ${code}: ${output}`);
}

/** What one of the processes does in its project, round after round. */
async function live(me: Session, id: number, counts: Counts): Promise<void> {
  const random = numbers(id + 1);
  for (let round = 0; round < ROUNDS; round++) {
    const dice = random();
    const kill = random() < 0.3 ? random() * 250 : undefined;
    if (dice < 0.3) {
      const top = Math.floor(random() * PARTS);
      // Others may be reading it.
      me.write(
        `${me.dir}.${id}`,
        pyproject([`part-${top}`, ...(random() < 0.2 ? ["built"] : [])], "", `p${id}`),
      );
      renameSync(`${me.dir}.${id}`, `${me.dir}/pyproject.toml`);
      await command(me, ["install"], kill, counts);
    } else if (dice < 0.5) await command(me, ["install"], kill, counts);
    else if (dice < 0.6) {
      me.remove(".venv");
      await command(me, ["install"], kill, counts);
    } else if (dice < 0.7) await command(me, ["lock", "--upgrade"], kill, counts);
    else if (dice < 0.8) await command(me, ["run", "python", "-c", "import part_0.m1"], kill, counts);
    else if (dice < 0.85) await command(me, ["store", "verify"], kill, counts);
    else if (dice < 0.93) await command(me, ["cache", "prune", "--keep-days", "0"], kill, counts);
    else {
      const what = random();
      const flag = what < 0.5 ? ["--layouts"] : what < 0.7 ? ["--store"] : what < 0.85 ? ["--index"] : [];
      await command(me, ["cache", "clean", ...flag], kill, counts);
    }
  }
}

/** Files and folders below the home's own folders that belong to nothing. */
async function inspect(me: Session): Promise<void> {
  const home = homeFolders({ DX_PY_HOME: me.home });
  const store = openStore(home);
  for (const hash of store.list())
    expect(await store.verify(hash)).toMatchObject({ outputHash: hash, ok: true });
  for (const name of existsSync(home.layouts) ? readdirSync(home.layouts) : [])
    expect(name).toMatch(/^[0-9a-f]{64}$/);
  // The next command that stages anything, or collects, sweeps what the killed ones left.
  await me.ok("cache", "prune");
  expect(existsSync(home.tmp) ? readdirSync(home.tmp) : []).toEqual([]);
  const known = [
    "index",
    "interpreters",
    "layouts",
    "layouts.dxc",
    "layouts.dxc.lock",
    "roots",
    "store",
    "tmp",
  ];
  expect(readdirSync(home.root).filter((name) => !known.includes(name))).toEqual([]);
  // Who prunes notes whose link is not there at that moment.
  const roots = readdirSync(home.roots).filter((name) => !/^\.tmp-|\.gone$/.test(name));
  expect(roots.length).toBe(listRoots(home).length);
}

const LONG_AGO = Date.now() / 1000 - 2 * 24 * 60 * 60;

function strays(me: Session): string[] {
  return readdirSync(me.dir).filter(
    (name) => !["pyproject.toml", "pylock.toml", "dx-py.dpl", ".venv"].includes(name),
  );
}

/** After everything: one plain install makes the project right, whatever happened to it. */
async function settle(me: Session): Promise<void> {
  await me.ok("install");
  const link = readlinkSync(`${me.dir}/.venv`);
  expect(link).toStartWith(`${me.home}/layouts/`);
  const top = /part-(\d)/.exec(me.read("pyproject.toml"))![1];
  expect(me.sh(".venv/bin/python", "-c", `import part_0.m24, part_${top}.m24`)).toMatchObject({ code: 0 });
  decodeDpl(new Uint8Array(readFileSync(`${me.dir}/dx-py.dpl`)));
  expect((await me.ok("install", "-v")).stderr).toContain("layout: hit");
  expect((await me.ok("lock", "--check")).code).toBe(0);
  // A process that was killed in the middle of a write leaves its temporary file; when it is old enough, it goes.
  for (const name of strays(me)) {
    expect(name).toMatch(/^\.(tmp-|venv\.)/);
    lutimesSync(`${me.dir}/${name}`, LONG_AGO, LONG_AGO);
  }
  me.write("pyproject.toml", `# settled\n${me.read("pyproject.toml")}`);
  await me.ok("install");
  expect(strays(me)).toEqual([]);
}

async function torture(me: Session, projects: readonly Session[]): Promise<Counts> {
  const counts = noCounts();
  for (const [i, project] of projects.entries())
    project.write("pyproject.toml", pyproject([`part-${i % PARTS}`], "", `p${i}`));
  await Promise.all(projects.map((project, i) => live(project, i, counts)));
  expect(counts.failed).toEqual([]);
  for (const project of projects) await settle(project);
  await inspect(me);
  return counts;
}

const report = (what: string, { commands, killed, cleanings }: Counts) =>
  console.log(
    `${what}: ${PROCESSES} processes × ${ROUNDS} rounds, ${commands} commands, ${killed} killed, ${cleanings} cleanings`,
  );

test("sixteen processes on one home, each in a project of its own", async () => {
  const me = startSession({ index: server.url });
  const projects = Array.from({ length: PROCESSES }, (_, i) => me.project(`p${i}`));
  report("one home", await torture(me, projects));
  me.end();
}, 3_600_000);

test("sixteen processes on one home, four in each project", async () => {
  const me = startSession({ index: server.url });
  const projects = Array.from({ length: PROCESSES }, (_, i) => me.project(`p${i % 4}`));
  report("shared projects", await torture(me, projects));
  me.end();
}, 3_600_000);

test("sixteen processes on four homes, that share nothing but the index", async () => {
  const people = Array.from({ length: 4 }, () => startSession({ index: server.url }));
  const counts = await Promise.all(
    people.map((me) =>
      torture(
        me,
        Array.from({ length: PROCESSES / 4 }, (_, i) => me.project(`p${i}`)),
      ),
    ),
  );
  const sum = (pick: (c: Counts) => number) => counts.reduce((total, one) => total + pick(one), 0);
  report("four homes", {
    ...noCounts(),
    commands: sum((c) => c.commands),
    killed: sum((c) => c.killed),
    cleanings: sum((c) => c.cleanings),
  });
  for (const me of people) me.end();
}, 3_600_000);
