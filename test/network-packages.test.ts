/**
 * The true packages whose like `real-packages.test.ts` makes, from PyPI: hundreds of megabytes, so only with
 * `DX_PY_TEST_NETWORK=1`. Each is installed, imported, and made to do something.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { type Answer, pyproject, type Session, startSession } from "./session.ts";

const network = process.env["DX_PY_TEST_NETWORK"] === "1";
/** Where to keep what was drawn, for who wants to look at it. */
const keep = process.env["DX_PY_TEST_KEEP"];

let me: Session;
beforeAll(() => {
  me = startSession();
});
afterAll(() => me.end());

interface Installed {
  python(code: string): string;
  run(...argv: string[]): Answer;
  session: Session;
}

async function installed(name: string, packages: string[], rest = ""): Promise<Installed> {
  const session = me.project(name);
  session.write("pyproject.toml", pyproject(packages, rest, name).replace(">=3.8", ">=3.11"));
  await session.ok("install");
  const run = (...argv: string[]) => session.sh(...argv);
  return {
    session,
    run,
    python(code) {
      const { code: exit, stdout, stderr } = run(".venv/bin/python", "-c", code);
      if (exit !== 0) throw new Error(stderr);
      return stdout.trim();
    },
  };
}

const LONG = 900_000;

describe.skipIf(!network)("packages from PyPI (DX_PY_TEST_NETWORK=1)", () => {
  test(
    "google-cloud-*, azure-*, zope.*: namespaces over several distributions",
    async () => {
      const env = await installed("namespaces", [
        "google-cloud-core",
        "google-cloud-storage",
        "google-cloud-bigquery",
        "google-cloud-pubsub",
        "azure-core",
        "azure-identity",
        "azure-storage-blob",
        "azure-mgmt-compute",
        "azure-mgmt-network",
        "zope.interface",
        "zope.event",
        "zope.schema",
        "zope.component",
        "protobuf",
      ]);
      expect(
        env.python(
          "import google.cloud.storage, google.cloud.bigquery, google.cloud.pubsub, google.protobuf, google.auth, google.api_core; print(google.cloud.storage.Client.__name__)",
        ),
      ).toBe("Client");
      expect(
        env.python(
          "from azure.storage.blob import BlobClient; from azure.mgmt.compute import ComputeManagementClient; from azure.mgmt.network import NetworkManagementClient; from azure.identity import DefaultAzureCredential; print(BlobClient.from_blob_url('https://a.example.org/c/b').blob_name)",
        ),
      ).toBe("b");
      expect(
        env.python(
          "import zope.event, zope.schema, zope.component; from zope.interface import Interface, implementer\nclass I(Interface): pass\n@implementer(I)\nclass C: pass\nprint(I.providedBy(C()))",
        ),
      ).toBe("True");
    },
    LONG,
  );

  test(
    "numpy, scipy, pandas, scikit-learn, matplotlib compute and draw; opencv, pyarrow: `.libs` beside packages",
    async () => {
      const env = await installed("science", [
        "numpy",
        "scipy",
        "pandas",
        "scikit-learn",
        "matplotlib",
        "opencv-python-headless",
        "pyarrow",
        "pyzmq",
        "shapely",
        "cryptography",
      ]);
      const out = keep ?? env.session.dir;
      const script = `
import numpy as np, scipy.linalg, scipy.optimize, pandas as pd, cv2, pyarrow as pa, pyarrow.parquet as pq, zmq, shapely, io
from sklearn.linear_model import LinearRegression
import matplotlib; matplotlib.use("Agg")
import matplotlib.pyplot as plt
x = np.linspace(0, 10, 200)
y = np.sin(x) + 0.1 * x
model = LinearRegression().fit(x.reshape(-1, 1), y)
frame = pd.DataFrame({"x": x, "y": y})
buffer = io.BytesIO(); pq.write_table(pa.Table.from_pandas(frame), buffer)
back = pq.read_table(io.BytesIO(buffer.getvalue())).to_pandas()
fig, ax = plt.subplots(figsize=(5, 3))
ax.plot(x, y, label="sin(x) + x/10"); ax.plot(x, model.predict(x.reshape(-1, 1)), "--", label="fit")
ax.set_title("drawn from .venv"); ax.legend(); fig.savefig("${out}/drawn.png", dpi=80)
image = cv2.imread("${out}/drawn.png"); edges = cv2.Canny(image, 50, 150)
print(round(float(scipy.linalg.det(np.array([[2.0, 1], [1, 3]]))), 6), back.equals(frame), image.shape, int(edges.any()), shapely.Point(0, 0).buffer(1).area > 3.1, zmq.zmq_version_info()[0] >= 4)
`;
      expect(env.python(script)).toBe("5.0 True (240, 400, 3) 1 True True");
      expect([...readFileSync(`${out}/drawn.png`).subarray(1, 4)]).toEqual([...Buffer.from("PNG")]);
      expect((await env.session.ok("install", "-v")).stderr).toContain("layout: hit");
    },
    LONG,
  );

  test(
    "jupyter, notebook, ipykernel: data in the prefix, kernels, extensions",
    async () => {
      const env = await installed("jupyter", ["jupyterlab", "notebook", "ipywidgets", "nbconvert"]);
      expect(env.run(".venv/bin/jupyter", "lab", "--version").stdout).toMatch(/^\d+\./);
      expect(env.run(".venv/bin/jupyter", "kernelspec", "list", "--json").stdout).toContain(
        "share/jupyter/kernels/python3",
      );
      const extensions = env.run(".venv/bin/jupyter", "labextension", "list");
      expect(extensions.stdout + extensions.stderr).toContain("jupyterlab-manager");
      env.session.write(
        "book.ipynb",
        JSON.stringify({
          cells: [
            {
              cell_type: "code",
              id: "a",
              execution_count: null,
              metadata: {},
              outputs: [],
              source: "import sys; print('in the kernel', 6 * 7)",
            },
          ],
          metadata: { kernelspec: { name: "python3", display_name: "p" } },
          nbformat: 4,
          nbformat_minor: 5,
        }),
      );
      const done = env.run(".venv/bin/jupyter", "nbconvert", "--to", "html", "--execute", "book.ipynb");
      expect(done.stderr).toContain("book.html");
      expect(env.session.read("book.html")).toContain("in the kernel 42");
    },
    LONG,
  );

  test(
    "an RPATH into another wheel gets real folders (nvidia-*)",
    async () => {
      const env = await installed("nvidia", ["nvidia-cusolver-cu12", "nvidia-cusparse-cu12"]);
      const code = [
        "import ctypes, glob, os, site",
        "root = site.getsitepackages()[0] + '/nvidia/'",
        "lib = ctypes.CDLL(glob.glob(root + 'cusparse/lib/libcusparse.so*')[0])",
        "print(hasattr(lib, 'cusparseGetVersion'))",
      ].join("\n");
      expect(env.python(code)).toBe("True");
      const site = env.python("import site; print(site.getsitepackages()[0])");
      expect(lstatSync(`${site}/nvidia/cusparse`).isDirectory()).toBe(true);
      // Hardlinks: the gigabyte is there once.
      const big = readdirSync(`${site}/nvidia/cusparse/lib`).find((name) => name.startsWith("libcusparse"))!;
      expect(statSync(`${site}/nvidia/cusparse/lib/${big}`).nlink).toBeGreaterThan(1);
    },
    LONG,
  );

  test(
    "single files, .pth files, top-level .so, pywin32-like paths, packages that write beside themselves",
    async () => {
      const env = await installed("odd", [
        "six",
        "typing-extensions",
        "setuptools<81",
        "cffi",
        "greenlet",
        "pyyaml",
        "ply",
        "coverage",
        "black",
        "sphinx",
        "pytest",
        "pytest-xdist",
        "pytest-cov",
        "mypy",
        "pyright",
      ]);
      expect(
        env.python(
          "import six, typing_extensions, _cffi_backend, cffi, greenlet, yaml; f = cffi.FFI(); f.cdef('int abs(int);'); print(f.dlopen(None).abs(-3), yaml.safe_load('a: 1'))",
        ),
      ).toBe("3 {'a': 1}");
      // PLY writes its tables beside the module that it is called from.
      env.session.write(
        "calc.py",
        "import ply.lex as lex, ply.yacc as yacc\ntokens = ('N',)\nt_N = r'\\d+'\ndef t_error(t): raise SystemExit(1)\ndef p_e(p):\n    'e : N'\n    p[0] = int(p[1])\ndef p_error(p): raise SystemExit(1)\nlex.lex(); print(yacc.yacc().parse('42'))\n",
      );
      expect(env.run(".venv/bin/python", "calc.py").stdout).toContain("42");
      for (const tool of ["black", "sphinx-build", "pytest", "mypy"])
        expect(env.run(`.venv/bin/${tool}`, "--version")).toMatchObject({ code: 0 });
      env.session.write("test_x.py", "def test_x(): assert True\n");
      expect(
        (await env.session.ok("run", "pytest", "-q", "-n", "2", "--cov=.", "test_x.py")).stdout,
      ).toContain("1 passed");
      env.session.write("typed.py", "import yaml, six, black\nx: int = black.__version__\n");
      const pyright = await env.session.dx("run", "pyright", "typed.py");
      expect(pyright.stdout).toContain('"str" is not assignable to "int"');
      expect(pyright.stdout).not.toContain("reportMissingImports");
    },
    LONG,
  );
});
