/**
 * What a build sees of the outside: a fixed `PATH`, a `HOME` of its own, a fixed locale and date, the variables that
 * compilers read, and no credentials. The same variables in every build make the same wheel.
 */
import { existsSync } from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { isWritable } from "../../platform/is-writable.ts";

export type Variables = Readonly<Record<string, string>>;

/** Read by compilers, linkers and the tools that start them; what they say decides what is built. */
const compilerVariables = new Set(
  (
    "AR AS CC CFLAGS CMAKE_ARGS CMAKE_BUILD_PARALLEL_LEVEL CMAKE_GENERATOR CMAKE_PREFIX_PATH CPATH CPP " +
    "CPPFLAGS CXX CXXFLAGS C_INCLUDE_PATH CPLUS_INCLUDE_PATH CUDA_HOME CUDA_PATH F77 F90 FC FFLAGS " +
    "JAVA_HOME LD LDFLAGS LDSHARED LIBRARY_PATH LLVM_CONFIG MAKEFLAGS NM NVCC OPENSSL_DIR PKG_CONFIG " +
    "PKG_CONFIG_LIBDIR PKG_CONFIG_PATH RANLIB RUSTFLAGS STRIP ARCHFLAGS DEVELOPER_DIR " +
    "MACOSX_DEPLOYMENT_TARGET SDKROOT SETUPTOOLS_SCM_PRETEND_VERSION DISTUTILS_USE_SDK INCLUDE LIB " +
    "LIBPATH VCINSTALLDIR VSCMD_ARG_TGT_ARCH VSINSTALLDIR"
  ).split(" "),
);

/** Families of the same: versions given for projects without their repository, the target of cargo. */
const compilerFamilies = [
  /^SETUPTOOLS_SCM_PRETEND_VERSION_FOR_/,
  /^CARGO_(BUILD|TARGET|PROFILE)_/,
  /^CMAKE_[A-Z_]+_COMPILER$/,
];

/** How to reach the network and the system: never decides what is built, so it is passed but not recorded. */
const systemVariables = (
  "SYSTEMROOT COMSPEC PATHEXT WINDIR NUMBER_OF_PROCESSORS PROCESSOR_ARCHITECTURE PROGRAMFILES " +
  "PROGRAMFILES(X86) PROGRAMDATA SSL_CERT_FILE SSL_CERT_DIR HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY " +
  "http_proxy https_proxy no_proxy all_proxy"
).split(" ");

const fixedPath = [
  "/usr/local/bin",
  "/usr/bin",
  "/bin",
  "/usr/sbin",
  "/sbin",
  "/opt/homebrew/bin",
  "/run/current-system/sw/bin",
];

/** Programs that builds start: the folder of the caller's own is put at the end of `PATH` where the fixed ones lack it. */
const buildPrograms = ["cc", "gcc", "clang", "cmake", "ninja", "make", "pkg-config", "git", "cargo", "rustc"];

/** The caller's variables that decide what is built, without those that hold a credential: a part of the request. */
export function requestedVariables(
  caller: Readonly<Record<string, string | undefined>>,
  settings: Variables = {},
): Record<string, string> {
  const chosen: Record<string, string> = {};
  for (const [name, value] of Object.entries(caller)) {
    const known = compilerVariables.has(name) || compilerFamilies.some((family) => family.test(name));
    if (known && value !== undefined && value !== "" && !hasCredential(value)) chosen[name] = value;
  }
  return { ...chosen, ...settings };
}

export interface BuildFolders {
  /** Prefix of the build environment; absent for a build without isolation. */
  environment?: string;
  /** Holds `home/` and `tmp/` for the build. */
  staging: string;
  /** Where cargo keeps what it downloads: {@link cargoHomeFor}. */
  cargoHome: string;
}

/**
 * The caller's own, as without dx-py: what is there is not downloaded again, and its path, which rustc writes into what it compiles,
 * is that of every other build of this user. `own` where there is none to be had.
 */
export function cargoHomeFor(caller: Readonly<Record<string, string | undefined>>, own: string): string {
  const user = caller["HOME"] || caller["USERPROFILE"];
  const given = caller["CARGO_HOME"] || (user ? `${user}/.cargo` : "");
  if (!isAbsolute(given)) return own;
  return isWritable(existsSync(given) ? given : dirname(given)) ? given : own;
}

