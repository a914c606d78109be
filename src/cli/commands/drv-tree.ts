/** `dx-py drv tree` */
import { derivationNamed, labelOfOutput } from "../../environment/derivations-named.ts";
import { Failure } from "../../platform/errors.ts";
import { type DerivationTree, derivationTree } from "../../realise/drv-queries.ts";
import type { Store } from "../../store/store.ts";
import type { CliContext } from "../context.ts";
import { derivationTitle, SHOWN, sourceText } from "../derivation-words.ts";
import type { DrvTreeFlags } from "../flags/provenance-flags.ts";
import { namingContext } from "../naming.ts";
import { perform } from "../perform.ts";

export async function drvTree(this: CliContext, flags: DrvTreeFlags, what?: string): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter } = session;
    const naming = namingContext(session);
    const named = what ?? naming.projectDir;
    if (named === undefined) {
      throw new Failure("DXPY_NOT_ATTACHED", `There is no environment in ${session.start} or above it`, {
        hint: "Give a package, a path or a hash, or run `dx-py install` first.",
        exitCode: 2,
      });
    }
    const { buildHash } = derivationNamed(named, naming);
    const tree = derivationTree(buildHash, naming.store);
    const lines: string[] = [];
    draw(tree, "", "", 0);
    reporter.result(lines.join("\n"));
    reporter.json(tree);

    function draw(node: DerivationTree, before: string, below: string, depth: number): void {
      const hash = reporter.paint.dim(node.buildHash.slice(0, SHOWN));
      lines.push(`${before}${titleOf(node, naming.store)} ${hash}${node.repeated ? " (see above)" : ""}`);
      if (flags.depth !== undefined && depth >= flags.depth) return;
      const source = sourceLine(node);
      const rest = source === undefined ? [] : [source];
      const last = node.inputs.length + rest.length - 1;
      for (const [at, input] of node.inputs.entries()) {
        const end = at === last;
        draw(input, `${below}${end ? "└── " : "├── "}`, `${below}${end ? "    " : "│   "}`, depth + 1);
      }
      if (source !== undefined) lines.push(`${below}└── ${source}`);
    }
  });
}

function titleOf({ derivation, output }: DerivationTree, store: Store): string {
  const label =
    derivation.kind === "package" && output !== undefined ? labelOfOutput(output, store) : undefined;
  return derivationTitle(derivation, label);
}

/** Where a build's source is no file: the tree ends there. */
function sourceLine({ derivation, repeated }: DerivationTree): string | undefined {
  if (derivation.kind !== "build" || derivation.source.kind === "file" || repeated) return undefined;
  return `${derivation.source.kind} ${sourceText(derivation.source)}`;
}
