import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { tarBytes } from "../../../test/make-wheel.ts";
import { Failure } from "../../platform/errors.ts";
import { plainSdist } from "./plain-sdist.ts";

function tarOf(args: readonly string[], setup: string): Uint8Array {
  const script = `cd "$(mktemp -d)" && ${setup} && tar -cz ${args.join(" ")} s-1; rm -rf "$PWD"`;
  const done = Bun.spawnSync(["sh", "-c", script]);
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
  return done.stdout;
}

function list(archive: Uint8Array): string[] {
  const done = Bun.spawnSync(["tar", "-tvz"], { stdin: archive, env: { ...process.env, TZ: "UTC" } });
  expect(done.stderr.toString()).toBe("");
  return done.stdout.toString().trim().split("\n");
}

const long = `s-1/${"deep/".repeat(30)}`;
const setup = `mkdir -p ${long} && echo 1 > s-1/a && echo 2 > ${long}b && chmod 600 s-1/a && chmod 777 ${long}b`;

describe("the archive of an sdist", () => {
  test.each(["ustar", "gnu", "pax"])(
    "says nothing of the day and the user, and keeps its files (%s)",
    (format) => {
      const args = [`--format=${format}`, "--sort=name"];
      const made = ["2001-02-03", "2020-03-04"].map((day) =>
        plainSdist(tarOf([...args, `--mtime=${day}`, `--owner=u${day.slice(0, 4)}`], setup), 315532800),
      );
      expect(Buffer.compare(made[0]!, made[1]!)).toBe(0);
      const lines = list(made[0]!);
      expect(lines.every((line) => line.includes(" 0/0 ") && line.includes("1980-01-01"))).toBe(true);
      expect(lines.find((line) => line.endsWith("s-1/a"))).toStartWith("-rw-r--r--");
      expect(lines.find((line) => line.endsWith(`${long}b`))).toStartWith("-rwxr-xr-x");
    },
  );

  test("has a file that the backend packed twice once: the last", () => {
    const twice = gzipSync(
      tarBytes([
        ["s-1/PKG-INFO", "old"],
        ["s-1/a.py", "code"],
        ["s-1/PKG-INFO", "new"],
      ]),
    );
    const plain = plainSdist(twice, 0);
    expect(list(plain).map((line) => line.split(" ").at(-1))).toEqual(["s-1/a.py", "s-1/PKG-INFO"]);
    expect(Bun.spawnSync(["tar", "-xzO", "s-1/PKG-INFO"], { stdin: plain }).stdout.toString()).toBe("new");
  });

  test("is the same when it is done again", () => {
    const names = fc.stringMatching(/^[a-z]{1,20}$/);
    fc.assert(
      fc.property(fc.dictionary(names, fc.string(), { maxKeys: 5 }), fc.nat(2 ** 32), (files, time) => {
        const once = plainSdist(gzipSync(tarBytes(Object.entries(files))), time);
        expect(Buffer.compare(plainSdist(once, time), once)).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  test("that cannot be read is refused", () => {
    const whole = gzipSync(tarBytes([["s-1/a", "text"]]));
    const refused = (bytes: Uint8Array) => {
      try {
        plainSdist(bytes, 0);
        return true;
      } catch (error) {
        return error instanceof Failure && error.code === "DXPY_BAD_SDIST";
      }
    };
    expect(refused(new Uint8Array([1, 2, 3]))).toBe(true);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => refused(gzipSync(bytes))));
    fc.assert(fc.property(fc.nat(whole.length - 1), (cut) => refused(whole.subarray(0, cut))));
  });
});
