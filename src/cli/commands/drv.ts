/** `dx-py drv show` and `log` */
import {
  buildBehind,
  derivationNamed,
  derivationsNamed,
  labelOfOutput,
} from "../../environment/derivations-named.ts";
import { Failure } from "../../platform/errors.ts";
import { logsNamed, readLog } from "../../realise/build/build-log.ts";
import { type ShownDerivation, showDerivation } from "../../realise/drv-queries.ts";
import { readDerivation } from "../../realise/drv-store.ts";
import type { Store } from "../../store/store.ts";
import type { GeneralFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import { derivationFacts, derivationTitle, factLines, SHOWN } from "../derivation-words.ts";
import { namingContext } from "../naming.ts";
import { perform } from "../perform.ts";

export async function drvShow(this: CliContext, flags: GeneralFlags, what: string): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter } = session;
    const naming = namingContext(session);
    const { store } = naming;
    const found = derivationsNamed(what, naming).map((shown) => ({
      ...shown,
      label: labelOf(shown, store),
      build: buildBehind(shown, store),
      fetch: fetchBehind(shown, store),
    }));
    reporter.result(
      found
        .map(({ label, build, fetch, ...shown }) =>
          [
            `${derivationTitle(shown.derivation, label)}`,
            `  derivation: ${shown.buildHash}`,
            ...factLines(derivationFacts(shown)),
            ...(build === undefined
              ? []
              : [
                  `  built by: ${build.buildHash}`,
                  ...factLines(
                    derivationFacts(build).filter(([title]) =>
                      /^(backend|build environment|variables|sandbox|moved from)$/.test(title),
                    ),
                    "    ",
                  ),
                ]),
            ...(fetch === undefined
              ? []
              : [`  fetched by: ${fetch.buildHash}`, ...factLines(derivationFacts(fetch), "    ")]),
            ...(shown.log === undefined || readLog(shown.log) === undefined
              ? []
              : [`  log: dx-py drv log ${shown.buildHash.slice(0, SHOWN)}`]),
          ].join("\n"),
        )
        .join("\n\n"),
    );
    reporter.json(found);
  });
}

function labelOf({ derivation, output }: ShownDerivation, store: Store): string | undefined {
  return derivation.kind === "package" && output !== undefined ? labelOfOutput(output, store) : undefined;
}

/** Of a package, the `fetch` of its wheel, or of the source that it was built from. */
function fetchBehind({ derivation, notes }: ShownDerivation, store: Store): ShownDerivation | undefined {
  const { fetch } = notes;
  if (derivation.kind === "fetch" || fetch === undefined) return undefined;
  return readDerivation(store.levels, fetch) === undefined ? undefined : showDerivation(fetch, store)[0];
}

/** A build that failed has no derivation: its log is found by the hash that the error names. */
export async function drvLog(this: CliContext, flags: GeneralFlags, what: string): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter } = session;
    const naming = namingContext(session);
    const logs = naming.store.levels.flatMap((level) => logsNamed(level, what));
    const paths = logs.length > 0 ? logs : [ofDerivation()];
    if (new Set(paths).size > 1) {
      throw new Failure("DXPY_AMBIGUOUS_PACKAGE", `${what} are the first digits of ${paths.length} logs`, {
        exitCode: 2,
      });
    }
    const path = paths[0];
    const text = path === undefined ? undefined : readLog(path);
    if (path === undefined || text === undefined) {
      throw new Failure("DXPY_NO_LOG", `There is no log of ${what}`, {
        ...(path === undefined ? {} : { context: { path } }),
        hint: "Only what was built here has one; wheels and what a binary cache gave have none.",
      });
    }
    reporter.result(text.replace(/\n$/, ""));
    reporter.json({ path, text });

    function ofDerivation(): string | undefined {
      const shown = derivationNamed(what, naming);
      return (buildBehind(shown, naming.store) ?? shown).log;
    }
  });
}
