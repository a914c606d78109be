/** Wheels that do what real packages do, and what an environment made of links to whole folders could get wrong. */
import { compileNative, extensionSource, hasCompiler } from "./compile-native.ts";
import { type MadeFile, makeWheel } from "./make-wheel.ts";

/** `google-cloud-*`: one namespace (PEP 420), a part of it in each distribution, at two depths. */
export function nativeNamespace(): MadeFile[] {
  const part = (name: string, path: string) =>
    makeWheel({ name, modules: { [`${path}/__init__.py`]: `HERE = ${JSON.stringify(name)}\n` } });
  return [
    part("cloud-core", "cloud/core"),
    part("cloud-storage", "cloud/storage"),
    part("cloud-log-v2", "cloud/log/v2"),
    part("cloud-log-v3", "cloud/log/v3"),
  ];
}

const PKGUTIL = '__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n';

/** `azure-*` of old: every distribution brings the same `__init__.py` for the folders that they share. */
export function pkgutilNamespace(): MadeFile[] {
  return ["compute", "network"].map((name) =>
    makeWheel({
      name: `azul-mgmt-${name}`,
      modules: {
        "azul/__init__.py": PKGUTIL,
        "azul/mgmt/__init__.py": PKGUTIL,
        [`azul/mgmt/${name}/__init__.py`]: `NAME = "${name}"\n`,
      },
    }),
  );
}

/** `zope.*` of old: no `__init__.py`; a `-nspkg.pth`, as setuptools wrote it, makes the namespace at start-up. */
export function legacyNamespace(): MadeFile[] {
  const pth = [
    "import sys, types, os",
    "has_mfs = sys.version_info > (3, 5)",
    "p = os.path.join(sys._getframe(1).f_locals['sitedir'], *('zoo',))",
    "importlib = has_mfs and __import__('importlib.util')",
    "has_mfs and __import__('importlib.machinery')",
    "m = has_mfs and sys.modules.setdefault('zoo', importlib.util.module_from_spec(importlib.machinery.PathFinder.find_spec('zoo', [os.path.dirname(p)])))",
    "m = m or sys.modules.setdefault('zoo', types.ModuleType('zoo'))",
    "mp = (m or []) and m.__dict__.setdefault('__path__',[])",
    "(p not in mp) and mp.append(p)",
  ].join(";");
  return ["event", "schema"].map((name) =>
    makeWheel({
      name: `zoo.${name}`,
      modules: {
        [`zoo.${name}-1.0-nspkg.pth`]: `${pth}\n`,
        [`zoo/${name}/__init__.py`]: `NAME = "${name}"\n`,
      },
      distInfo: { "namespace_packages.txt": "zoo\n", "top_level.txt": "zoo\n" },
    }),
  );
}

/** `pywin32`, `setuptools`: a folder put on `sys.path` by its name relative to site-packages, and a line that is run. */
export function pathFile(): MadeFile {
  return makeWheel({
    name: "pathy",
    modules: {
      "pathy.pth": "pathy_inner\nimport os; os.environ['PATHY'] = 'started'\n",
      "pathy_inner/pathy_hidden.py": "VALUE = 7\n",
    },
  });
}

/** `six`, `typing_extensions`: one file. */
export function singleFile(): MadeFile {
  return makeWheel({ name: "lonely", modules: { "lonely.py": "VALUE = 1\n" } });
}

/** `matplotlib`, PLY, Jupyter: what is written at run time beside the code, and data that is read through its package. */
export function writer(): MadeFile {
  return makeWheel({
    name: "scribe",
    modules: {
      "scribe/__init__.py":
        "import os\ndef note(text):\n    path = os.path.join(os.path.dirname(__file__), 'cache.txt')\n    with open(path, 'w') as f:\n        f.write(text)\n    return path\n",
      "scribe/texts/__init__.py": "",
      "scribe/texts/letter.txt": "dear reader\n",
      "scribe/plain/data.bin": new Uint8Array([1, 2, 3]),
    },
  });
}

/** `jupyter`, `notebook`, `greenlet`: files outside of site-packages, headers, scripts of every kind, entry points. */
export function prefixFiles(): MadeFile {
  return makeWheel({
    name: "spread",
    modules: {
      "spread/__init__.py": "import sys\ndef main():\n    print('main', *sys.argv[1:])\n",
      "spread/work.py": "import os\ndef square(n):\n    return n * n, os.getpid()\n",
    },
    entryPoints: { spread: "spread:main" },
    scripts: {
      "spread-py": "#!python\nimport sys, spread\nprint('script', sys.prefix)\n",
      "spread-sh": '#!/bin/sh\necho "shell $1"\n',
    },
    data: {
      "data/share/jupyter/kernels/spread/kernel.json": '{"display_name": "spread"}\n',
      "data/etc/spread/spread.conf": "on\n",
      "headers/spread.h": "#define SPREAD 1\n",
    },
  });
}

