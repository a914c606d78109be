/** The files of distributions and projects against the reference implementations. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { askPython, oraclePython } from "../../test/oracles.ts";
import { resolveGroups } from "./dependency-groups.ts";
import { parseEntryPoints } from "./entry-points.ts";
import { readHeaderBlock } from "./header-fields.ts";
import { fullMetadata } from "./metadata.ts";
import { validatePylock } from "./pylock.ts";
import { formatRecord, parseRecord, type RecordRow } from "./record.ts";
import { formatRequirement } from "./requirements.ts";
import { differences, orNull, sample } from "./testing/compare.ts";
import { changedDocument, validPylock } from "./testing/pylock-documents.ts";

const python = oraclePython();
// A Python process reads thousands of questions, on a machine that may be busy.
setDefaultTimeout(60_000);

describe.skipIf(python === undefined)("the email parser of Python", () => {
  const newline = fc.constantFrom("\n", "\n", "\n", "\r\n", "\r");
  const line = fc.constantFrom(
    "Metadata-Version: 2.1",
    "Name: foo",
    "name:foo",
    "Version:  1.0  ",
    "Summary: a: b",
    "Requires-Dist: a; extra == 'x'",
    "Requires-Dist:b>=1,",
    "\t<2",
    "  more",
    "   ",
    "",
    "Broken line",
    "Überschrift: x",
    ": no name",
    "Description:",
    "        |text",
    "Keywords: ä ö\u2028ü",
    "From me",
    "X\u00a0Y: z",
    "Provides-Extra: A_b",
    "License: MIT\u0085x",
    `A${"b".repeat(200)}: c`,
    "Key :v",
    "Dynamic: Version\x0bq",
  );
  const anyHeaders = fc
    .tuple(
      fc
        .array(fc.tuple(line, newline), { maxLength: 12 })
        .map((lines) => lines.map((pair) => pair.join("")).join("")),
      fc.constantFrom("", "\n", "\nBody\n\nmore\n", "\r\nBody: x\r\n"),
    )
    .map((parts) => parts.join(""));

  test("finds the same fields", () => {
    const texts = sample(anyHeaders, 3000, 31);
    const answers = askPython(
      python!,
      `
import sys, json, email
for line in sys.stdin:
    m = email.message_from_string(json.loads(line))
    print(json.dumps([[k.lower(), v] for k, v in m.items()]))
`,
      texts,
    );
    expect(
      differences(
        texts,
        texts.map((text) => readHeaderBlock(text).fields),
        answers,
      ),
    ).toEqual([]);
  });

  test("finds the same metadata", () => {
    const head = "Metadata-Version: 2.3\nName: Foo\nVersion: 1.0\n";
    const fields = fc.array(
      fc.constantFrom(
        "Requires-Dist: a>=1\n",
        "Requires-Dist: b[x]\n ; extra == 'dev'\n",
        "Provides-Extra: dev\n",
        "Requires-Python: >=3.8\n",
        "Dynamic: Version\n",
        "Summary: short\n",
        "License-Expression: MIT\n",
        "Home-page: https://example.org\n",
        "Classifier: A :: B\n",
        "Project-URL: Docs, https://example.org/d\n",
      ),
      { maxLength: 8 },
    );
    const bodies = fc.constantFrom("", "\nA body.\n", "\n# Title\n\nRequires-Dist: not-one\n", "\n\nlate\n");
    const texts = sample(fc.tuple(fields, bodies), 800, 32).map(([all, body]) => head + all.join("") + body);
    const answers = askPython(
      python!,
      `
import sys, json
from packaging.metadata import parse_email
for line in sys.stdin:
    raw, rest = parse_email(json.loads(line))
    first = lambda raw_key, rest_key: raw.get(raw_key) or (rest.get(rest_key) or [None])[0]
    print(json.dumps([raw["name"], raw["version"], raw["metadata_version"], first("requires_python", "requires-python"),
        [" ".join(p.strip() for p in d.splitlines()) for d in raw.get("requires_dist", [])],
        first("summary", "summary"), first("license_expression", "license-expression"), first("home_page", "home-page"), raw.get("description"),
        [s.lower() for s in raw.get("dynamic", [])]]))
`,
      texts,
    );
    const ours = texts.map((text) => {
      const m = fullMetadata(text);
      return [
        m.name,
        m.version,
        m.metadataVersion,
        m.requiresPython ?? null,
        m.requiresDist,
        m.summary ?? null,
        m.licenseExpression ?? null,
        m.homePage ?? null,
        m.description ?? null,
        m.dynamic,
      ];
    });
    expect(differences(texts, ours, answers)).toEqual([]);
  });
});

describe.skipIf(python === undefined)("installer", () => {
  // No carriage return: Python before 3.13 writes it without quotes, and does not read it back.
  const path = fc.string({ unit: fc.constantFrom(..."aB/. ,\"'é\n=;"), minLength: 1, maxLength: 12 });
  const row: fc.Arbitrary<RecordRow> = fc
    .tuple(path, fc.option(fc.base64String({ maxLength: 8 })), fc.option(fc.nat(2 ** 40)))
    .map(([file, digest, size]) => ({
      path: file,
      ...(digest === null ? undefined : { hash: { algorithm: "sha256", digest } }),
      ...(size === null ? undefined : { size }),
    }));

  test("reads what is written here, and writes the same", () => {
    const records = sample(fc.array(row, { maxLength: 6 }), 1500, 33);
    const answers = askPython(
      python!,
      `
import sys, json, io, csv
from installer.records import parse_record_file, RecordEntry
for line in sys.stdin:
    text = json.loads(line)
    entries = [RecordEntry.from_elements(*e) for e in parse_record_file(io.StringIO(text, newline=""))]
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=",", quotechar='"', lineterminator="\\n")
    for e in entries: writer.writerow(e.to_row())
    print(json.dumps([[[e.path, e.hash_ and [e.hash_.name, e.hash_.value], e.size] for e in entries], out.getvalue()]))
`,
      records.map(formatRecord),
    );
    const ours = records.map((rows) => [
      rows.map(({ path: file, hash, size }) => [
        file,
        hash === undefined ? null : [hash.algorithm, hash.digest],
        size ?? null,
      ]),
      formatRecord(rows),
    ]);
    expect(differences(records, ours, answers)).toEqual([]);
    for (const rows of records) expect(parseRecord(formatRecord(rows))).toEqual(rows);
  });
});

describe.skipIf(python === undefined)("importlib.metadata", () => {
  test("finds the same entry points", () => {
    const line = fc.constantFrom(
      "[console_scripts]",
      "[ gui_scripts ]",
      "[a.b]",
      "[[x]]",
      "foo = foo.cli:main",
      "foo=foo.cli : main [extra1, extra_2]",
      "bar = pkg",
      "bar = pkg.sub [x]",
      "a=b=c",
      "  indented = mod:obj.attr  ",
      "# comment",
      "; x = y",
      "",
      "bad = 1 2",
      "name with space = m:f",
      "é = ü:ö",
      "empty =",
      "= m:f",
      "x = m:f # no",
      "y = m: f []",
      "z = m : [e]",
      "t\t=\tm",
      "u = m:f\u2028v = n:g",
      "w = m:f\x0cq = n:g",
    );
    const texts = sample(
      fc.array(line, { maxLength: 8 }).map((lines) => lines.join("\n")),
      3000,
      34,
    );
    const answers = askPython(
      python!,
      `
import sys, json
from importlib.metadata import EntryPoints
for line in sys.stdin:
    found = []
    for e in EntryPoints._from_text(json.loads(line)):
        try:
            found.append([e.group, e.name, e.module, e.attr, e.extras])
        except AttributeError:
            pass
    print(json.dumps(found))
`,
      texts,
    );
    const ours = texts.map((text) =>
      parseEntryPoints(text).map((e) => [e.group, e.name, e.module, e.attribute ?? null, e.extras]),
    );
    expect(differences(texts, ours, answers)).toEqual([]);
  });
});

describe.skipIf(python === undefined)("packaging", () => {
  test("unfolds dependency groups alike", () => {
    const group = fc.constantFrom("a", "B", "c.d", "C-D", "e_f");
    const item = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom<unknown>("x", "y>=1", "z[q]; python_version > '3'") },
      { weight: 4, arbitrary: group.map((name): unknown => ({ "include-group": name })) },
      {
        weight: 1,
        arbitrary: fc.constantFrom<unknown>(
          "not a requirement!",
          5,
          {},
          { "include-group": 1 },
          { "include-group": "a", x: 1 },
          ["x"],
        ),
      },
    );
    const table = fc.dictionary(
      group,
      fc.oneof(
        { weight: 30, arbitrary: fc.array(item, { maxLength: 3 }) },
        { weight: 1, arbitrary: fc.constant<unknown>("x") },
      ),
    );
    const tables = sample(table, 4000, 35);
    const answers = askPython(
      python!,
      `
import sys, json
from packaging.dependency_groups import resolve_dependency_groups
for line in sys.stdin:
    table = json.loads(line)
    found = []
    for name in table:
        try:
            found.append(list(resolve_dependency_groups(table, name)))
        except Exception:
            found = None
            break
    print(json.dumps(found))
`,
      tables,
    );
    const ours = tables.map((one) =>
      orNull(() =>
        [...resolveGroups(one).values()].map((requirements) => requirements.map(formatRequirement)),
      ),
    );
    expect(ours.filter((one) => one !== null).length).toBeGreaterThan(500);
    expect(differences(tables, ours, answers)).toEqual([]);
  });

  test("accepts the same lock files", () => {
    const documents = [validPylock, ...sample(changedDocument(validPylock), 4000, 36)];
    const answers = askPython(
      python!,
      `
import sys, json
from packaging.pylock import Pylock
for line in sys.stdin:
    try:
        Pylock.from_dict(json.loads(line)); print("true")
    except Exception:
        print("false")
`,
      documents,
    );
    const ours = documents.map((document) => orNull(() => validatePylock(document)) !== null);
    expect(ours.filter((valid) => valid).length).toBeGreaterThan(300);
    expect(differences(documents, ours, answers)).toEqual([]);
  });
});
