import { gzipSync } from "node:zlib";
import { joinBytes, type ZipFile, zipBytes } from "./zip-bytes.ts";

/** Wheels and sdists made in memory: what a test says about a package, as the files that an index serves. */
export interface PackageSpec {
  name: string;
  /** Default `1.0`. */
  version?: string;
  /** `Requires-Dist` values. */
  requires?: readonly string[];
  requiresPython?: string;
  /** `Provides-Extra` values. */
  extras?: readonly string[];
  /** Further header lines of METADATA, as they are. */
  metadataLines?: readonly string[];
  /** Default `2.1` for wheels, `2.2` for sdists. */
  metadataVersion?: string;
  /** Paths and contents of what is imported. Default: one package that holds `__version__`. */
  modules?: Readonly<Record<string, string | Uint8Array>>;
  /** `console_scripts` by default: name to `module:attribute`. */
  entryPoints?: Readonly<Record<string, string>>;
  guiScripts?: Readonly<Record<string, string>>;
}

export interface WheelSpec extends PackageSpec {
  /** Default `py3-none-any`. */
  tag?: string;
  /** Build tag: `1`, `2abc`. */
  build?: string;
  /** Default: true for `-any` wheels. */
  rootIsPurelib?: boolean;
  /** `.data/scripts`: file name to content; `#!python` is replaced by installers. */
  scripts?: Readonly<Record<string, string>>;
  /** `.data/data`, `.data/headers`, … by path under `.data`. */
  data?: Readonly<Record<string, string | Uint8Array>>;
  /** Further files of `.dist-info`. */
  distInfo?: Readonly<Record<string, string>>;
  /** Leaves out RECORD or gives another. */
  record?: false | string;
}

export interface SdistSpec extends PackageSpec {
  /** Names of fields that PKG-INFO calls dynamic (metadata 2.2). */
  dynamic?: readonly string[];
  /** Default: one that names the backend which the sdist brings along. `false`: none. */
  pyproject?: string | false;
  /** Default true. */
  pkgInfo?: boolean;
  /** Further files, by path under the sdist's folder. */
  files?: Readonly<Record<string, string>>;
}

export interface MadeFile {
  filename: string;
  bytes: Uint8Array;
  /** METADATA or PKG-INFO. */
  metadata: string;
  requiresPython?: string;
}

const encoder = new TextEncoder();

export function makeWheel(spec: WheelSpec): MadeFile {
  const { version = "1.0", tag = "py3-none-any" } = spec;
  const stem = `${escapeName(spec.name)}-${version}`;
  const distInfo = `${stem}.dist-info`;
  const metadata = metadataText(spec, "2.1");
  const files: ZipFile[] = [];
  const add = (path: string, content: string | Uint8Array, mode = 0o644) =>
    files.push({ path, bytes: typeof content === "string" ? encoder.encode(content) : content, mode });
  for (const [path, content] of Object.entries(modulesOf(spec))) add(path, content);
  for (const [name, content] of Object.entries(spec.scripts ?? {}))
    add(`${stem}.data/scripts/${name}`, content, 0o755);
  for (const [path, content] of Object.entries(spec.data ?? {})) add(`${stem}.data/${path}`, content);
  add(`${distInfo}/METADATA`, metadata);
  const purelib = spec.rootIsPurelib ?? tag.endsWith("-any");
  const tags = expandTag(tag).map((one) => `Tag: ${one}\n`);
  add(
    `${distInfo}/WHEEL`,
    `Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: ${purelib}\n${tags.join("")}${spec.build ? `Build: ${spec.build}\n` : ""}`,
  );
  const entryPoints = entryPointsText(spec);
  if (entryPoints !== "") add(`${distInfo}/entry_points.txt`, entryPoints);
  for (const [name, content] of Object.entries(spec.distInfo ?? {})) add(`${distInfo}/${name}`, content);
  if (spec.record !== false)
    add(`${distInfo}/RECORD`, spec.record ?? recordText(files, `${distInfo}/RECORD`));
  const build = spec.build === undefined ? "" : `-${spec.build}`;
  return {
    filename: `${stem}${build}-${tag}.whl`,
    bytes: zipBytes(files),
    metadata,
    ...(spec.requiresPython === undefined ? {} : { requiresPython: spec.requiresPython }),
  };
}

/** A `.tar.gz` (PEP 625) that builds with the backend that it brings along, without a network. */
export function makeSdist(spec: SdistSpec): MadeFile {
  const { version = "1.0" } = spec;
  const stem = `${escapeName(spec.name)}-${version}`;
  const metadata = metadataText({
    ...spec,
    metadataVersion: spec.metadataVersion ?? "2.2",
    metadataLines: [...(spec.dynamic ?? []).map((name) => `Dynamic: ${name}`), ...(spec.metadataLines ?? [])],
  });
  const files: [string, string | Uint8Array][] = [];
  if (spec.pkgInfo !== false) files.push(["PKG-INFO", metadata]);
  if (spec.pyproject !== false) files.push(["pyproject.toml", spec.pyproject ?? IN_TREE_PYPROJECT]);
  files.push(
    ["build_backend.py", IN_TREE_BACKEND],
    ["METADATA.in", metadata],
    ["entry_points.in", entryPointsText(spec)],
  );
  for (const [path, content] of Object.entries(modulesOf(spec))) files.push([`src/${path}`, content]);
  files.push(...Object.entries(spec.files ?? {}));
  const tar = tarBytes(files.map(([path, content]) => [`${stem}/${path}`, content]));
  return {
    filename: `${stem}.tar.gz`,
    bytes: new Uint8Array(gzipSync(tar)),
    metadata,
    ...(spec.requiresPython === undefined ? {} : { requiresPython: spec.requiresPython }),
  };
}

