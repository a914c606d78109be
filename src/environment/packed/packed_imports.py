"""Imports modules straight from packed package objects (`.dxpkg`), mapped into memory, without an unpacked tree.

Installed by a `.pth` file: one virtual folder is appended to `sys.path`, and a path hook knows what is in it. What
the folder holds is the `lib/` of all packages together, as `site-packages` would. Run as a program, it compiles.

Only what every start needs is imported at the top.
"""

import marshal
import mmap
import os
import sys
from importlib.machinery import ModuleSpec

try:
    from _imp import _fix_co_filename
except ImportError:  # Not CPython: tracebacks name the file that was compiled.
    def _fix_co_filename(code, path):
        pass

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "root")
BYTECODE_MAGIC = b"DXPYC001"


def _map(path):
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class Package:
    """One packed package object, and the bytecode of its modules for this Python."""

    __slots__ = ("path", "bytecode", "dist_info", "_files", "_code", "_modules", "_map", "_code_map")

    def __init__(self, path, bytecode, dist_info):
        self.path, self.bytecode, self.dist_info = path, bytecode, dist_info
        self._files = self._code = self._modules = self._map = self._code_map = None

    def files(self):
        """Path below `lib/` to (offset, size) in the mapping (docs/formats/dxpkg.md)."""
        if self._files is None:
            try:
                data = self._map = _map(self.path)
            except ValueError:
                data = b""
            number = lambda at, size: int.from_bytes(data[at:at + size], "little")
            if data[:4] != b"DXPK" or number(4, 2) != 1 or not number(6, 2) & 1 or number(8, 8) != len(data):
                raise ImportError("%s is not a packed package of version 1" % self.path)
            at = number(64, 8) + 12
            index = number(72, 8)
            files = {}
            for i in range(number(48, 4)):
                size = number(at, 8)
                end = at + 44 + number(at + 42, 2)
                path = data[at + 44:end]
                if path.startswith(b"lib/"):
                    offset = number(index + 24 * i + 8, 8)
                    if offset + size > len(data):
                        raise ImportError("%s is damaged" % self.path)
                    files[path[4:].decode()] = (offset, size)
                at = end
            self._files = files
        return self._files

    def read(self, path):
        offset, size = self.files()[path]
        return self._map[offset:offset + size]

    def modules(self):
        """What can be asked for modules: the paths of the bytecode, or of all files where there is none."""
        if self._modules is None:
            try:
                data = _map(self.bytecode)
                length = int.from_bytes(data[8:16], "little")
                if data[:8] != BYTECODE_MAGIC:
                    raise ValueError
                self._code, self._code_map = marshal.loads(data[16:16 + length]), data
                self._modules = self._code
            except (OSError, ValueError, EOFError, TypeError):
                self._code, self._modules = {}, self.files()
        return self._modules

    def code(self, path, filename):
        self.modules()
        at, length = self._code.get(path, (0, 0))
        if length:
            try:
                code = marshal.loads(self._code_map[at:at + length])
                _fix_co_filename(code, filename)
                return code
            except (ValueError, EOFError, TypeError):
                pass  # Cut off: the source says the same.
        return compile(self.read(path), filename, "exec", dont_inherit=True)

    def has_folder(self, path):
        return any(name.startswith(path + "/") for name in self.modules())


TOP = {}  # name of a module or folder at the top: the packages that have a part in it
PACKAGES = []


