import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { nginx, startNginx, startVersitygw, versitygw } from "../src/binary-cache/testing/services.ts";
import { checkProvenance } from "./check-provenance.ts";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeSdist, makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

/** A team: one machine builds and pushes, the others have no index, and get everything from caches. */
let server: IndexServer;
let builder: Session;
let publicKey: string;
const cacheFolder = () => `${builder.dir}/../cache`;
const NOWHERE = "http://127.0.0.1:9/simple/";

beforeAll(async () => {
  server = startIndexServer({
    files: [
      makeWheel({
        name: "greet",
        requires: ["words"],
        entryPoints: { greet: "greet:main" },
        modules: { "greet.py": "import words\ndef main(): print('hello', words.value)\n" },
      }),
      makeWheel({ name: "words", modules: { "words/__init__.py": "value = 'world'\n" } }),
      makeSdist({ name: "source-only", modules: { "source_only.py": "value = 3\n" } }),
    ],
  });
  builder = startSession({ index: server.url });
  builder.write("pyproject.toml", pyproject(["greet", "source-only"]));
  await builder.ok("install");
  publicKey = (await builder.ok("cache", "keygen", "team-1", "--output", "../keys")).stdout.trim();
});
afterAll(async () => {
  builder.end();
  await server.stop();
});

const push = async (to: string, env: Record<string, string> = {}) => {
  Object.assign(builder.env, env);
  return JSON.parse(
    (await builder.ok("cache", "push", "--to", to, "--key-file", "../keys/team-1.secret", "--json")).stdout,
  )[0];
};

/** Another machine: an empty home, the same lock, no index. */
async function elsewhere(
  cache: string,
  act: (other: Session) => Promise<void>,
  env: Record<string, string> = {},
) {
  const other = startSession({ index: NOWHERE });
  try {
    for (const name of ["pyproject.toml", "pylock.toml"]) other.write(name, builder.read(name));
    Object.assign(other.env, { DX_PY_CACHE_URL: cache, DX_PY_CACHE_TRUSTED_KEYS: publicKey, ...env });
    await act(other);
  } finally {
    other.end();
  }
}

async function installsWhole(other: Session): Promise<void> {
  const { stdout } = await other.ok("install", "--frozen", "--json");
  expect(JSON.parse(stdout).from).toEqual({ store: 0, system: 0, cache: 3, downloaded: 0, built: 0 });
  expect((await other.ok("run", "greet")).stdout).toBe("hello world\n");
  expect(JSON.parse((await other.ok("store", "verify", "--json")).stdout)).toBeDefined();
  // Where it all came from came along, wheels' fetches too.
  expect(checkProvenance(other.home).faults).toEqual([]);
  expect((await other.ok("drv", "tree", "words")).stdout).toContain(`fetch ${server.origin}/files/words-1.0`);
}

test("a folder: push once, nothing to push again, an install without an index", async () => {
  expect(await push(cacheFolder())).toMatchObject({
    pushed: 3,
    objects: 3,
    environments: 1,
    signedBy: "team-1",
  });
  const again = await push(cacheFolder());
  expect(again).toMatchObject({ pushed: 0, present: 3, requests: 5 });
  await elsewhere(cacheFolder(), installsWhole);
});

test("a source build that one machine pushed is not built by the next; drv show names the signer", async () => {
  await elsewhere(cacheFolder(), async (other) => {
    const { stderr } = await other.ok("install", "--frozen", "-v");
    expect(stderr).toContain("3 from a binary cache");
    expect(stderr).not.toContain("building");
    const { stdout } = await other.ok("drv", "show", "source-only", "--json");
    expect(stdout).toContain('"signer": "team-1"');
    expect((await other.ok("drv", "show", "source-only")).stdout).toContain("team-1");
    // The whole history came along: the run of the backend, down to the fetch of its source.
    expect((await other.ok("drv", "tree", "source-only")).stdout).toMatch(/build/);
  });
});

test("without a key that is trusted, a cache gives nothing, and says so once", async () => {
  await elsewhere(
    cacheFolder(),
    async (other) => {
      const { stderr } = await other.ok("install", "--frozen");
      expect(stderr).toContain("2 downloaded, 1 built");
      expect(stderr.match(/is not trusted/g)).toHaveLength(1);
      expect(stderr).toContain("team-1");
    },
    { DX_PY_CACHE_TRUSTED_KEYS: "" },
  );
});