/** The whole environment of the backend's process. */
export function buildVariables(
  folders: BuildFolders,
  caller: Readonly<Record<string, string | undefined>>,
  requested: Variables,
): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const name of systemVariables) {
    const value = caller[name];
    if (value !== undefined && !hasCredential(value)) variables[name] = value;
  }
  const user = caller["HOME"] ?? "";
  const rustup = caller["RUSTUP_HOME"] ?? `${user}/.rustup`;
  if (existsSync(rustup)) variables["RUSTUP_HOME"] = rustup;
  const windows = process.platform === "win32";
  return {
    ...variables,
    ...requested,
    PATH: searchPath(folders.environment, caller).join(windows ? ";" : ":"),
    HOME: `${folders.staging}/home`,
    ...(windows ? { USERPROFILE: `${folders.staging}/home` } : {}),
    TMPDIR: `${folders.staging}/tmp`,
    TEMP: `${folders.staging}/tmp`,
    TMP: `${folders.staging}/tmp`,
    ...(folders.environment === undefined ? {} : { VIRTUAL_ENV: folders.environment }),
    CARGO_HOME: folders.cargoHome,
    LC_ALL: "C.UTF-8",
    LANG: "C.UTF-8",
    TZ: "UTC",
    // 1980-01-01, the oldest date that a zip file can hold.
    SOURCE_DATE_EPOCH: requested["SOURCE_DATE_EPOCH"] ?? "315532800",
    PYTHONHASHSEED: "0",
    PYTHONNOUSERSITE: "1",
    PYTHONIOENCODING: "utf-8",
    PYTHONUTF8: "1",
    // A build never looks for a repository above its own source.
    GIT_CEILING_DIRECTORIES: folders.staging,
    GIT_TERMINAL_PROMPT: "0",
    PIP_NO_INDEX: "1",
    PIP_DISABLE_PIP_VERSION_CHECK: "1",
    NO_COLOR: "1",
  };
}

/** The same as a derivation records it: folders of this machine by name, what never decides the result left out. */
export function recordedVariables(
  variables: Variables,
  folders: BuildFolders,
  caller: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const names: [string | undefined, string][] = [
    [folders.environment, "<environment>"],
    [folders.staging, "<staging>"],
    [folders.cargoHome, "<cargo>"],
    [caller["HOME"], "<home>"],
  ];
  const recorded: Record<string, string> = {};
  for (const [name, value] of Object.entries(variables)) {
    if (systemVariables.includes(name)) continue;
    let text = value;
    for (const [folder, placeholder] of names) {
      if (folder !== undefined && folder.length > 1) text = text.replaceAll(folder, placeholder);
    }
    recorded[name] = text;
  }
  return recorded;
}

function searchPath(
  environment: string | undefined,
  caller: Readonly<Record<string, string | undefined>>,
): string[] {
  const windows = process.platform === "win32";
  const own = environment === undefined ? [] : [`${environment}/${windows ? "Scripts" : "bin"}`];
  if (windows) {
    const system = caller["SYSTEMROOT"] ?? "C:\\Windows";
    return [...own, `${system}\\System32`, system, ...programFolders(caller, [])];
  }
  const fixed = fixedPath.filter((folder) => existsSync(folder));
  return [...own, ...fixed, ...programFolders(caller, fixed)];
}

function programFolders(caller: Readonly<Record<string, string | undefined>>, fixed: string[]): string[] {
  const found = new Set<string>();
  for (const program of buildPrograms) {
    if (fixed.some((folder) => existsSync(`${folder}/${program}`))) continue;
    const path = Bun.which(program, { PATH: caller["PATH"] ?? "" });
    if (path !== null) found.add(path.replace(/[\\/][^\\/]*$/, ""));
  }
  return [...found];
}

/** A URL with user information in a value: a proxy's or an index's password. */
export function hasCredential(value: string): boolean {
  return /[a-z][a-z0-9+.-]*:\/\/[^/\s?#]*@/i.test(value);
}