class Finder:
    """Finds modules in one folder below the root: what `sys.path_hooks` asks for."""

    def __init__(self, path):
        if path != ROOT and not path.startswith(ROOT + os.sep):
            raise ImportError("not a packed folder", path=path)
        self.prefix = path[len(ROOT) + 1:].replace(os.sep, "/")
        if self.prefix:
            self.prefix += "/"

    def find_spec(self, fullname, target=None):
        path = self.prefix + fullname.rpartition(".")[2]
        packages = TOP.get(path.partition("/")[0], ())
        for package in packages:
            modules = package.modules()
            for found, is_package in ((path + "/__init__.py", True), (path + ".py", False)):
                if found in modules:
                    loader = Loader(package, fullname, found, is_package)
                    spec = ModuleSpec(fullname, loader, origin=loader.path, is_package=is_package)
                    spec.has_location = True
                    if is_package:
                        spec.submodule_search_locations.append(os.path.dirname(loader.path))
                    return spec
        if any(package.has_folder(path) for package in packages):
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations.append(os.path.join(ROOT, *path.split("/")))
            return spec
        return None

    def iter_modules(self, prefix=""):
        """For `pkgutil.iter_modules`."""
        seen = {}
        for package in PACKAGES if not self.prefix else TOP.get(self.prefix.partition("/")[0], ()):
            for name in package.modules():
                if not name.startswith(self.prefix) or not name.endswith(".py"):
                    continue
                first, slash, rest = name[len(self.prefix):].partition("/")
                if slash and rest == "__init__.py":
                    seen[first] = True
                elif not slash and first != "__init__.py":
                    seen.setdefault(first[:-3], False)
        for name in sorted(seen):
            if name.isidentifier():
                yield prefix + name, seen[name]

    def invalidate_caches(self):
        pass


class Loader:
    """Loads one module; what PEP 302 and the standard library ask of a loader."""

    def __init__(self, package, name, file, is_package):
        self.package, self.name, self.file, self._is_package = package, name, file, is_package
        self.path = os.path.join(ROOT, *file.split("/"))

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.package.code(self.file, self.path), module.__dict__)

    def get_code(self, fullname):
        return self.package.code(self.file, self.path)

    def get_source(self, fullname):
        from importlib.util import decode_source
        return decode_source(self.package.read(self.file))

    def get_filename(self, fullname=None):
        return self.path

    def is_package(self, fullname):
        return self._is_package

    def get_data(self, path):
        """Bytes of a file by its virtual path, for `pkgutil.get_data`."""
        return Path.at(path).read_bytes()

    def get_resource_reader(self, fullname):
        return Resources(self) if self._is_package else None


class Resources:
    """What `importlib.resources` asks for: `files()` since Python 3.9, the rest for those before."""

    def __init__(self, loader):
        self.folder = Path(loader.file.rpartition("/")[0])

    def files(self):
        return self.folder

    def open_resource(self, resource):
        return self.folder.joinpath(resource).open("rb")

    def resource_path(self, resource):
        raise FileNotFoundError(resource)  # There is none: the caller makes a temporary file.

    def is_resource(self, name):
        return self.folder.joinpath(name).is_file()

    def contents(self):
        return [child.name for child in self.folder.iterdir()]


class Path:
    """A file or folder of the packages: the part of `pathlib.Path` that `importlib.resources` promises (Traversable)."""

    def __init__(self, path):
        self.path = path

    @classmethod
    def at(cls, path):
        path = os.path.normpath(str(path))
        if not path.startswith(ROOT + os.sep):
            raise FileNotFoundError(path)
        return cls(path[len(ROOT) + 1:].replace(os.sep, "/"))

    def _package(self):
        for package in TOP.get(self.path.partition("/")[0], ()):
            if self.path in package.files():
                return package
        return None

    @property
    def name(self):
        return self.path.rpartition("/")[2]

    def __str__(self):
        return os.path.join(ROOT, *self.path.split("/"))

    def __repr__(self):
        return "<packed %s>" % self

    def read_bytes(self):
        package = self._package()
        if package is None:
            raise FileNotFoundError(str(self))
        return package.read(self.path)

    def read_text(self, encoding=None, errors=None):
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def open(self, mode="r", *args, encoding=None, errors=None, **kwargs):
        import io
        data = io.BytesIO(self.read_bytes())
        return data if "b" in mode else io.TextIOWrapper(data, encoding=encoding or "utf-8", errors=errors)

    def is_file(self):
        return self._package() is not None

    def is_dir(self):
        return any(True for _ in self.iterdir())

    def exists(self):
        return self.is_file() or self.is_dir()

    def iterdir(self):
        seen = set()
        for package in TOP.get(self.path.partition("/")[0], ()):
            for name in package.files():
                if name.startswith(self.path + "/"):
                    child = name[len(self.path) + 1:].partition("/")[0]
                    if child not in seen:
                        seen.add(child)
                        yield Path(self.path + "/" + child)

    def joinpath(self, *children):
        path = self.path
        for child in children:
            for part in str(child).replace(os.sep, "/").split("/"):
                if part == "..":
                    path = path.rpartition("/")[0]
                elif part not in ("", "."):
                    path = path + "/" + part if path else part
        return Path(path)

    __truediv__ = joinpath


