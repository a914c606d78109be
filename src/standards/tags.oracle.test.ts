/** Tags and file names against `packaging`, for every interpreter that is here and for systems that are not. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { askPython, oraclePython } from "../../test/oracles.ts";
import { tryParseSdistFilename, tryParseWheelFilename } from "./filenames.ts";
import { linuxPlatforms, macPlatforms, platformTag, tagsFor } from "./tags.ts";
import { differences, sample } from "./testing/compare.ts";
import { anyVersion, damaged } from "./testing/generators.ts";
import { realSdistNames, realWheelNames } from "./testing/real-inputs.ts";

const python = oraclePython();
// A Python process reads thousands of questions, on a machine that may be busy.
setDefaultTimeout(60_000);

/** Every Python from 3.8 that PATH, pyenv or the oracles have. */
function interpreters(): string[] {
  const found = new Set<string>(python === undefined ? [] : [python]);
  const pyenv = join(process.env["PYENV_ROOT"] ?? join(homedir(), ".pyenv"), "versions");
  for (const version of existsSync(pyenv) ? readdirSync(pyenv) : []) {
    const path = join(pyenv, version, "bin/python");
    if (existsSync(path)) found.add(path);
  }
  for (let minor = 8; minor < 20; minor++) {
    for (const suffix of ["", "t"]) {
      const path = Bun.which(`python3.${minor}${suffix}`);
      if (path !== null) found.add(path);
    }
  }
  return [...found];
}

const FACTS = `
import sys, sysconfig, os, json
sys.path.insert(0, sys.argv[1])
var = sysconfig.get_config_var
facts = {
    "implementation": sys.implementation.name, "version": sys.version_info[:2], "nodot": var("py_version_nodot"),
    "debug": bool(var("Py_DEBUG")), "free": bool(var("Py_GIL_DISABLED")), "platform": sysconfig.get_platform(),
    "libc": os.confstr("CS_GNU_LIBC_VERSION") if hasattr(os, "confstr") and "CS_GNU_LIBC_VERSION" in os.confstr_names else None,
}
from packaging.tags import sys_tags
print(json.dumps([facts, [str(t) for t in sys_tags()]]))
`;

interface Facts {
  implementation: string;
  version: [number, number];
  nodot: string | null;
  debug: boolean;
  free: boolean;
  platform: string;
  libc: string | null;
}

