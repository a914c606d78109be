import { afterAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { makeSdist, tarBytes } from "../../test/make-wheel.ts";
import { Failure } from "./errors.ts";
import { extractSdist, readTarMember } from "./tar.ts";
import { craftZip } from "./testing/craft-zip.ts";

const folder = mkdtempSync(`${tmpdir()}/dxpy-tar-`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
function fresh(): string {
  count += 1;
  mkdirSync(`${folder}/${count}`);
  return `${folder}/${count}`;
}

interface Member {
  name: string;
  content?: string;
  /** "0" file, "1" hard link, "2" symlink, "3" device, "5" folder. */
  type?: string;
  link?: string;
  mode?: number;
  size?: number;
  checksum?: number;
}

/** A tar with every field open to a lie. */
function craftTar(members: readonly Member[], end = true): Uint8Array {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  for (const { name, content = "", type = "0", link = "", mode = 0o644, size, checksum } of members) {
    const bytes = encoder.encode(content);
    const header = new Uint8Array(512);
    const put = (at: number, text: string) => header.set(encoder.encode(text), at);
    put(0, name);
    put(100, `${mode.toString(8).padStart(7, "0")}\0`);
    put(124, `${(size ?? bytes.length).toString(8).padStart(11, "0")}\0`);
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, type);
    put(157, link);
    put(257, "ustar\x0000");
    const sum = checksum ?? header.reduce((total, byte) => total + byte, 0);
    put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
    parts.push(header, bytes, new Uint8Array((512 - (bytes.length % 512)) % 512));
  }
  if (end) parts.push(new Uint8Array(1024));
  return new Uint8Array(Buffer.concat(parts));
}

async function faultOf(bytes: Uint8Array): Promise<string> {
  try {
    await extractSdist(bytes, "x.tar.gz", fresh());
    return "none";
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.message.replace("x.tar.gz cannot be unpacked: ", "");
  }
}
const fault = (...members: Member[]) =>
  faultOf(craftTar([{ name: "p-1/", type: "5", mode: 0o755 }, ...members]));

describe("a sound archive", () => {
  const members: Member[] = [
    { name: "./p-1/", type: "5" },
    { name: "p-1/setup.py", content: "import this\n" },
    { name: "p-1/run.sh", content: "#!/bin/sh\n", mode: 0o4755 },
    { name: "p-1/sub/deep/file", content: "x".repeat(100_000) },
    { name: "p-1/link", type: "2", link: "sub/../setup.py" },
    { name: "p-1/hard", type: "1", link: "p-1/setup.py" },
    { name: "p-1/empty" },
  ];
  for (const [name, bytes] of [
    ["gzip", new Uint8Array(gzipSync(craftTar(members)))],
    ["plain", craftTar(members)],
  ] as const) {
    test(`${name}: files, modes without setuid, links inside`, async () => {
      const into = fresh();
      const top = await extractSdist(bytes, "p-1.tar.gz", into);
      expect(top).toBe(`${into}/p-1`);
      expect(readFileSync(`${top}/link`, "utf8") + readFileSync(`${top}/hard`, "utf8")).toBe(
        "import this\nimport this\n",
      );
      expect(statSync(`${top}/sub/deep/file`).size).toBe(100_000);
      expect(statSync(`${top}/run.sh`).mode & 0o7777 & ~0o022).toBe(0o755);
      expect(statSync(`${top}/setup.py`).mode & 0o111).toBe(0);
      expect(readlinkSync(`${top}/link`)).toBe("sub/../setup.py");
      expect(lstatSync(`${top}/empty`).size).toBe(0);
    });
  }

  test("what the sdist maker of the tests writes, from a path", async () => {
    const made = makeSdist({ name: "demo" });
    const path = `${fresh()}/${made.filename}`;
    await Bun.write(path, made.bytes);
    const top = await extractSdist(path, made.filename, fresh());
    expect(readFileSync(`${top}/PKG-INFO`, "utf8")).toBe(made.metadata);
  });

  test("more than one folder at the top: the folder itself is the source tree", async () => {
    const into = fresh();
    expect(
      await extractSdist(
        tarBytes([
          ["a/x", "1"],
          ["setup.py", "2"],
        ]),
        "x.tar",
        into,
      ),
    ).toBe(into);
  });

  test("xz", async () => {
    const made = Uint8Array.fromBase64(
      "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4Cf/AGFdADgLQiMSrYPYyJCEjauMmIa78CDuexc1BvV2xWbAt+BUbsDgTN1/L2+P2dGwbj13j4t4HTdn2a+TLt3e6v4Ux0uu0d6VIyV2Mxvf1V+8hHw3XGn196kQg0+k/laGfdDwAAAAAAAAeQ/yP7oEYk4AAX2AUAAAAPJ1Ag6xxGf7AgAAAAAEWVo=",
    );
    const top = await extractSdist(made, "p-1.tar.xz", fresh());
    expect(readFileSync(`${top}/setup.py`, "utf8")).toBe("xz");
  });

  test("zip files", async () => {
    const into = fresh();
    const zip = craftZip([
      { name: "p-1/setup.py", content: "zipped" },
      { name: "p-1/run", content: "", attributes: 0o100755 },
    ]);
    const top = await extractSdist(zip, "p-1.zip", into);
    expect(readFileSync(`${top}/setup.py`, "utf8")).toBe("zipped");
    expect(statSync(`${top}/run`).mode & 0o111).not.toBe(0);
    await expect(extractSdist(craftZip([{ name: "../x" }]), "p-1.zip", fresh())).rejects.toThrow(
      "climbs out",
    );
  });
});

describe("what is refused", () => {
  for (const [what, member, message] of [
    ["a way out", { name: "p-1/../../evil" }, "climbs out of the archive with “..”"],
    ["an absolute path", { name: "/etc/evil" }, "is an absolute path"],
    ["a drive letter", { name: "C:/evil" }, "begins with a drive letter"],
    ["a backslash", { name: "p-1\\x" }, "has a backslash in its name"],
    ["a link out", { name: "p-1/l", type: "2", link: "../../x" }, "is a symbolic link out of the archive"],
    [
      "an absolute link",
      { name: "p-1/l", type: "2", link: "/etc/passwd" },
      "is a symbolic link out of the archive",
    ],
    ["a link to nothing", { name: "p-1/l", type: "2" }, "is a symbolic link to nothing"],
    [
      "a hard link out",
      { name: "p-1/h", type: "1", link: "/etc/passwd" },
      'is a hard link to "/etc/passwd", which is no file before it',
    ],
    [
      "a hard link to what comes later",
      { name: "p-1/h", type: "1", link: "p-1/z" },
      'is a hard link to "p-1/z", which is no file before it',
    ],
    ["a device", { name: "p-1/d", type: "3" }, "is neither a file, a folder nor a link"],
    ["a pipe", { name: "p-1/d", type: "6" }, "is neither a file, a folder nor a link"],
  ] as const) {
    test(what, async () => {
      expect(await fault(member)).toEndWith(message);
    });
  }

  test("a file through a link, a file twice, a file and a folder", async () => {
    const link: Member = { name: "p-1/l", type: "2", link: "sub" };
    expect(await fault({ name: "p-1/sub/x" }, link, { name: "p-1/l/y", content: "through" })).toEndWith(
      "is both a file and a folder",
    );
    expect(await fault({ name: "p-1/x" }, { name: "p-1/x" })).toEndWith("occurs twice");
    expect(await fault({ name: "p-1/x" }, { name: "p-1/x/y" })).toEndWith("is both a file and a folder");
    expect(await fault({ name: "p-1/x/y" }, { name: "p-1/x/", type: "5" })).toBe("none");
  });

  test("damage: a checksum, an end that is missing, a size that lies, other bytes, nothing", async () => {
    expect(await fault({ name: "p-1/x", checksum: 1 })).toBe("it is damaged or cut off");
    expect(await fault({ name: "p-1/x", size: 10_000_000 })).toBe("it is damaged or cut off");
    expect(await fault({ name: "p-1/x", size: 8 ** 11 - 1 })).toBe("it is damaged or cut off");
    expect(await faultOf(new Uint8Array(gzipSync(craftTar([{ name: "a" }]))).subarray(0, 40))).toBe(
      "it is damaged or cut off",
    );
    expect(await faultOf(new TextEncoder().encode("<html>"))).toBe("it is not a tar archive");
    expect(await faultOf(craftTar([]))).toBe("there is nothing in it");
    expect(await faultOf(Uint8Array.from([0x42, 0x5a, 0x68, 0x39]))).toContain(
      "compressed by bzip2, which dx-py does not read",
    );
  });

  test("nothing is written outside", () => {
    expect(existsSync(`${folder}/evil`)).toBe(false);
    expect(existsSync(`${tmpdir()}/evil`)).toBe(false);
  });
});

test("one member is read without the rest", async () => {
  const made = makeSdist({ name: "demo" });
  const found = await readTarMember(made.bytes, (path) => path === "demo-1.0/PKG-INFO");
  expect(new TextDecoder().decode(found?.bytes)).toBe(made.metadata);
  expect(await readTarMember(made.bytes, () => false)).toBeUndefined();
  await expect(readTarMember(made.bytes, () => true, { maxBytes: 3, name: "demo" })).rejects.toThrow(
    "is too large",
  );
  const zip = craftZip([{ name: "p/PKG-INFO", content: "zipped" }]);
  expect(new TextDecoder().decode((await readTarMember(zip, () => true))?.bytes)).toBe("zipped");
});

test("any change of an archive's bytes: a Failure or something unpacked, never anything else", async () => {
  const made = makeSdist({ name: "demo" });
  const plain = new Uint8Array(Bun.gunzipSync(made.bytes as Uint8Array<ArrayBuffer>));
  const change = fc.tuple(fc.nat(), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(made.bytes, plain),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.nat(),
      async (bytes, changes, cut) => {
        const damaged = cut % 4 === 0 ? bytes.slice(0, cut % bytes.length) : bytes.slice();
        for (const [at, value] of changes) if (damaged.length > 0) damaged[at % damaged.length] = value;
        await faultOf(damaged);
      },
    ),
    { numRuns: 150 },
  );
});