class Distributions:
    """Finds the packages for `importlib.metadata`; stands in `sys.meta_path` and finds no modules."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        return None

    @staticmethod
    def find_distributions(context=None):
        from importlib.metadata import Distribution

        class Packed(Distribution):
            def __init__(self, package):
                self._packed = package

            def read_text(self, filename):
                try:
                    return self._packed.read(self._packed.dist_info + "/" + str(filename)).decode("utf-8")
                except KeyError:
                    return None

            def locate_file(self, path):
                return Path("").joinpath(path)

        wanted = getattr(context, "name", None)
        path = getattr(context, "path", sys.path)
        if ROOT not in path:
            return
        for package in PACKAGES:
            name = package.dist_info[:-len(".dist-info")].rpartition("-")[0]
            if wanted is None or _normal(name) == _normal(wanted):
                yield Packed(package)


def _normal(name):
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)


def install():
    if PACKAGES:
        return  # `site` reads the file twice where `lib64` is a link to `lib`.
    from dx_py_packed import packages
    tag = sys.implementation.cache_tag
    for path, dist_info, top_level in packages.PACKAGES:
        package = Package(path, "%s.%s.dxpyc" % (path[:-len(".dxpkg")], tag), dist_info)
        PACKAGES.append(package)
        for name in top_level:
            TOP.setdefault(name, []).append(package)
    sys.path_hooks.insert(0, Finder)
    sys.meta_path.append(Distributions)
    sys.path.append(ROOT)


def compile_package(task):
    """Writes the bytecode of one package beside it. Bytecode that its tree has already is taken over."""
    path, tree, target = task
    import importlib.util
    package = Package(path, "", "")
    codes = []
    for name in package.files():
        if not name.endswith(".py"):
            continue
        data = _compiled(os.path.join(tree, "lib", *name.split("/")), importlib.util)
        if data is None:
            try:
                data = marshal.dumps(compile(package.read(name), name, "exec", dont_inherit=True))
            except (SyntaxError, ValueError, UnicodeError):
                data = b""  # It fails where it is imported.
        codes.append((name, data))
    # The index says where each code is, and its own length is in front: so it is laid out twice.
    sizes = {name: (1 << 30, len(data)) for name, data in codes}
    length = len(marshal.dumps(sizes, 2))
    at = 16 + length
    index = {}
    for name, data in codes:
        index[name] = (at, len(data))
        at += len(data)
    head = marshal.dumps(index, 2)
    assert len(head) == length
    temporary = "%s.%d" % (target, os.getpid())
    with open(temporary, "wb") as file:
        file.write(BYTECODE_MAGIC + length.to_bytes(8, "little") + head)
        for _, data in codes:
            file.write(data)
    os.replace(temporary, target)


def _compiled(source, util):
    try:
        with open(util.cache_from_source(source), "rb") as file:
            data = file.read()
        stat = os.stat(source)
    except OSError:
        return None
    expected = util.MAGIC_NUMBER + bytes(4) + (int(stat.st_mtime) & 0xFFFFFFFF).to_bytes(4, "little")
    expected += (stat.st_size & 0xFFFFFFFF).to_bytes(4, "little")
    return data[16:] if data[:16] == expected else None


if __name__ == "__main__":
    from concurrent.futures import ProcessPoolExecutor
    tasks = [line.rstrip("\n").split("\t") for line in sys.stdin]
    with ProcessPoolExecutor() as pool:
        list(pool.map(compile_package, tasks))
