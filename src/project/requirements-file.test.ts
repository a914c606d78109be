import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { readRequirementsFile } from "./requirements-file.ts";
import { temporaryFolder } from "./testing/temporary-folder.ts";

function folder(files: Record<string, string>): string {
  const dir = temporaryFolder("requirements");
  for (const [name, text] of Object.entries(files)) writeFileSync(`${dir}/${name}`, text);
  return dir;
}

describe("requirements.txt", () => {
  test("requirements, comments, hashes, continued lines, included files", () => {
    const dir = folder({
      "requirements.txt":
        "\uFEFF# what we need\r\nrich >= 13 # for colours\r\n\r\nidna==3.4 \\\r\n    --hash=sha256:aa \\\r\n    --hash=sha256:bb\r\n-r more.txt\r\n",
      "more.txt":
        '-r requirements.txt\nhttpx[http2]; python_version < "3.14"\nx @ https://h/x-1.zip#sha256=aa\n',
    });
    const { requirements, passedOver } = readRequirementsFile(`${dir}/requirements.txt`);
    expect(requirements.map(({ text }) => text.trim())).toEqual([
      "rich >= 13",
      "idna==3.4",
      'httpx[http2]; python_version < "3.14"',
      "x @ https://h/x-1.zip#sha256=aa",
    ]);
    expect(passedOver).toEqual([]);
  });

  test("what a project cannot take over is named with its place", () => {
    const dir = folder({
      "r.txt": "-c limits.txt\n--index-url https://h/simple\n-e ./lib\n./wheels/a.whl\nrich\n",
    });
    expect(readRequirementsFile(`${dir}/r.txt`).passedOver).toEqual([
      "r.txt:1: -c limits.txt",
      "r.txt:2: --index-url https://h/simple",
      "r.txt:3: -e ./lib",
      "r.txt:4: ./wheels/a.whl",
    ]);
  });

  test("a line that is no requirement is a failure with its place", () => {
    const dir = folder({ "r.txt": "rich\nrich >> 3\n" });
    expect(() => readRequirementsFile(`${dir}/r.txt`)).toThrow(
      expect.objectContaining({
        code: "DXPY_BAD_REQUIREMENT",
        context: expect.objectContaining({ path: `${dir}/r.txt:2` }),
      }),
    );
  });

  test("a file that is not there", () => {
    expect(() => readRequirementsFile("/nowhere/r.txt")).toThrow(
      expect.objectContaining({ code: "DXPY_NO_REQUIREMENTS_FILE" }),
    );
  });
});
