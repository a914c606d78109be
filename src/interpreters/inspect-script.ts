/**
 * The program that an interpreter runs to describe itself: one JSON object on stdout, after a line that marks its
 * start (start-up hooks may print). Runs on every Python from 2.7, so that an old one is named rather than broken.
 *
 * Before it takes the time to load what it needs for that, it says in three lines what resolving can begin with: its version, the default
 * index, and the base prefix, where pip's settings may be.
 */
export const INSPECT_MARK = "dx-py-interpreter:";
export const FIRST_MARK = "dx-py-first:";

export const INSPECT_SCRIPT = `
import os, sys

def full_version(info):
    text = "%d.%d.%d" % tuple(info[:3])
    if info[3] != "final":
        text += {"alpha": "a", "beta": "b", "candidate": "rc"}.get(info[3], info[3][0]) + str(info[4])
    return text

def index_as_written(text):
    # What pip's own lines come to, without loading urllib for them. None where they are others.
    lines = ('self.simple_url = self._url_for_path("simple")', "return urllib.parse.urljoin(self.url, path)")
    parts = text.split("\\nPyPI")
    before, url, after = (parts[-1].split('"', 2) + ["", ""])[:3]
    plain = before.split() == ["=", "PackageIndex("] and after[:1] == "," and not set("\\\\?#\\n") & set(url)
    once = len(parts) == 2 and "PyPI." not in text and all(text.count(line + "\\n") == 1 for line in lines)
    return url + "simple" if plain and once and url.endswith("/") else None

def index_of_pip():
    # The module by itself: its package would load logging and more.
    for folder in sys.path:
        path = os.path.join(folder, "pip", "_internal", "models", "index.py")
        if os.path.isfile(path):
            with open(path) as f:
                text = f.read()
            written = index_as_written(text)
            if written:
                return written
            names = {"__name__": "pip._internal.models.index"}
            exec(compile(text, path, "exec"), names)
            return names["PyPI"].simple_url
        if os.path.isdir(os.path.join(folder, "pip")):
            return None

try:
    # Debug and free-threaded builds say nothing first: who did not ask for one passes it over.
    usable = sys.version_info >= (3, 8) and sys.implementation.name == "cpython" and not getattr(sys, "abiflags", "")
    first_index = index_of_pip() if usable else None
    if first_index:
        sys.stdout.write("\\n${FIRST_MARK}" + "\\n".join([full_version(sys.version_info), first_index, sys.base_prefix, ""]))
        sys.stdout.flush()
except Exception:
    first_index = None

import json, platform, sysconfig

def answer():
    info = {"version": full_version(sys.version_info), "executable": sys.executable}
    if sys.version_info < (3, 8):
        return info
    var = sysconfig.get_config_var
    implementation = sys.implementation
    info["markers"] = {
        "implementation_name": implementation.name,
        "implementation_version": full_version(implementation.version),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }
    # Python 3.14 and free-threaded builds may append "+" to a version built from a checkout.
    info["markers"]["python_full_version"] = info["markers"]["python_full_version"].rstrip("+")
    info["prefix"] = sys.prefix
    info["base_prefix"] = sys.base_prefix
    info["base_executable"] = getattr(sys, "_base_executable", None) or sys.executable
    info["cache_tag"] = implementation.cache_tag
    info["pointer_bits"] = 64 if sys.maxsize > 2 ** 32 else 32
    info["debug"] = bool(var("Py_DEBUG")) or hasattr(sys, "gettotalrefcount")
    info["free_threaded"] = bool(var("Py_GIL_DISABLED"))
    info["with_pymalloc"] = bool(var("WITH_PYMALLOC"))
    info["ext_suffix"] = var("EXT_SUFFIX")
    info["soabi"] = var("SOABI")
    info["platform"] = sysconfig.get_platform()
    info["paths"] = scheme_paths()
    info["externally_managed"] = os.path.isfile(
        os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED"))
    if sys.platform == "darwin":
        info["macos"] = mac_version()
    if sys.platform.startswith("linux"):
        info["glibc"] = glibc_version()
        if not info["glibc"]:
            info["musl"] = musl_version()
        info["elf_flags"] = elf_header(sys.executable)
    info["default_index"] = default_index()
    return info

def scheme_paths():
    # The venv scheme is named so since 3.11; before, posix_prefix and nt are it, whatever a distributor patched in.
    names = sysconfig.get_scheme_names()
    scheme = "venv" if "venv" in names else ("nt" if os.name == "nt" else "posix_prefix")
    root = "/prefix" if os.name != "nt" else "C:\\\\prefix"
    variables = {k: root for k in ("base", "platbase", "installed_base", "installed_platbase", "prefix", "exec_prefix")}
    paths = sysconfig.get_paths(scheme, variables)
    result = {}
    for key in ("purelib", "platlib", "scripts", "data", "include"):
        path = paths[key]
        if not path.startswith(root):
            path = root
        result[key] = path[len(root):].replace(os.sep, "/").strip("/")
    return result

def mac_version():
    version = platform.mac_ver()[0]
    if version.startswith("10.16"):
        # A Python built against an old SDK is told 10.16 for 11 and later: ask one that is not.
        import subprocess
        try:
            version = subprocess.run(
                [sys.executable, "-sS", "-c", "import platform; print(platform.mac_ver()[0])"],
                check=True, env={"SYSTEM_VERSION_COMPAT": "0"}, stdout=subprocess.PIPE, universal_newlines=True,
            ).stdout.strip()
        except Exception:
            pass
    return version

def glibc_version():
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        if name == "glibc":
            return version
    except Exception:
        pass
    try:
        import ctypes
        function = ctypes.CDLL(None).gnu_get_libc_version
        function.restype = ctypes.c_char_p
        return function().decode()
    except Exception:
        return None

def elf_header(path):
    import struct
    try:
        with open(path, "rb") as f:
            head = f.read(64)
        if head[:4] != b"\\x7fELF":
            return None
        order = "<" if head[5:6] == b"\\x01" else ">"
        machine = struct.unpack(order + "H", head[18:20])[0]
        flags = struct.unpack(order + "I", head[36:40] if head[4:5] == b"\\x01" else head[48:52])[0]
        return {"class": 64 if head[4:5] == b"\\x02" else 32, "machine": machine, "flags": flags}
    except Exception:
        return None

def musl_version():
    import re, struct, subprocess
    try:
        with open(sys.executable, "rb") as f:
            head = f.read(64)
            wide = head[4:5] == b"\\x02"
            order = "<" if head[5:6] == b"\\x01" else ">"
            offset = struct.unpack(order + ("Q" if wide else "I"), head[32:40] if wide else head[28:32])[0]
            size, count = struct.unpack(order + "HH", head[54:58] if wide else head[42:46])
            for i in range(min(count, 64)):
                f.seek(offset + i * size)
                entry = f.read(size)
                if struct.unpack(order + "I", entry[:4])[0] != 3:
                    continue
                place, length = (struct.unpack(order + "QQ", entry[8:16] + entry[32:40]) if wide
                                 else struct.unpack(order + "II", entry[4:8] + entry[16:20]))
                f.seek(place)
                loader = f.read(min(length, 4096)).rstrip(b"\\0").decode()
                if "musl" not in loader:
                    return None
                said = subprocess.run([loader], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                      universal_newlines=True).stderr
                found = re.search(r"^Version (\\d+\\.\\d+)", said, re.M)
                return found.group(1) if found else None
    except Exception:
        return None

def default_index():
    if first_index:
        return first_index
    import glob, importlib
    try:
        from pip._internal.models.index import PyPI
        return PyPI.simple_url
    except Exception:
        pass
    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR")]
    try:
        import ensurepip
        folders.append(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"))
    except Exception:
        pass
    folders.append("/usr/share/python-wheels")
    for folder in folders:
        for wheel in sorted(glob.glob(os.path.join(folder or os.devnull, "pip-*.whl")), reverse=True):
            for name in [n for n in sys.modules if n == "pip" or n.startswith("pip.")]:
                del sys.modules[name]
            sys.path.insert(0, wheel)
            try:
                importlib.invalidate_caches()
                from pip._internal.models.index import PyPI
                return PyPI.simple_url
            except Exception:
                sys.path.pop(0)
    return None

sys.stdout.write("\\n${INSPECT_MARK}" + json.dumps(answer()) + "\\n")
sys.stdout.flush()
`;
