import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { INSPECT_SCRIPT } from "./inspect-script.ts";

const python = Bun.which("python3") ?? "python3";
const root = mkdtempSync(`${tmpdir()}/inspect-script-`);
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("pip's default index is read as pip's own lines say it, however somebody changed them", async () => {
  const lines = [
    "import urllib.parse",
    "class PackageIndex:",
    "    def __init__(self, url, file_storage_domain):",
    "        self.url = url",
    '        self.simple_url = self._url_for_path("simple")',
    "    def _url_for_path(self, path):",
    "        return urllib.parse.urljoin(self.url, path)",
    'PyPI = PackageIndex("https://one.test/", file_storage_domain="files.test")',
    'TestPyPI = PackageIndex(\n    "https://two.test/", file_storage_domain="files.test"\n)',
  ].join("\n");
  const variants = [
    lines,
    lines.replace("one.test/", "one.test/root/"),
    lines.replace("one.test/", "one.test/root"),
    lines.replace("one.test/", "one.test/a?b=/"),
    lines.replace("one.test/", "one.test/\\x61/"),
    lines.replace('PackageIndex("https://one', 'PackageIndex("https://" "one'),
    lines.replace('PackageIndex("https://one.test/"', "PackageIndex('https://one.test/'"),
    lines.replace('PackageIndex("', 'PackageIndex(f"'),
    lines.replace("PyPI = PackageIndex(", "PyPI = PackageIndex(\n    "),
    lines.replace('("simple")', '("easy")'),
    lines.replace("urljoin(self.url, path)", "urljoin(self.url, path).upper()"),
    `PyPI = TestPyPI = None\n${lines}\nPyPI.simple_url = "https://three.test/"`,
    `${lines}\nPyPI = TestPyPI`,
    `${lines.replace("\nPyPI = ", "\nOther = ")}\nPyPI = Other`,
  ];
  for (const [i, text] of variants.entries()) {
    const folder = `${root}/${i}`;
    mkdirSync(`${folder}/pip/_internal/models`, { recursive: true });
    writeFileSync(`${folder}/pip/_internal/models/index.py`, text);
    const say = async (code: string) => {
      const argv = [
        python,
        "-I",
        "-B",
        "-c",
        `import sys\nsys.path.insert(0, ${JSON.stringify(folder)})\n${code}`,
      ];
      return await new Response(Bun.spawn(argv, { stdout: "pipe" }).stdout).text();
    };
    const own = await say(
      `names = {}\nexec(open(${JSON.stringify(`${folder}/pip/_internal/models/index.py`)}).read(), names)\nprint(names["PyPI"].simple_url)`,
    );
    expect([i, (await say(INSPECT_SCRIPT)).split("\n")[2]]).toEqual([i, own.trim()]);
  }
});
