/** Puts the words of a command line into the order that the parser wants. */
import { VALUE_OPTIONS } from "./common-flags.ts";

/** Every option that takes a value and that may stand before its command. */
const WITH_VALUE: ReadonlySet<string> = new Set([
  ...VALUE_OPTIONS,
  ...["--group", "--no-group", "--only-group", "--extra", "--no-extra", "--package"],
]);

/**
 * Options before the command go behind it (`--offline install` is `install --offline`); `help X` is `X --help`; in
 * front of the command that `run` runs stands `--`, so that its own options stay its own.
 */
export function arrange(argv: readonly string[]): string[] {
  let at = 0;
  while (at < argv.length && (argv[at] as string).startsWith("-") && argv[at] !== "--") {
    if (["-h", "--help", "-H", "--help-all", "--helpAll", "-V", "--version"].includes(argv[at] as string))
      break;
    at += takesValue(argv[at] as string) ? 2 : 1;
  }
  const before = argv.slice(0, Math.min(at, argv.length));
  const [command, ...rest] = argv.slice(at);
  if (command === undefined) return before.length === 0 ? [] : [...before];
  if (command === "help" && rest[0] === "pip") return ["pip", "--help"];
  if (command === "help")
    return rest.length === 0
      ? ["--help"]
      : arrange([...rest.filter((word) => !word.startsWith("-")), "--help"]);
  if (command === "run") return ["run", ...before, ...guardRun(rest)];
  // All that follows is pip's, its options too.
  if (command === "pip") return ["pip", ...before, "--", ...rest];
  if (command === "lock" && rest[0] === "show") return ["lock-show", ...before, ...rest.slice(1)];
  const nested =
    ["cache", "python", "store", "layout", "drv", "env"].includes(command) &&
    rest[0] !== undefined &&
    !rest[0].startsWith("-")
      ? 1
      : 0;
  return [command, ...rest.slice(0, nested), ...before, ...rest.slice(nested)];
}

function guardRun(words: readonly string[]): string[] {
  let at = 0;
  while (at < words.length && (words[at] as string).startsWith("-")) {
    const word = words[at] as string;
    if (word === "--") return [...words];
    at += takesValue(word) ? 2 : 1;
  }
  return at >= words.length ? [...words] : [...words.slice(0, at), "--", ...words.slice(at)];
}

function takesValue(word: string): boolean {
  return !word.includes("=") && WITH_VALUE.has(word);
}
