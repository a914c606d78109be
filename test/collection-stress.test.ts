import { afterAll, beforeAll, expect, test } from "bun:test";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

/**
 * Collection under load: eight processes install, remove and prune for a while, some are killed at random. Afterwards every
 * environment that is attached works, and the store is sound. DX_PY_STRESS_SECONDS makes it longer (two minutes: 120).
 */
const SECONDS = Number(process.env["DX_PY_STRESS_SECONDS"] ?? 5);
const PROJECTS = 6;
const SETS = [
  ["base", "one"],
  ["base", "two"],
  ["base", "one", "two", "three"],
  ["three", "four"],
];
let server: IndexServer;
let me: Session;

beforeAll(async () => {
  const named = (name: string) =>
    makeWheel({
      name,
      modules: {
        [`${name}/__init__.py`]: `value = "${name}"\n`,
        [`${name}/data.py`]: "x = 1\n".repeat(5000),
      },
    });
  server = startIndexServer({ files: ["base", "one", "two", "three", "four"].map(named) });
  me = startSession({ index: server.url });
  for (const [i, packages] of SETS.entries()) {
    const project = me.project(`set-${i}`);
    project.write("pyproject.toml", pyproject(packages, "", `set${i}`));
    await project.ok("lock");
  }
});
afterAll(async () => {
  me.end();
  await server.stop();
});

test(
  `eight processes install, remove and prune for ${SECONDS} s, some are killed`,
  async () => {
    const sets = SETS.map((_, i) => me.project(`set-${i}`));
    const counts = { install: 0, prune: 0, remove: 0, killed: 0 };
    const failures: string[] = [];
    const end = performance.now() + SECONDS * 1000;
    const pick = (n: number) => Math.floor(Math.random() * n);
    const switchLock = (project: Session, set: Session) => {
      for (const name of ["pyproject.toml", "pylock.toml"]) project.write(name, set.read(name));
    };
    const worker = async (number: number) => {
      // Each project belongs to one worker, as it does to one person; the home belongs to all.
      const project = me.project(`project-${number}`);
      while (performance.now() < end) {
        const dice = Math.random();
        let words = ["cache", "prune", "--keep-days", "0"];
        if (number < PROJECTS && dice < 0.75) {
          switchLock(project, sets[pick(sets.length)]!);
          if (dice < 0.2 && project.has(".venv")) {
            project.remove(".venv");
            counts.remove += 1;
          }
          words = ["install", "--frozen"];
        }
        const child = project.start(...words);
        const kill = Math.random() < 0.15;
        if (kill) setTimeout(() => child.kill(9), pick(150));
        const stderr = await new Response(child.stderr as ReadableStream).text();
        const code = await child.exited;
        counts[words[0] === "cache" ? "prune" : "install"] += 1;
        if (kill && child.signalCode !== null) counts.killed += 1;
        else if (code !== 0) failures.push(`${words.join(" ")}: ${stderr.slice(0, 400)}`);
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, i) => worker(i)));

    // As they are, without another command in between: what is attached works.
    for (let i = 0; i < PROJECTS; i += 1) {
      const project = me.project(`project-${i}`);
      if (!project.has(".venv")) continue;
      const names = /dependencies = (\[.*\])/.exec(project.read("pyproject.toml"))![1]!;
      const attached = project.sh(
        ".venv/bin/python",
        "-c",
        "import importlib, importlib.metadata as m; [importlib.import_module(d.name).value for d in m.distributions()]; print('works')",
      );
      expect([names, attached.stdout, attached.stderr]).toEqual([names, "works\n", ""]);
    }
    const verified = JSON.parse((await me.dx("store", "verify", "--json")).stdout);
    console.log(JSON.stringify({ ...counts, failed: failures.length }));
    expect(failures).toEqual([]);
    // Nothing of it was left out.
    for (const [kind, count] of Object.entries(counts)) expect([kind, count > 0]).toEqual([kind, true]);
    expect(JSON.stringify(verified)).not.toContain('"ok":false');
    expect((await me.dx("store", "verify")).code).toBe(0);
    expect((await me.dx("layout", "verify", "--all")).code).toBe(0);
  },
  SECONDS * 1000 + 60_000,
);
