import { describe, expect, test } from "bun:test";
import { lastLines } from "./build-log.ts";
import { hintForLog } from "./failure-hints.ts";

const context = { name: "thing", python: "3.13.1" };

describe("hints for the log of a failed build", () => {
  test.each([
    ["src/x.c:3:10: fatal error: Python.h: No such file or directory", "python3-dev"],
    ["x.c:3:10: fatal error: 'openssl/ssl.h' file not found", "openssl/ssl.h"],
    ["x.c:3:10: fatal error: longintrepr.h: No such file or directory", "not written for Python 3.13.1"],
    [
      "error: the configured Python interpreter version (3.13) is newer than PyO3's maximum supported version (3.12)",
      "not written for",
    ],
    ["ModuleNotFoundError: No module named 'distutils'", "not written for Python 3.13.1"],
    [
      "AttributeError: module 'pkgutil' has no attribute 'ImpImporter'. Did you mean: 'zipimporter'?",
      "not written for",
    ],
    ["ModuleNotFoundError: No module named 'pkg_resources'", "setuptools<81"],
    ["error in thing setup command: use_2to3 is invalid.", "setuptools<58"],
    ["ModuleNotFoundError: No module named 'Cython.Build'", "`Cython.Build` without stating"],
    ["error: can't find Rust compiler", "cargo and rustc"],
    ["error: command 'gcc' failed: No such file or directory", "`gcc`"],
    ["unable to execute 'x86_64-linux-gnu-gcc': No such file or directory", "`x86_64-linux-gnu-gcc`"],
    ["sh: 1: cc: not found", "`cc`"],
    ["../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc']]", "no compiler"],
    ["error: Microsoft Visual C++ 14.0 or greater is required.", "no compiler"],
    ["Error: pg_config executable not found.", "`pg_config`"],
    ["ConfigurationError: Could not run curl-config: [Errno 2] No such file", "`curl-config`"],
    [
      "Command 'pkg-config --exists libmariadb' returned non-zero exit status 1.",
      "The library libmariadb is not here",
    ],
    ["Package 'cairo', required by 'virtual:world', not found", "The library cairo is not here"],
    [
      '../meson.build:5:7: ERROR: Dependency "openblas" not found, tried pkgconfig',
      "The library openblas is not here",
    ],
    ["AttributeError: 'build_ext' object has no attribute 'cython_sources'", "`cython<3`"],
    ["SystemExit: error: [Errno 2] No such file or directory: 'gcc'", "starts `gcc`, which is not here"],
    ["OSError: [Errno 28] No space left on device", "disk is full"],
    ["Dist currently only works with Git or Mercurial repos", "`dx-py build --wheel`"],
    ["ERROR: No matching distribution found for pytest-runner", "pytest-runner by itself"],
    ["../meson.build:14:14: ERROR: Git command failed: ['/usr/bin/git', 'clone', 'x']", "needs the network"],
  ])("%s", (log, hint) => {
    expect(hintForLog(`some lines before\n${log}\nsome after`, context)).toContain(hint);
  });

  test.each([
    ["OSError: [Errno 30] Read-only file system: '/home/x/y'", "outside its own folder, to /home/x/y,"],
    ["sh: 1: cannot create /etc/x: Read-only file system", "to /etc/x,"],
    ["touch: cannot touch '/usr/x': Read-only file system", "to /usr/x,"],
    ["error: failed to download `libc v0.2`", "tried to reach the network"],
    ["urlopen error [Errno -3] Temporary failure in name resolution", "tried to reach the network"],
  ])("in a sandbox: %s", (log, hint) => {
    expect(hintForLog(`before\n${log}\nafter`, { ...context, sandboxed: true })).toContain(hint);
  });

  test("a log that says nothing known has no hint", () => {
    expect(hintForLog("ValueError: something of its own", context)).toBeUndefined();
  });
});

describe("the last lines of a log", () => {
  const environment = `/home/me/.dx-py/layouts/${"ab".repeat(32)}/lib/python3.12/site-packages`;
  const frame = (file: string, line = "call()") =>
    `  File "${file}", line 7, in run\n    ${line}\n    ^^^^^^\n`;

  test("are what the compiler and the project said, without the frames of the backend between them", () => {
    const log =
      "src/x.c:1:10: fatal error: graph.h: No such file or directory\n    1 | #include <graph.h>\ncompilation terminated.\n" +
      "Traceback (most recent call last):\n" +
      frame("/home/me/.dx-py/tmp/build-0123/call/hook_runner.py") +
      frame(`${environment}/setuptools/build_meta.py`).repeat(9) +
      frame("/usr/lib/python3.12/subprocess.py") +
      frame("/home/me/.dx-py/tmp/build-0123/source/thing-1.0/setup.py", "setup()") +
      frame(`${environment}/setuptools/__init__.py`) +
      "SystemExit: error: Command failed\n";
    expect(lastLines(log).split("\n")).toEqual([
      "src/x.c:1:10: fatal error: graph.h: No such file or directory",
      "    1 | #include <graph.h>",
      "compilation terminated.",
      "Traceback (most recent call last):",
      "  …",
      '  File "/home/me/.dx-py/tmp/build-0123/source/thing-1.0/setup.py", line 7, in run',
      "    setup()",
      "    ^^^^^^",
      "  …",
      "SystemExit: error: Command failed",
    ]);
  });
});