/** A second distribution that adds to the same folders of the prefix, as every Jupyter kernel does. */
export function secondKernel(): MadeFile {
  return makeWheel({
    name: "kernel-two",
    data: {
      "data/share/jupyter/kernels/two/kernel.json": '{"display_name": "two"}\n',
      "data/share/jupyter/kernels/two/logo.svg": "<svg/>\n",
    },
  });
}

/** Plugins by entry point (`pytest11` and its like), found through `importlib.metadata`. */
export function plugin(): MadeFile {
  return makeWheel({
    name: "plugged",
    modules: {
      "plugged.py":
        "def pytest_configure(config):\n    config.addinivalue_line('markers', 'plugged: from a plugin')\ndef pytest_report_header(config):\n    return 'plugged in'\n",
    },
    distInfo: { "entry_points.txt": "[pytest11]\nplugged = plugged\n" },
  });
}

/** Wheels with real shared libraries; none where there is no compiler. */
export function nativeWheels(): MadeFile[] {
  if (!hasCompiler()) return [];
  // cv2, pyarrow: libraries in a folder beside the package.
  const helper = compileNative({ name: "libhelper-3f2a.so", source: "int helper(void) { return 20; }" });
  const beside = compileNative({
    name: "_beside.so",
    source: "int helper(void); int beside(void) { return helper() + 2; }",
    runpath: "$ORIGIN/../beside.libs",
    needs: [helper],
  });
  // scipy: the same from a nested folder.
  const deep = compileNative({
    name: "_deep.so",
    source: "int helper(void); int deep(void) { return helper() + 3; }",
    runpath: "$ORIGIN/../../../beside.libs",
    needs: [helper],
  });
  // torch and nvidia-*: libraries of other wheels, reached through the folder that they all are in.
  const runtime = compileNative({ name: "librt_like.so", source: "int runtime(void) { return 30; }" });
  const maths = compileNative({
    name: "libmaths_like.so",
    source: "int runtime(void); int maths(void) { return runtime() + 5; }",
    runpath: "$ORIGIN/../../runtime/lib",
    needs: [runtime],
  });
  const torch = compileNative({
    name: "libtorch_like.so",
    source: "int maths(void); int runtime(void); int torch(void) { return maths() + runtime(); }",
    runpath: "$ORIGIN/../../vendor/maths/lib:$ORIGIN/../../vendor/runtime/lib",
    needs: [maths, runtime],
  });
  const loader = (file: string, call: string) =>
    `import ctypes, os\nlib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), ${JSON.stringify(file)}))\nvalue = lib.${call}()\n`;
  const tag = "py3-none-linux_x86_64";
  const host = process.arch === "arm64" ? tag.replace("x86_64", "aarch64") : tag;
  return [
    makeWheel({
      name: "toplevel",
      tag: host,
      modules: {
        "_toplevel.abi3.so": compileNative({
          name: "_toplevel.abi3.so",
          source: extensionSource("_toplevel", 42),
        }).bytes,
      },
    }),
    makeWheel({
      name: "beside",
      tag: host,
      modules: {
        "beside/__init__.py": loader("_beside.so", "beside"),
        "beside/_beside.so": beside.bytes,
        "beside/one/two/__init__.py": loader("_deep.so", "deep"),
        "beside/one/two/_deep.so": deep.bytes,
        "beside.libs/libhelper-3f2a.so": helper.bytes,
      },
    }),
    makeWheel({
      name: "vendor-runtime",
      tag: host,
      modules: { "vendor/runtime/lib/librt_like.so": runtime.bytes },
    }),
    makeWheel({
      name: "vendor-maths",
      tag: host,
      requires: ["vendor-runtime"],
      modules: { "vendor/maths/lib/libmaths_like.so": maths.bytes },
    }),
    makeWheel({
      name: "torch-like",
      tag: host,
      requires: ["vendor-maths"],
      modules: {
        "torch_like/__init__.py": loader("lib/libtorch_like.so", "torch"),
        "torch_like/lib/libtorch_like.so": torch.bytes,
      },
    }),
  ];
}
