/** Whether a stream is a terminal and takes colours, asked of each stream by itself and without opening it. */
import { fstatSync } from "node:fs";

export type ColorChoice = "auto" | "always" | "never";
type Variables = Readonly<Record<string, string | undefined>>;

/** On Linux, the number of its device says what it is: `/dev/null` is a character device too, and `node:tty` costs two milliseconds to load. */
export function isTerminal(fd: 1 | 2): boolean {
  try {
    const stats = fstatSync(fd);
    if (!stats.isCharacterDevice()) return false;
    const known = process.platform === "linux" ? DEVICES.get(majorOf(stats.rdev)) : undefined;
    if (known !== undefined) return known;
    const { isatty } = require("node:tty") as typeof import("node:tty");
    return isatty(fd);
  } catch {
    return false;
  }
}

/** By major number (the kernel's list of devices): memory and `/dev/null`; consoles; pseudo-terminals. Others are asked. */
const DEVICES = new Map([
  [1, false],
  [4, true],
  ...Array.from({ length: 8 }, (_, i): [number, boolean] => [136 + i, true]),
]);

/** Of a device number as `stat` gives it. */
function majorOf(device: number): number {
  return Math.floor(device / 256) % 4096;
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
