import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { sealedJson } from "../platform/sealed-json.ts";
import { removeTree } from "../platform/staging.ts";
import { type CheckoutRecord, readCheckout } from "./checkout-record.ts";
import { temporaryFolder } from "./testing/test-project.ts";

const scratch = temporaryFolder();
afterAll(() => removeTree(scratch));
const path = `${scratch}/record.json`;
const hash = "ab".repeat(32);

const record: CheckoutRecord = {
  format: 1,
  project: "/work/project",
  layout: hash,
  editables: [
    {
      name: "app",
      request: {
        format: 1,
        kind: "package",
        build: {
          hook: "build_editable",
          source: { kind: "directory", digest: hash, path: "/work/project/packages/app" },
          python: { implementation: "cpython", version: "3.12.1", abi: "cp312" },
          platform: "linux_x86_64",
          configSettings: {},
          environment: { CFLAGS: "-O2" },
          extraRequires: [],
          constraints: [],
          isolated: true,
        },
      },
    },
  ],
  selection: { extras: [], groups: ["dev"] },
  variables: { CFLAGS: "-O2" },
};

function read(text: string | Uint8Array): CheckoutRecord | undefined {
  writeFileSync(path, text);
  return readCheckout(path);
}

test("what is written is read; a file that is not there is no record", () => {
  expect(read(sealedJson(record))).toEqual(record);
  expect(readCheckout(`${scratch}/none`)).toBeUndefined();
  expect(readCheckout(scratch)).toBeUndefined();
});

test("no changed byte and no shorter file is a record", () => {
  const bytes = new TextEncoder().encode(sealedJson(record));
  const place = fc.nat(bytes.length - 1);
  fc.assert(
    fc.property(place, fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = bytes.slice();
      changed[at]! ^= change;
      expect(read(changed)).toBeUndefined();
      expect(read(bytes.subarray(0, at))).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

/** With a checksum that is right, as somebody would write it. `place`: keys with dots between them. */
function changed(place: string, value: unknown): string {
  const copy = structuredClone(record);
  const keys = place.split(".");
  const last = keys.pop()!;
  const inner = keys.reduce((one, key) => one[key] as Fields, copy as never as Fields);
  inner[last] = value;
  return sealedJson(copy);
}
type Fields = Record<string, unknown>;

const source = "editables.0.request.build.source";
test.each<[string, string, unknown]>([
  ["another format", "format", 2],
  ["a layout that leads elsewhere", "layout", "../../../../etc"],
  ["a project that is no absolute path", "project", "project"],
  ["a project with a way up in it", "project", "/work/../etc"],
  ["an editable outside of the project", `${source}.path`, "/etc"],
  ["an editable beside the project", `${source}.path`, "/work/project-2"],
  ["an editable with a way up in it", `${source}.path`, "/work/project/../../etc"],
  ["a file instead of a folder", `${source}.kind`, "file"],
  ["no editable", "editables", []],
  ["variables that are no texts", "variables", { CFLAGS: 1 }],
  ["no selection", "selection", undefined],
  ["a layout that is a list", "layout", [hash]],
])("no record: %s", (_, place, value) => {
  expect(read(changed(place, value))).toBeUndefined();
});

test("any JSON is a record or none, and nothing else", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(read(sealedJson(value))).toBeUndefined();
    }),
    { numRuns: 200 },
  );
});
