/**
 * The three projects of the benchmarks, whole and from PyPI: where every object came from, and the same environments out of a
 * binary cache, file by file. A gigabyte, so only with `DX_PY_TEST_NETWORK=1`.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { checkProvenance } from "./check-provenance.ts";
import { type Session, startSession } from "./session.ts";

const network = process.env["DX_PY_TEST_NETWORK"] === "1";
const projects = ["jupyter", "web", "docs"];
const NOWHERE = "http://127.0.0.1:9/simple/";

const sessions: Session[] = [];
afterAll(() => {
  for (const session of sessions) session.end();
});

function begin(options: { index?: string } = {}): Session {
  const session = startSession(options);
  sessions.push(session);
  return session;
}

/** Content by path of what an environment holds, links followed; what names the layout itself left out. */
function contents(root: string, below = "", found = new Map<string, string>()): Map<string, string> {
  for (const name of readdirSync(`${root}/${below}`)) {
    if (name === "__pycache__" || name === "lib64" || name === "dx-py-layout.json") continue;
    const path = below === "" ? name : `${below}/${name}`;
    if (statSync(`${root}/${path}`).isDirectory()) {
      contents(root, path, found);
      continue;
    }
    const bytes = readFileSync(`${root}/${path}`);
    const own = /^bin\/(python|[Aa]ctivate)/.test(path);
    const text = path.startsWith("bin/") && !own ? bytes.toString("latin1").replace(/^#!.*/, "#!") : bytes;
    found.set(path, own ? "" : new Bun.CryptoHasher("sha256").update(text).digest("hex"));
  }
  return found;
}

describe.skipIf(!network)("the projects of the benchmarks", () => {
  let first: Session;
  const installed = new Map<string, Session>();

  test.each(projects)(
    "%s: every object has its derivation, and each package is followed to a fetch",
    async (name) => {
      first ??= begin();
      const project = first.project(name);
      project.write(
        "pyproject.toml",
        readFileSync(`${import.meta.dir}/../bench/projects/${name}/pyproject.toml`, "utf8"),
      );
      await project.ok("install");
      installed.set(name, project);
      const { derivations, objects, environments, faults } = checkProvenance(first.home);
      expect(faults).toEqual([]);
      expect(environments).toBe(installed.size);
      console.log(`${name}: ${derivations} derivations, ${objects} objects`);
    },
    600_000,
  );

  test("a machine without an index gets the same environments from a cache, file by file, and knows where they came from", async () => {
    const key = (await first.ok("cache", "keygen", "team", "--output", "../keys")).stdout.trim();
    const cache = `${first.dir}/../cache`;
    for (const project of installed.values())
      await project.ok("cache", "push", "--to", cache, "--key-file", `${first.dir}/../keys/team.secret`);
    const other = begin({ index: NOWHERE });
    Object.assign(other.env, { DX_PY_CACHE_URL: cache, DX_PY_CACHE_TRUSTED_KEYS: key });
    for (const [name, project] of installed) {
      const twin = other.project(name);
      for (const file of ["pyproject.toml", "pylock.toml"]) twin.write(file, project.read(file));
      const { from, packages } = JSON.parse((await twin.ok("install", "--frozen", "--json")).stdout);
      expect([from.downloaded, from.built, from.cache + from.store]).toEqual([0, 0, packages]);
      const [here, there] = [contents(`${project.dir}/.venv`), contents(`${twin.dir}/.venv`)];
      expect([...there.keys()].sort()).toEqual([...here.keys()].sort());
      expect([...here].filter(([path, digest]) => there.get(path) !== digest).map(([path]) => path)).toEqual(
        [],
      );
      console.log(`${name}: ${packages} packages, ${here.size} files, the same`);
    }
    expect(checkProvenance(other.home).faults).toEqual([]);
    expect((await other.project("jupyter").ok("store", "verify")).code).toBe(0);
  }, 900_000);
});