test("cache pull fills the store; cache info and verify look at a cache", async () => {
  await elsewhere(cacheFolder(), async (other) => {
    const pulled = JSON.parse((await other.ok("cache", "pull", "--json")).stdout);
    expect(pulled).toMatchObject({ present: [], missing: [] });
    expect(pulled.pulled).toHaveLength(3);
    expect((await other.ok("install", "--frozen", "--offline")).stderr).toContain("Installed 3 packages");
    expect((await other.ok("cache", "info", cacheFolder())).stdout).toContain("(trusted)");
    const verified = JSON.parse((await other.ok("cache", "verify", cacheFolder(), "--json")).stdout);
    expect(verified).toMatchObject({ good: 3, bad: 0 });
  });
});

test("settings of a project and of a user: cache tables, push after a build", async () => {
  const file = builder.dir.replace(/project$/, "auto-cache");
  await elsewhere("", async (other) => {
    other.env["DX_PY_DEFAULT_INDEX"] = server.url;
    const key = JSON.stringify(`${builder.dir}/../keys/team-1.secret`);
    other.write(
      "pyproject.toml",
      `${builder.read("pyproject.toml")}\n[[tool.dx-py.cache]]\nurl = ${JSON.stringify(file)}\npush = true\nsecret-key-file = ${key}\ntrusted-keys = [${JSON.stringify(publicKey)}]\n`,
    );
    const { stderr } = await other.ok("install", "--frozen", "-v");
    expect(stderr).toContain("pushed 1 built packages");
    expect(existsSync(`${file}/dx-cache-info`)).toBe(true);
    other.write("pyproject.toml", `${builder.read("pyproject.toml")}\n[[tool.dx-py.cache]]\nurl = 3\n`);
    const wrong = await other.dx("lock");
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("cache[0].url");
  });
  await elsewhere("", async (other) => {
    other.env["DX_PY_DEFAULT_INDEX"] = server.url;
    other.env["DX_PY_CONFIG"] = `${other.dir}/../config.toml`;
    other.write(
      "../config.toml",
      `[[cache]]\nurl = ${JSON.stringify(file)}\ntrusted-keys = [${JSON.stringify(publicKey)}]\n`,
    );
    const { stdout } = await other.ok("install", "--frozen", "--json");
    expect(JSON.parse(stdout).from).toMatchObject({ cache: 1, downloaded: 2, built: 0 });
  });
});

test("dx-py cache serve: the store over HTTP, uploads by token", async () => {
  builder.write("../token", "a-long-token\n");
  const child = builder.start(
    "cache",
    "serve",
    "--port",
    "0",
    "--key-file",
    "../keys/team-1.secret",
    "--upload-token-file",
    "../token",
    "--trusted-key",
    publicKey,
  );
  try {
    const reader = (child.stdout as ReadableStream<Uint8Array>).getReader();
    const url = new TextDecoder().decode((await reader.read()).value).trim();
    expect(url).toStartWith("http://127.0.0.1:");
    await elsewhere(url, installsWhole);
    expect(await push(url, { DX_PY_CACHE_TOKEN: "a-long-token" })).toMatchObject({ environments: 1 });
  } finally {
    child.kill();
    expect(await child.exited).toBe(0);
  }
});

describe.skipIf(nginx === undefined)("nginx", () => {
  test("the folder as static files: a whole environment", async () => {
    const service = await startNginx(`${builder.dir}/..`, cacheFolder());
    try {
      await elsewhere(service.url, installsWhole);
    } finally {
      await service.stop();
    }
  });
});

describe.skipIf(versitygw === undefined)("S3 (versitygw)", () => {
  test("push to a bucket, a whole environment from it", async () => {
    mkdirSync(`${builder.dir}/../s3work`, { recursive: true });
    const service = await startVersitygw(`${builder.dir}/../s3work`, "team");
    const env = {
      AWS_ACCESS_KEY_ID: "tester",
      AWS_SECRET_ACCESS_KEY: "tester-secret",
      AWS_ENDPOINT_URL: service.url,
    };
    try {
      expect(await push("s3://team/py", env)).toMatchObject({ pushed: 3 });
      await elsewhere("s3://team/py", installsWhole, env);
    } finally {
      await service.stop();
    }
  });
});

