/** What the log of a failed build most likely means, and what a person can do about it. */

type Rules = readonly [RegExp, (match: RegExpMatchArray, context: HintContext) => string][];

/** Rules that hold in a sandbox only: what it forbids, as programs of all kinds say that they were not let. */
const sandboxRules: Rules = [
  [
    /Read-only file system: '?([^'"\n]+)|cannot (?:create|open|touch) '?([^'"\n:]+)'?: Read-only file system|['"]?(\/[^'"\s:]+)['"]?: Read-only file system/,
    (match) =>
      `The build wrote outside its own folder, to ${match.slice(1).find((path) => path !== undefined)}, which the sandbox forbids.`,
  ],
  [
    /name resolution|[Cc]ould not resolve host|Network is unreachable|Name or service not known|nodename nor servname|getaddrinfo failed|failed to (?:download|fetch)|Connection refused|Couldn't resolve host/,
    () => "The build tried to reach the network, which a sandbox does not have.",
  ],
];

/** Each rule: a pattern in the log, and the hint that its match gives. The first that matches counts. */
const rules: Rules = [
  [
    /fatal error:\s+'?(Python\.h)'?/,
    () =>
      "The headers of this Python are missing: install its development package (python3-dev, python3-devel).",
  ],
  [
    /(?:fatal error:\s+'?|Cannot open include file: ')([\w./+-]+\.h(?:pp)?)/,
    (match, { python }) =>
      /longintrepr|cpython\/|internal\/pycore/.test(match[1]!)
        ? pythonTooNew(python)
        : `The header ${match[1]} is missing: install the development package of the library that has it.`,
  ],
  [
    /PyO3's maximum supported version|has no member named '?‘?(?:ob_digit|curexc_type|exc_type|tp_print|use_tracing)|_PyLong_AsByteArray|‘?_PyInterpreterState|implicit declaration of function ['‘]_?Py/,
    (_, { python }) => pythonTooNew(python),
  ],
  [
    /No module named '?(?:distutils|imp|asyncore|asynchat|smtpd)\b|module 'pkgutil' has no attribute 'ImpImporter'|has no attribute '(?:SafeConfigParser|readfp)'|module 'inspect' has no attribute 'getargspec'/,
    (_, { python }) => pythonTooNew(python),
  ],
  [
    /No module named '?pkg_resources|use_2to3 is invalid|module 'setuptools' has no attribute|cannot import name '[^']+' from 'setuptools|No module named '?setuptools\.command\.(?:test|upload)/,
    () =>
      "The build needs an older setuptools than it states: put `setuptools<58` or `setuptools<81` into " +
      "`build-constraint-dependencies`.",
  ],
  [
    /has no attribute 'cython_sources'|Cython\.Compiler\.Errors\.CompileError|language_level=3str/,
    () =>
      "The build was probably written for an older Cython: put `cython<3` into `build-constraint-dependencies`.",
  ],
  [
    /can't find Rust compiler|(?:cargo|rustc)[`'"]?[^\n]{0,60}(?:not found|is not installed|No such file)|rustup could not choose a version/i,
    () => "The build needs Rust: install cargo and rustc.",
  ],
  [
    /command '([^']+)' failed: (?:No such file|None)|unable to execute '([^']+)'|\b((?:[\w-]+-)?(?:gcc|cc|g\+\+|c\+\+|clang|clang\+\+)(?:-\d+)?): (?:command )?not found|linker `(\w+)` not found/,
    (match) =>
      `There is no compiler \`${match.slice(1).find((name) => name !== undefined)}\` here: install a C compiler ` +
      "(build-essential, gcc, Xcode command line tools).",
  ],
  [
    /^(?:SystemExit: |distutils\S+: )?error: \[Errno 2\] No such file or directory: '([\w.+-]+)'/m,
    (match) =>
      `The build starts \`${match[1]}\`, which is not here: install it (a C compiler is in build-essential, gcc or the Xcode command line tools).`,
  ],
  [
    /No CMAKE_(?:C|CXX|Fortran)_COMPILER could be found|Unknown compiler\(s\)|Microsoft Visual C\+\+ [\d.]+ or greater is required|none of these compilers/i,
    () =>
      "There is no compiler here: install one (build-essential, gcc, Xcode command line tools, Visual Studio Build Tools).",
  ],
  [
    /Dist currently only works with Git or Mercurial/,
    () =>
      "Meson makes an sdist of what is committed: it wants a git repository. `dx-py build --wheel` makes the wheel alone.",
  ],
  [
    /Package '?([\w.+-]+)'?(?:, required by '[^']*',)? (?:was )?not found(?: in the pkg-config search path)?|No package '([\w.+-]+)' found|Dependency "([\w.+-]+)" not found|pkg-config --exists ([\w.+-]+)' returned non-zero/,
    (match) =>
      `The library ${match.slice(1).find((name) => name !== undefined)} is not here, or its development package is not: pkg-config does not find it.`,
  ],
  [
    /(?:Could not run |No such file or directory: ')([\w.+]+-config)\b/,
    (match) => `The build needs \`${match[1]}\`: install the development package of the library that has it.`,
  ],
  [
    /(?:Did not find|Could not find|Program|program) '?"?(cmake|ninja|pkg-config|pkgconf|meson|swig|gfortran|make|autoconf|patchelf)\b|\b(cmake|ninja|pkg-config|swig|gfortran|make|pg_config|mysql_config|nvcc): (?:command )?not found|(pg_config|mysql_config|pkg-config)[^\n]*not found/,
    (match) => `The build needs \`${match.slice(1).find((name) => name !== undefined)}\`: install it.`,
  ],
  [
    /No matching distribution found for ([\w.-]+)|Could not find suitable distribution for Requirement\.parse\('([\w.-]+)|fetch_build_eggs/,
    (match, { name }) =>
      `The build wants to install ${match[1] ?? match[2] ?? "something"} by itself while it runs (\`setup_requires\`), which no build here may: ` +
      `name it under \`extra-build-dependencies\` for ${name}.`,
  ],
  [
    /Git command failed: .*clone|Could not resolve host|name resolution|Failed to connect to|Connection refused/,
    () => "The build downloads something by itself, and could not: it needs the network.",
  ],
  [
    /Requires-Python|requires a different Python|requires Python '?[<>=!~]|Python version.{0,40}not supported|Cannot install on Python version/i,
    (_, { python }) => pythonTooNew(python),
  ],
  [
    /No module named '?([\w.]+)/,
    (match, { name }) =>
      `The build uses \`${match[1]}\` without stating that it needs it: name it under \`extra-build-dependencies\` for ${name}.`,
  ],
  [/Killed|out of memory|MemoryError|cannot allocate memory/i, () => "The build ran out of memory."],
  [
    /No space left on device/,
    () => "The disk is full: the build needs space under the program's `tmp` folder.",
  ],
];

export interface HintContext {
  /** Normalised name of what is being built. */
  name: string;
  /** Version of the Python it is built for. */
  python: string;
  sandboxed?: boolean;
}

/** The hint that fits the log, or none. */
export function hintForLog(log: string, context: HintContext): string | undefined {
  for (const [pattern, hint] of context.sandboxed ? [...sandboxRules, ...rules] : rules) {
    const match = log.match(pattern);
    if (match !== null) return hint(match, context);
  }
  return undefined;
}

function pythonTooNew(python: string): string {
  return `This release was probably not written for Python ${python}: choose an older Python, or a newer release of the package.`;
}
