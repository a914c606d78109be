/** Whether a stream is a terminal and takes colours, asked of each stream by itself and without opening it. */
import { fstatSync } from "node:fs";

export type ColorChoice = "auto" | "always" | "never";
type Variables = Readonly<Record<string, string | undefined>>;

/** `/dev/null` is a character device too, hence the second question, which costs milliseconds on terminals only. */
export function isTerminal(fd: 1 | 2): boolean {
  try {
    if (!fstatSync(fd).isCharacterDevice()) return false;
    const { isatty } = require("node:tty") as typeof import("node:tty");
    return isatty(fd);
  } catch {
    return false;
  }
}

/** `--color`, then `NO_COLOR`, `FORCE_COLOR`, `TERM=dumb`, then the terminal. */
export function takesColor(fd: 1 | 2, choice: ColorChoice, env: Variables): boolean {
  if (choice !== "auto") return choice === "always";
  if (env["NO_COLOR"]) return false;
  if (env["FORCE_COLOR"] !== undefined && env["FORCE_COLOR"] !== "0") return true;
  return env["TERM"] !== "dumb" && isTerminal(fd);
}

export interface Palette {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

export function palette(colored: boolean): Palette {
  const style = (open: number, close: number) => (text: string) =>
    colored && text !== "" ? `\x1b[${open}m${text}\x1b[${close}m` : text;
  return {
    bold: style(1, 22),
    dim: style(2, 22),
    red: style(31, 39),
    green: style(32, 39),
    yellow: style(33, 39),
    cyan: style(36, 39),
  };
}