test("a system store: filled with --system, used by a user, kept while it is used", async () => {
  const shared = { DX_PY_SYSTEM_STORE: `${builder.dir}/../system/store` };
  const admin = builder.project("admin");
  for (const name of ["pyproject.toml", "pylock.toml"]) admin.write(name, builder.read(name));
  // The sessions of one person have one environment.
  const asAdmin = async (...args: string[]) => {
    const { DX_PY_SYSTEM_STORE: own } = admin.env;
    Object.assign(admin.env, shared);
    await admin.ok("--system", ...args);
    Object.assign(admin.env, { DX_PY_SYSTEM_STORE: own });
  };
  await asAdmin("install", "--frozen");
  await elsewhere(
    "",
    async (other) => {
      const { stdout } = await other.ok("install", "--frozen", "--json");
      expect(JSON.parse(stdout).from).toMatchObject({ system: 3, downloaded: 0, built: 0 });
      expect((await other.ok("run", "greet")).stdout).toBe("hello world\n");
    },
    { ...shared, DX_PY_STORE_SHARE: "hardlink" },
  );
  await elsewhere(
    "",
    async (other) => {
      await other.ok("install", "--frozen");
      // One package alone, past dx-py: the warm path does not look at each; what looks says so, and says how to mend it.
      const lib = `${other.dir}/.venv/lib/${readdirSync(`${other.dir}/.venv/lib`)[0]}`;
      const tree = realpathSync(`${lib}/site-packages/words`).replace(/\/lib\/words$/, "");
      expect(tree).toContain("/system/store/");
      renameSync(dirname(tree), `${dirname(tree)}.away`);
      const verified = await other.dx("layout", "verify");
      expect(verified).toMatchObject({ code: 1 });
      expect(verified.stdout).toContain("is not in the store");
      expect(verified.stderr).toContain("`dx-py store verify --repair`");
      other.env["DX_PY_DEFAULT_INDEX"] = server.url;
      await other.ok("store", "verify", "--repair");
      expect((await other.ok("run", "greet")).stdout).toBe("hello world\n");
      renameSync(`${dirname(tree)}.away`, dirname(tree));
    },
    { ...shared, DX_PY_STORE_SHARE: "reference" },
  );
  await elsewhere(
    "",
    async (other) => {
      const { stderr } = await other.ok("install", "--frozen", "-v");
      expect(stderr).toContain("3 used in place; 0 bytes more on the disk");
      // The owner cleans; what somebody uses stays.
      admin.remove(".venv");
      await asAdmin("cache", "clean");
      expect((await other.ok("run", "greet")).stdout).toBe("hello world\n");
      expect(readFileSync(`${other.dir}/.venv/bin/greet`, "utf8")).toStartWith("#!");
      // Taken away past dx-py: the next install notices, and mends it from what there is.
      admin.remove(`${builder.dir}/../system`);
      const mended = JSON.parse((await other.ok("install", "--frozen", "--json")).stdout);
      expect(mended).toMatchObject({ layout: "healed", from: { downloaded: 2, built: 1 } });
      expect((await other.ok("run", "greet")).stdout).toBe("hello world\n");
    },
    { ...shared, DX_PY_STORE_SHARE: "reference" },
  );
});

test("a system store that cannot be made is an error like others", async () => {
  const other = startSession({ index: NOWHERE });
  try {
    other.write("file", "");
    other.env["DX_PY_SYSTEM_STORE"] = `${other.dir}/file/store`;
    const { code, stderr } = await other.dx("--system", "store", "ls");
    expect(code).toBe(1);
    expect(stderr).toContain("error: the system's store cannot be made (ENOTDIR)");
    expect(stderr).toContain("hint: Run it as the user whose store it shall be");
    expect(stderr).not.toContain("at async");
    const told = JSON.parse((await other.dx("--system", "store", "ls", "--json")).stdout);
    expect(told.error.code).toBe("DXPY_STORE_UNWRITABLE");
  } finally {
    other.end();
  }
});

test("cache prune and size, store optimise: tables and JSON", async () => {
  const size = JSON.parse((await builder.ok("cache", "size", "--json")).stdout);
  expect(size.projects.map(({ link }: { link: string }) => link)).toContain(`${builder.dir}/.venv`);
  expect((await builder.ok("cache", "prune", "--dry-run", "--keep-days", "0")).stderr).toContain(
    "Would remove",
  );
  const pruned = JSON.parse((await builder.ok("cache", "prune", "--keep-days", "0", "--json")).stdout);
  expect(pruned.kept.layouts).toBeGreaterThan(0);
  expect((await builder.ok("run", "greet")).stdout).toBe("hello world\n");
  expect((await builder.dx("cache", "prune", "--max-size", "huge")).code).toBe(2);
  expect((await builder.ok("store", "optimise")).stderr).toContain("saved");
});

