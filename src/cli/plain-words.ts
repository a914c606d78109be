/**
 * Reads the words of the commands that are typed most, where they are as plain as most are: known options in their usual spelling, each
 * with its value behind it. Stricli does the same, and takes three milliseconds to load and to check itself; whatever is not plain
 * (help, wrong spellings, `-qv`) is left to it.
 */
import type { CliContext } from "./context.ts";

/** Of a command's definition, what matters here. */
export interface PlainDefinition {
  readonly loader: () => Promise<unknown>;
  readonly parameters: {
    readonly flags?: Readonly<Record<string, unknown>>;
    readonly aliases?: Readonly<Record<string, unknown>>;
    readonly positional?: object;
  };
}

interface PlainFlag {
  kind: string;
  parse?: unknown;
  values?: readonly string[];
  variadic?: unknown;
  default?: unknown;
  optional?: boolean;
}

export interface PlainWords {
  flags: Record<string, unknown>;
  args: readonly string[];
}

const DEFINITIONS: Readonly<Record<string, () => Promise<PlainDefinition>>> = {
  add: async () => (await import("./definitions/edit-definitions.ts")).ADD,
  remove: async () => (await import("./definitions/edit-definitions.ts")).REMOVE,
  lock: async () => (await import("./definitions/lock-definitions.ts")).LOCK,
  tree: async () => (await import("./definitions/lock-definitions.ts")).TREE,
  install: async () => (await import("./definitions/install-definitions.ts")).INSTALL,
  run: async () => (await import("./definitions/install-definitions.ts")).RUN,
};

/** Runs the command; `false`, and nothing was done, where Stricli has to look at the words. */
export async function runPlain(
  command: string | undefined,
  words: readonly string[],
  context: CliContext,
): Promise<boolean> {
  if (command === undefined || !Object.hasOwn(DEFINITIONS, command)) return false;
  const definition = await DEFINITIONS[command]!();
  const read = readPlainWords(words, definition.parameters);
  if (read === undefined) return false;
  const action = (await definition.loader()) as (
    this: CliContext,
    flags: unknown,
    ...args: readonly string[]
  ) => Promise<void>;
  try {
    await action.call(context, read.flags, ...read.args);
  } catch (error) {
    // As Stricli says it: what a command knows how to say was said by `perform`.
    context.process.stderr.write(`Command failed, ${error instanceof Error ? error.stack : String(error)}\n`);
    context.process.exitCode = 1;
  }
  return true;
}

/** `undefined` for anything that is not plain. */
export function readPlainWords(
  words: readonly string[],
  { flags = {}, aliases = {}, positional = {} }: PlainDefinition["parameters"],
): PlainWords | undefined {
  const table = flags as Readonly<Record<string, PlainFlag>>;
  const given = new Map<string, unknown>();
  const args: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    if (word === "--") {
      args.push(...words.slice(at + 1));
      break;
    }
    if (!word.startsWith("-")) {
      args.push(word);
      continue;
    }
    const equals = word.indexOf("=");
    const name = nameOf(equals < 0 ? word : word.slice(0, equals), table, aliases);
    if (name === undefined || (equals >= 0 && word[1] !== "-")) return undefined;
    const flag = table[name]!;
    if (flag.kind === "boolean") {
      if (equals >= 0 || given.has(name)) return undefined;
      given.set(name, true);
      continue;
    }
    if (equals < 0) at += 1;
    const value = equals < 0 ? words[at] : word.slice(equals + 1);
    if (value === undefined || value === "" || value.startsWith("-") || !takes(flag, value)) return undefined;
    if (flag.variadic === true) given.set(name, [...((given.get(name) as string[]) ?? []), value]);
    else if (given.has(name)) return undefined;
    else given.set(name, value);
  }
  return areTaken(args, positional) ? { flags: withDefaults(given, table), args } : undefined;
}

/** The name in the table of `--find-links`, `-q`. */
function nameOf(
  word: string,
  table: Readonly<Record<string, unknown>>,
  aliases: Readonly<Record<string, unknown>>,
): string | undefined {
  if (/^-[a-zA-Z]$/.test(word))
    return Object.hasOwn(aliases, word[1]!) ? String(aliases[word[1]!]) : undefined;
  if (!/^--[a-z]+(-[a-z]+)*$/.test(word)) return undefined;
  const name = word.slice(2).replace(/-[a-z]/g, (part) => part[1]!.toUpperCase());
  return Object.hasOwn(table, name) ? name : undefined;
}

function takes(flag: PlainFlag, value: string): boolean {
  if (flag.kind === "enum") return flag.variadic === undefined && flag.values!.includes(value);
  return flag.kind === "parsed" && flag.parse === String && (flag.variadic ?? true) === true;
}

/** Whether these are all that the command wants besides options: none, or texts. */
function areTaken(args: readonly string[], positional: object): boolean {
  const { kind, minimum, maximum, parameter } = positional as {
    kind?: string;
    minimum?: number;
    maximum?: number;
    parameter?: { parse: unknown };
  };
  if (kind === undefined) return args.length === 0;
  const { length } = args;
  return (
    kind === "array" &&
    parameter?.parse === String &&
    length >= (minimum ?? 0) &&
    length <= (maximum ?? Number.POSITIVE_INFINITY)
  );
}

function withDefaults(
  given: ReadonlyMap<string, unknown>,
  table: Readonly<Record<string, PlainFlag>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table).map(([name, flag]) => [
      name,
      given.get(name) ?? (flag.variadic === true ? [] : undefined),
    ]),
  );
}
