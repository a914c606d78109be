// Holds the rooms of ARCHITECTURE.md apart. dependency-cruiser says "no violations (0 modules)" with exit code 0
// when it cannot parse, so the count is asserted too.
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const run = Bun.spawnSync(
  [
    "node",
    "node_modules/dependency-cruiser/bin/dependency-cruise.mjs",
    "--config",
    ".dependency-cruiser.cjs",
    "--output-type",
    "json",
    "src",
  ],
  { cwd: root, stderr: "inherit" },
);
interface Cruise {
  summary: { totalCruised: number; violations: { rule: { name: string }; from: string; to: string }[] };
}
const { summary } = JSON.parse(run.stdout.toString()) as Cruise;
for (const v of summary.violations) console.error(`${v.rule.name}: ${v.from} → ${v.to}`);
console.log(`${summary.totalCruised} modules, ${summary.violations.length} violations`);
if (summary.totalCruised < 20) {
  console.error("The cruiser saw next to nothing: its parser does not work here.");
  process.exit(1);
}
process.exit(summary.violations.length === 0 ? 0 : 1);
