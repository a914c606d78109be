/** `dx-py drv diff` */
import { buildBehind, derivationNamed, labelOfOutput } from "../../environment/derivations-named.ts";
import { diffDerivations, type FileDiff } from "../../realise/drv-diff.ts";
import type { GeneralFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import { derivationTitle, SHOWN } from "../derivation-words.ts";
import { namingContext } from "../naming.ts";
import { perform } from "../perform.ts";
import { count } from "../reporter/amounts.ts";

/** Exit code 1 when the outputs differ, as `diff` has it. */
export async function drvDiff(
  this: CliContext,
  flags: GeneralFlags,
  before: string,
  after: string,
): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter } = session;
    const naming = namingContext(session);
    const { store } = naming;
    const asked = [before, after].map((what) => derivationNamed(what, naming));
    // What a build saw says more than what was asked of it.
    const builds = asked.map((shown) => buildBehind(shown, store));
    const [one, two] = builds.every((build) => build !== undefined) ? builds : asked;
    const diff = diffDerivations(one!.buildHash, two!.buildHash, store);
    const lines = [one!, two!].map(
      ({ buildHash, derivation }, at) =>
        `${at === 0 ? "---" : "+++"} ${derivationTitle(derivation)} ${buildHash.slice(0, SHOWN)}`,
    );
    for (const { path, before: left, after: right } of diff.asked) {
      const output = /^packages\.([0-9a-f]{64})$/.exec(path)?.[1];
      if (output !== undefined && (left === undefined || right === undefined)) {
        lines.push(
          `${left === undefined ? "+" : "-"} ${labelOfOutput(output, store)} ${output.slice(0, SHOWN)}`,
        );
        continue;
      }
      lines.push(path);
      if (left !== undefined) lines.push(`  - ${left}`);
      if (right !== undefined) lines.push(`  + ${right}`);
    }
    lines.push(...diff.files.flatMap(fileLines));
    const same = diff.sameOutput
      ? "the output is the same"
      : `${count(diff.files.length, "file")} of the output`;
    reporter.result(lines.join("\n"));
    reporter.note(`${count(diff.asked.length, "difference")} in what was asked and seen; ${same}`);
    reporter.json({ before: one!.buildHash, after: two!.buildHash, ...diff });
    return diff.sameOutput || (diff.files.length === 0 && diff.asked.length === 0) ? 0 : 1;
  });
}

export function fileLines({ path, change, sizes, line, texts, byte }: FileDiff): string[] {
  const [before, after] = sizes;
  const size = before === after ? `${before} bytes` : `${before ?? 0} → ${after ?? 0} bytes`;
  const place = line !== undefined ? `, from line ${line}` : byte !== undefined ? `, from byte ${byte}` : "";
  const what = change === "mode" ? "executable or not" : `${change}${place}, ${size}`;
  return [`${path}: ${what}`, ...(texts === undefined ? [] : [`  - ${texts[0]}`, `  + ${texts[1]}`])];
}
