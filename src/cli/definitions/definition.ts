/** What a command is: its options, and how it is loaded. For Stricli, and for `plain-words.ts`, which does without it. */
import type { BaseArgs, CommandFunctionLoader, TypedCommandParameters } from "@stricli/core";
import type { CliContext } from "../context.ts";

export interface Definition<
  FLAGS extends Readonly<Partial<Record<keyof FLAGS, unknown>>>,
  ARGS extends BaseArgs,
> {
  readonly loader: CommandFunctionLoader<FLAGS, ARGS, CliContext>;
  readonly parameters: TypedCommandParameters<FLAGS, ARGS, CliContext>;
  readonly docs: { readonly brief: string };
}
