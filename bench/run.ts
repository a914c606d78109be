// `npm run bench`: dx-py against uv on three projects, and the tables of README and docs/benchmarks.md with --write.
//   npm run bench -- [--projects jupyter,web,docs] [--rows noop,warm,…] [--runs 15] [--folder DIR] [--write]
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureOracles } from "../scripts/oracles.ts";
import { machineLine } from "./machine.ts";
import { replaceBetweenMarks } from "./table.ts";
import { contest, type Row, type RowResult, rows } from "./versus-uv.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: {
    projects: { type: "string", default: "jupyter,web,docs" },
    rows: { type: "string", default: Object.keys(rows).join(",") },
    runs: { type: "string", default: "15" },
    python: { type: "string" },
    folder: { type: "string", default: tmpdir() },
    write: { type: "boolean", default: false },
  },
});

/** What each project's `import` row imports. */
const modules: Record<string, string> = {
  jupyter: "numpy,scipy.linalg,sklearn,matplotlib,pandas,zmq,jupyterlab",
  web: "django,fastapi,sqlalchemy,celery,boto3,httpx,pydantic,pytest",
  docs: "sphinx,jinja2,towncrier,attrs,idna,OpenSSL",
};

const dx = join(root, "dist/dx-py");
if (!existsSync(dx)) throw new Error("dist/dx-py is missing: npm run build");
const oracles = await ensureOracles();
if (oracles === undefined) throw new Error("uv cannot be had from PyPI: there is nothing to compare with");
const uv = join(oracles, "../uv");
const python = values.python ?? Bun.which("python3") ?? "python3";
const versionOf = (argv: string[]) => Bun.spawnSync(argv).stdout.toString().trim().split(" ")[1] ?? "?";
const machine = machineLine({
  "dx-py": versionOf([dx, "--version"]),
  uv: versionOf([uv, "--version"]),
  CPython: versionOf([python, "--version"]),
});
console.log(machine);

const results = new Map<string, RowResult[]>();
for (const name of values.projects.split(",")) {
  const folder = mkdtempSync(join(values.folder, "dx-py-bench-"));
  console.log(`\n${name}`);
  try {
    const found = await contest(
      {
        uv,
        dx,
        python,
        project: join(root, "bench/projects", name),
        folder,
        runs: Number(values.runs),
        modules: modules[name] ?? "json",
      },
      values.rows.split(",") as Row[],
      (r) =>
        console.log(
          `  ${r.row.padEnd(9)} uv ${ms(r.uvMs).padStart(8)}  dx-py ${ms(r.dxMs).padStart(8)}  ratio ${r.ratio.toFixed(3)}  cpu ${r.cpuRatio.toFixed(3)}`,
        ),
    );
    results.set(name, found);
  } finally {
    Bun.spawnSync(["chmod", "-R", "u+w", folder]);
    rmSync(folder, { recursive: true, force: true });
  }
}

if (values.write) {
  const date = new Date().toISOString().slice(0, 10);
  const caption = `Medians of ${values.runs} pairs of whole processes in milliseconds, ${date}; ${machine}.`;
  const first = results.keys().next().value!;
  replaceBetweenMarks(
    join(root, "README.md"),
    "bench",
    `${table(results.get(first)!)}\n\n${caption} Project \`${first}\`; [all of them](docs/benchmarks.md).`,
  );
  mkdirSync(join(root, "docs"), { recursive: true });
  const all = [...results].map(([name, found]) => `### ${name}\n\n${table(found)}`).join("\n\n");
  replaceBetweenMarks(join(root, "docs/benchmarks.md"), "bench", `${caption}\n\n${all}`);
}

function table(found: readonly RowResult[]): string {
  const lines = found.map(
    (r) =>
      `| ${rows[r.row]} | ${ms(r.uvMs)} | **${ms(r.dxMs)}** | ${r.ratio < 0.1 ? r.ratio.toFixed(3) : r.ratio.toFixed(2)} |`,
  );
  return ["| what | uv | dx-py | ratio |", "|---|---:|---:|---:|", ...lines].join("\n");
}

function ms(value: number): string {
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en-US");
}