describe.skipIf(python === undefined)("packaging", () => {
  test.skipIf(process.platform !== "linux")("lists the tags of the interpreters here alike", () => {
    const library = Bun.spawnSync([python!, "-c", "import packaging; print(packaging.__path__[0])"]);
    const site = join(library.stdout.toString().trim(), "..");
    let compared = 0;
    for (const path of interpreters()) {
      const done = Bun.spawnSync([path, "-I", "-c", FACTS, site], { stderr: "ignore" });
      // Older than the library knows, or a shim of a version that is not switched on.
      if (done.exitCode !== 0) continue;
      const [facts, theirs] = JSON.parse(done.stdout.toString()) as [Facts, string[]];
      const glibc = /^glibc (\d+)\.(\d+)/.exec(facts.libc ?? "");
      if (facts.implementation !== "cpython" || glibc === null) continue;
      const [major, minor] = facts.version;
      const ours = tagsFor({
        implementation: "cp",
        major,
        minor,
        abiFlags: `${facts.free ? "t" : ""}${facts.debug ? "d" : ""}`,
        platforms: linuxPlatforms(platformTag(facts.platform).replace(/^linux_/, ""), {
          family: "glibc",
          major: Number(glibc[1]),
          minor: Number(glibc[2]),
        }),
      });
      expect(ours).toEqual([...new Set(theirs)]);
      compared++;
    }
    expect(compared).toBeGreaterThan(0);
  });

  test("lists the platforms of Linux and macOS alike", () => {
    const linux = [
      "x86_64",
      "i686",
      "aarch64",
      "armv7l",
      "armv8l",
      "ppc64le",
      "s390x",
      "riscv64",
      "loongarch64",
      "mips64",
    ].flatMap((machine) =>
      (["glibc", "musl"] as const).flatMap((family) =>
        [
          [1, 2],
          [2, 4],
          [2, 5],
          [2, 12],
          [2, 16],
          [2, 17],
          [2, 39],
          [3, 2],
        ].map(([major, minor]) => ({
          machine,
          family,
          major: major!,
          minor: minor!,
        })),
      ),
    );
    const mac = ["x86_64", "arm64", "i386", "ppc", "ppc64"].flatMap((machine) =>
      [
        [10, 0],
        [10, 3],
        [10, 4],
        [10, 5],
        [10, 6],
        [10, 7],
        [10, 15],
        [10, 16],
        [11, 0],
        [12, 6],
        [15, 1],
        [26, 0],
      ].map(([major, minor]) => ({ machine, family: "mac" as const, major: major!, minor: minor! })),
    );
    // There has been no glibc 1 with wheels.
    const questions = [...linux.filter((one) => one.family === "musl" || one.major > 1), ...mac];
    const answers = askPython(
      python!,
      `
import sys, json, sysconfig
from packaging import tags, _manylinux as many, _musllinux as musl
many._have_compatible_abi = lambda exe, archs: any(a in many._ALLOWED_ARCHS or a in ("armv7l", "i686") for a in archs)
many._get_manylinux_module = lambda: None
for line in sys.stdin:
    q = json.loads(line)
    v = (q["major"], q["minor"])
    if q["family"] == "mac":
        print(json.dumps(list(tags.mac_platforms(v, q["machine"]))))
        continue
    many._get_glibc_version = lambda: many._GLibCVersion(*(v if q["family"] == "glibc" else (-1, -1)))
    musl._get_musl_version = lambda exe: musl._MuslVersion(*v) if q["family"] == "musl" else None
    sysconfig.get_platform = lambda: "linux-" + q["machine"]
    print(json.dumps(list(tags._linux_platforms(is_32bit=False))))
`,
      questions,
    );
    const ours = questions.map(({ machine, family, major, minor }) =>
      family === "mac"
        ? macPlatforms(major, minor, machine)
        : linuxPlatforms(machine, { family, major, minor }),
    );
    expect(differences(questions, ours, answers)).toEqual([]);
  });

  test("lists the tags of other interpreters alike", () => {
    const platforms = ["plat_b", "plat_a"];
    const cpython = [
      [2, 7],
      [3, 1],
      [3, 2],
      [3, 6],
      [3, 7],
      [3, 8],
      [3, 13],
      [3, 15],
    ].flatMap(([major, minor]) =>
      ["", "t", "d", "td", "m", "dm"].map((abiFlags) => ({
        implementation: "cp",
        major: major!,
        minor: minor!,
        abiFlags,
        platforms,
      })),
    );
    const others = [
      { implementation: "pp", major: 3, minor: 10, abis: ["pypy310_pp73"], platforms },
      {
        implementation: "graalpy",
        major: 3,
        minor: 11,
        versionNodot: "311",
        abis: ["graalpy311_native", "none"],
        platforms,
      },
    ];
    const questions = [...cpython, ...others];
    const answers = askPython(
      python!,
      `
import sys, json
from packaging import tags
for line in sys.stdin:
    q = json.loads(line)
    v = (q["major"], q["minor"])
    nodot = "".join(map(str, v))
    if q["implementation"] == "cp":
        flags = q["abiFlags"]
        abis = ["cp" + nodot + flags]
        if "d" in flags and v >= (3, 8): abis.append("cp" + nodot + flags.replace("d", "").replace("m", ""))
        found = list(tags.cpython_tags(v, abis, q["platforms"])) + list(tags.compatible_tags(v, "cp" + nodot, q["platforms"]))
    else:
        found = list(tags.generic_tags(q["implementation"] + nodot, [a for a in q["abis"] if a != "none"], q["platforms"]))
        found += tags.compatible_tags(v, "pp3" if q["implementation"] == "pp" else None, q["platforms"])
    print(json.dumps(list(dict.fromkeys(map(str, found)))))
`,
      questions,
    );
    expect(differences(questions, questions.map(tagsFor), answers)).toEqual([]);
  });

  test("reads file names alike", () => {
    const name = fc.constantFrom("foo", "Foo_Bar", "foo.bar", "a", "föö");
    const tag = fc.constantFrom(
      "py3-none-any",
      "py2.py3-none-any",
      "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64",
      "cp39-abi3-win_amd64",
    );
    const build = fc.constantFrom("", "", "", "-1", "-20abc", "-x");
    const wheel = fc.tuple(name, anyVersion, build, tag).map(([n, v, b, t]) => `${n}-${v}${b}-${t}.whl`);
    const sdist = fc
      .tuple(name, anyVersion, fc.constantFrom(".tar.gz", ".zip"))
      .map(([n, v, e]) => `${n}-${v}${e}`);
    const names = [
      ...realWheelNames,
      ...realSdistNames,
      ...sample(wheel, 1500, 21),
      ...sample(damaged(wheel), 1000, 22),
      ...sample(sdist, 500, 23),
      ...sample(damaged(sdist), 500, 24),
      // Control characters are refused here, and nowhere in `packaging`.
    ].filter((file) => !/[\x00-\x1f]/.test(file));
    const answers = askPython(
      python!,
      `
import sys, json
from packaging.utils import parse_wheel_filename, parse_sdist_filename, InvalidWheelFilename, InvalidSdistFilename
for line in sys.stdin:
    f = json.loads(line)
    try:
        n, v, b, t = parse_wheel_filename(f)
        wheel = [n, str(v), b and [min(b[0], 2**53 - 1), b[1]] or None, sorted(map(str, t))]
    except InvalidWheelFilename:
        wheel = None
    try:
        n, v = parse_sdist_filename(f)
        sdist = [n, str(v)]
    except InvalidSdistFilename:
        sdist = None
    print(json.dumps([wheel, sdist]))
`,
      names,
    );
    const ours = names.map((file) => {
      const wheelName = tryParseWheelFilename(file);
      const sdistName = tryParseSdistFilename(file);
      return [
        wheelName === undefined
          ? null
          : [wheelName.name, wheelName.version.text, wheelName.build ?? null, [...wheelName.tags].sort()],
        sdistName === undefined ? null : [sdistName.name, sdistName.version.text],
      ];
    });
    expect(differences(names, ours, answers)).toEqual([]);
  });
});