describe("a lock that pins outputs vouches for them", () => {
  let pinned: Session;
  const unsigned = () => `${builder.dir}/../unsigned`;
  const outputs = () =>
    [...pinned.read("pylock.toml").matchAll(/output = "([0-9a-f]{64})"/g)].map(([, hash]) => hash!);

  /** A machine that trusts no key; the index only where it is given. */
  async function onAnotherMachine(lock: string, index: string, act: (other: Session) => Promise<void>) {
    const other = startSession({ index });
    try {
      other.write("pyproject.toml", pinned.read("pyproject.toml"));
      other.write("pylock.toml", lock);
      Object.assign(other.env, { DX_PY_CACHE_URL: unsigned() });
      await act(other);
    } finally {
      other.end();
    }
  }

  beforeAll(async () => {
    pinned = builder.project("pinned");
    pinned.write("pyproject.toml", pyproject(["greet", "source-only"]));
    await pinned.ok("lock");
  });

  test("pinned is what the store has; what it has not is named", async () => {
    const empty = startSession({ index: server.url });
    try {
      empty.write("pyproject.toml", pinned.read("pyproject.toml"));
      const { stderr } = await empty.ok("lock", "--pin-outputs");
      expect(stderr).toContain("The lock pins 0 outputs");
      expect(stderr).toContain("3 packages (greet, source-only, words)");
    } finally {
      empty.end();
    }
    const { pins } = JSON.parse((await pinned.ok("lock", "--pin-outputs", "--json")).stdout);
    expect(pins).toEqual({ pinned: 3, fresh: 3, missing: [] });
    expect(outputs()).toHaveLength(3);
    // People read which file is meant; what was built has its build hash.
    expect(pinned.read("pylock.toml")).toMatch(
      /tool\.dx-py\.outputs = \[\n {4}\{file = "words-1\.0-py3-none-any\.whl", output = /,
    );
    expect(pinned.read("pylock.toml")).toMatch(/ {4}\{build = "[0-9a-f]{64}", output = /);
    const again = JSON.parse((await pinned.ok("lock", "--pin-outputs", "--json")).stdout);
    expect([again.status, again.pins.fresh]).toEqual(["fresh", 0]);
    expect((await pinned.ok("install", "-v")).stderr).not.toContain("downloaded, 1");
    expect((await pinned.dx("lock", "--check", "--pin-outputs")).code).toBe(2);
    await pinned.ok("lock", "--check");
  });

  test("an unsigned mapping is taken when the pin agrees", async () => {
    await pinned.ok("cache", "push", "--to", unsigned());
    await onAnotherMachine(pinned.read("pylock.toml"), NOWHERE, async (other) => {
      const { stdout, stderr } = await other.ok("install", "--frozen", "--json");
      expect(JSON.parse(stdout).from).toMatchObject({ cache: 3, downloaded: 0, built: 0 });
      expect(stderr).not.toContain("not trusted");
      expect((await other.ok("run", "greet")).stdout).toBe("hello world\n");
      expect((await other.ok("drv", "show", "source-only")).stdout).toContain("signed by: pinned");
    });
  });

  test("one that is not what is pinned is refused, and said; without a pin nobody vouches", async () => {
    const lock = pinned.read("pylock.toml");
    const words = /words-1\.0-py3-none-any\.whl", output = "([0-9a-f]{64})"/.exec(lock)![1]!;
    await onAnotherMachine(lock.replace(words, "0".repeat(64)), server.url, async (other) => {
      const { stdout, stderr } = await other.ok("install", "--frozen", "--json");
      expect(JSON.parse(stdout).from).toMatchObject({ cache: 2, downloaded: 1, built: 0 });
      expect(stderr).toContain(`has the output ${words.slice(0, 12)} for`);
      expect(stderr).toContain("words came out as");
    });
    await onAnotherMachine(
      lock.replace(/tool\.dx-py\.outputs = \[\n[^\]]*\]\n/g, ""),
      server.url,
      async (other) => {
        const { stdout } = await other.ok("install", "--frozen", "--json");
        expect(JSON.parse(stdout).from).toMatchObject({ cache: 0, downloaded: 2, built: 1 });
      },
    );
  });

  test("pins stay for as long as the files do, and go with them", async () => {
    const before = outputs();
    server.add(makeWheel({ name: "more" }));
    pinned.write("pyproject.toml", pyproject(["greet", "source-only", "more"]));
    await pinned.ok("lock");
    expect(outputs()).toEqual(before);
    server.add(
      makeWheel({ name: "words", version: "1.1", modules: { "words/__init__.py": "value = 'all'\n" } }),
    );
    await pinned.ok("lock", "--refresh", "--upgrade-package", "words");
    expect(outputs()).toHaveLength(2);
    // The binary lock has them too, and gives the text back.
    const text = pinned.read("pylock.toml");
    pinned.remove("pylock.toml");
    await pinned.ok("lock");
    expect(pinned.read("pylock.toml")).toBe(text);
  });
});