/** Bytes that look like a shared library to what only reads the first few; no interpreter loads them. */
export function nativeStandIn(size = 4096): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  return bytes;
}

export function sha256Of(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

function modulesOf(spec: PackageSpec): Readonly<Record<string, string | Uint8Array>> {
  const fallback = { [`${escapeName(spec.name)}/__init__.py`]: `__version__ = "${spec.version ?? "1.0"}"\n` };
  return spec.modules ?? fallback;
}

function metadataText(spec: PackageSpec, defaultVersion = "2.1"): string {
  return [
    `Metadata-Version: ${spec.metadataVersion ?? defaultVersion}`,
    `Name: ${spec.name}`,
    `Version: ${spec.version ?? "1.0"}`,
    ...(spec.requiresPython === undefined ? [] : [`Requires-Python: ${spec.requiresPython}`]),
    ...(spec.requires ?? []).map((value) => `Requires-Dist: ${value}`),
    ...(spec.extras ?? []).map((value) => `Provides-Extra: ${value}`),
    ...(spec.metadataLines ?? []),
    "",
    "A package of the tests.\n",
  ].join("\n");
}

function entryPointsText(spec: PackageSpec): string {
  const section = (name: string, points: Readonly<Record<string, string>> | undefined) =>
    points === undefined
      ? ""
      : `[${name}]\n${Object.entries(points)
          .map(([key, target]) => `${key} = ${target}\n`)
          .join("")}`;
  return section("console_scripts", spec.entryPoints) + section("gui_scripts", spec.guiScripts);
}

function recordText(files: readonly ZipFile[], own: string): string {
  const rows = files.map(({ path, bytes }) => {
    const digest = new Bun.CryptoHasher("sha256").update(bytes).digest("base64url");
    return `${path},sha256=${digest},${bytes.length}\n`;
  });
  return `${rows.join("")}${own},,\n`;
}

function expandTag(tag: string): string[] {
  const [pythons = "", abis = "", platforms = ""] = tag.split("-");
  return pythons
    .split(".")
    .flatMap((python) =>
      abis.split(".").flatMap((abi) => platforms.split(".").map((p) => `${python}-${abi}-${p}`)),
    );
}

function escapeName(name: string): string {
  return name.replace(/[-_.]+/g, "_").toLowerCase();
}

/** ustar, regular files only. Paths up to 100 bytes. */
export function tarBytes(
  files: readonly (readonly [path: string, content: string | Uint8Array])[],
): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [path, content] of files) {
    const bytes = typeof content === "string" ? encoder.encode(content) : content;
    const header = new Uint8Array(512);
    const put = (at: number, text: string) => header.set(encoder.encode(text), at);
    put(0, path);
    put(100, "0000644\0");
    put(108, "0000000\x000000000\0");
    put(124, `${bytes.length.toString(8).padStart(11, "0")}\0`);
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    const sum = header.reduce((total, byte) => total + byte, 0);
    put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
    parts.push(header, bytes, new Uint8Array((512 - (bytes.length % 512)) % 512));
  }
  return joinBytes([...parts, new Uint8Array(1024)]);
}

const IN_TREE_PYPROJECT = `[build-system]
requires = []
build-backend = "build_backend"
backend-path = ["."]
`;

/** A PEP 517 and PEP 660 backend in one file of the standard library. */
const IN_TREE_BACKEND = `
import base64, hashlib, os, zipfile

def _metadata():
    with open("METADATA.in", encoding="utf-8") as f:
        return f.read()

def _stem():
    fields = dict(line.split(": ", 1) for line in _metadata().splitlines() if line.startswith(("Name: ", "Version: ")))
    return fields["Name"].replace("-", "_").replace(".", "_").lower() + "-" + fields["Version"]

def _dist_info():
    with open("entry_points.in", encoding="utf-8") as f:
        entry_points = f.read()
    files = {"METADATA": _metadata(),
             "WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    if entry_points:
        files["entry_points.txt"] = entry_points
    return files

def _write(directory, contents):
    name = _stem() + "-py3-none-any.whl"
    record = []
    with zipfile.ZipFile(os.path.join(directory, name), "w", zipfile.ZIP_DEFLATED) as z:
        for path, data in contents.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append("%s,sha256=%s,%d\\n" % (path, digest, len(data)))
            z.writestr(path, data)
        own = _stem() + ".dist-info/RECORD"
        z.writestr(own, "".join(record) + own + ",,\\n")
    return name

def _with_dist_info(contents):
    for name, text in _dist_info().items():
        contents[_stem() + ".dist-info/" + name] = text.encode("utf-8")
    return contents

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    contents = {}
    for folder, _, names in os.walk("src"):
        for name in sorted(names):
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                contents[os.path.relpath(path, "src").replace(os.sep, "/")] = f.read()
    return _write(wheel_directory, _with_dist_info(contents))

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    pth = _stem().split("-")[0] + ".pth"
    return _write(wheel_directory, _with_dist_info({pth: os.path.abspath("src").encode("utf-8")}))

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    target = os.path.join(metadata_directory, _stem() + ".dist-info")
    os.mkdir(target)
    for name, text in _dist_info().items():
        with open(os.path.join(target, name), "w", encoding="utf-8") as f:
            f.write(text)
    return os.path.basename(target)

prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
`;
