/** What all commands have in common, as Stricli wants it. The commands themselves are in `whole-application.ts` and `routes/`. */
import {
  type Application,
  buildApplication,
  buildRouteMap,
  type Command,
  type RouteMap,
  text_en,
} from "@stricli/core";
import { nearest } from "../project/setting-checks.ts";
import { dashed } from "./common-flags.ts";
import type { CliContext } from "./context.ts";

export type Routes = Readonly<Record<string, Command<CliContext> | RouteMap<CliContext>>>;

export function applicationOf(routes: Routes): Application<CliContext> {
  const root = buildRouteMap<string, CliContext>({
    routes,
    aliases: "install" in routes ? { sync: "install" } : {},
    docs: { brief: "A Python package and environment manager", hideRoute: { "lock-show": true } },
  });
  return buildApplication<CliContext>(root, {
    name: "dx-py",
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
    documentation: {
      caseStyle: "convert-camel-to-kebab",
      useAliasInUsageLine: false,
      onlyRequiredInUsageLine: true,
      disableAnsiColor: true,
      alwaysShowHelpAllFlag: false,
    },
    localization: {
      text: {
        ...text_en,
        noCommandRegisteredForInput: ({ input, corrections }) =>
          usageError(
            `There is no command \`${input}\``,
            // Anything short is near to anything else that is short.
            corrections.filter(
              (word) => nearest(input, [word.replaceAll("`", "")]) !== undefined && input !== "",
            ),
            "`dx-py help` lists the commands.",
          ),
        exceptionWhileParsingArguments: (error) => argumentError(error),
      },
    },
  });
}

function argumentError(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  const [message = "", suggestion] = said.split(", did you mean ");
  const corrections = suggestion?.replace(/\?$/, "").split(/, (?:or )?| or /) ?? [];
  const plain = message
    .replace(/^No flag registered for (.*)$/, "There is no option `$1` here")
    .replace(/^No alias registered for (.*)$/, "There is no option `$1` here")
    .replace(/^Expected input for flag (--\S+)$/, "The option `$1` wants a value")
    .replace(
      /^Expected input for flag (--\S+) but encountered (\S+) instead$/,
      "The option `$1` wants a value, not `$2`",
    )
    .replace(
      /^Expected at least 1 argument\(s\) for (\S+) but found none$/,
      "This command wants at least one $1",
    )
    .replace(/^Expected argument for (\S+)$/, "This command wants a $1")
    .replace(
      /^Failed to parse "(.*)" for (\S+): Cannot convert .* to a number$/,
      (_, value: string, name: string) => `The option \`${dashed(name)}\` wants a number, not \`${value}\``,
    )
    .replace(/^Expected "(.*)" to be one of \((.*)\)$/, "`$1` is not one of $2")
    .replace(
      /^Too many arguments for (--\S+), encountered "(.*)" after "(.*)"$/,
      "The option `$1` is given twice: `$3` and `$2`",
    )
    .replace(
      /^Too many arguments, expected 0 but encountered "(.*)"$/,
      "This command takes no argument, but got `$1`",
    )
    .replace(/^Too many arguments, expected (\d+) but encountered "(.*)"$/, "Too many arguments: `$2`");
  const wrong = /`([^`]*)`/.exec(plain)?.[1] ?? "";
  const near = corrections.filter((word) => nearest(wrong, [word.replace(/^["`]|["`]$/g, "")]) !== undefined);
  return usageError(plain, near, "`dx-py help COMMAND` shows the arguments and options of a command.");
}

export function usageError(
  message: string,
  corrections: readonly string[],
  fallback: string | undefined,
): string {
  const quoted = corrections.map((word) =>
    word.startsWith("`") || word.startsWith('"') ? word : `\`${word}\``,
  );
  const hint = quoted.length > 0 ? `Did you mean ${quoted.join(" or ")}?` : fallback;
  return hint === undefined ? `error: ${message}` : `error: ${message}\nhint: ${hint}`;
}
