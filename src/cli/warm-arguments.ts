/**
 * Reads the command lines that are typed most, by hand: `install`, `run` and `lock` with the options that the warm
 * path can answer. Any other word means `undefined`, and the full parser decides. On the warm path.
 */
import { type SelectionRequest, WHOLE_DEFAULT } from "../project/environment-question.ts";

export interface WarmCommand {
  command: "install" | "run" | "lock";
  /** `lock --check`. */
  check: boolean;
  projectDir?: string;
  python?: string;
  frozen: boolean;
  quiet: boolean;
  verbose: boolean;
  json: boolean;
  linkMode?: string;
  selection: SelectionRequest;
  /** What `run` runs. */
  argv: readonly string[];
}

type Lists = "extras" | "groups" | "noGroups" | "onlyGroups" | "noExtras" | "packages";
type Switches = "allExtras" | "allGroups" | "noDefaultGroups" | "noProject" | "allPackages";

const LISTS: Readonly<Record<string, Lists>> = {
  "--extra": "extras",
  "--group": "groups",
  "--no-group": "noGroups",
  "--only-group": "onlyGroups",
  "--no-extra": "noExtras",
  "--package": "packages",
};

const SWITCHES: Readonly<Record<string, Switches>> = {
  "--all-extras": "allExtras",
  "--all-groups": "allGroups",
  "--no-default-groups": "noDefaultGroups",
  "--no-install-project": "noProject",
  "--all-packages": "allPackages",
};

export function readWarmArguments(argv: readonly string[]): WarmCommand | undefined {
  let command: "install" | "run" | "lock" | undefined;
  let selection: { -readonly [K in keyof SelectionRequest]: SelectionRequest[K] } | undefined;
  const found: Omit<WarmCommand, "command" | "selection" | "argv"> = {
    check: false,
    frozen: false,
    quiet: false,
    verbose: false,
    json: false,
  };
  const select = () => {
    selection ??= { ...WHOLE_DEFAULT };
    return selection;
  };
  let at = 0;
  for (; at < argv.length; at += 1) {
    const word = argv[at] as string;
    if (!word.startsWith("-")) {
      if (command !== undefined) {
        if (command === "run") break;
        return undefined;
      }
      if (word === "install" || word === "sync") command = "install";
      else if (word === "run" || word === "lock") command = word;
      else return undefined;
      continue;
    }
    if (word === "--") {
      at += 1;
      break;
    }
    const cut = word.startsWith("--") ? word.indexOf("=") : -1;
    const name = cut < 0 ? word : word.slice(0, cut);
    const value = () => {
      if (cut >= 0) return word.slice(cut + 1);
      at += 1;
      return argv[at];
    };
    const list = LISTS[name];
    if (list !== undefined) {
      const given = value();
      if (given === undefined || given.startsWith("-")) return undefined;
      select()[list] = [...select()[list], normal(given)];
    } else if (
      name === "--project" ||
      name === "--python" ||
      name === "-p" ||
      name === "--link-mode" ||
      name === "--color"
    ) {
      const given = value();
      if (given === undefined || given === "" || given.startsWith("-")) return undefined;
      if (name === "--project") found.projectDir = given;
      else if (name === "--link-mode") found.linkMode = given;
      else if (name !== "--color") found.python = given;
      else if (given !== "auto" && given !== "never") return undefined;
    } else if (cut >= 0) return undefined;
    else if (SWITCHES[name] !== undefined) select()[SWITCHES[name] as Switches] = true;
    else if (name === "--no-dev") select().noGroups = [...select().noGroups, "dev"];
    else if (name === "--only-dev") select().onlyGroups = [...select().onlyGroups, "dev"];
    else if (name === "--dev") select().groups = [...select().groups, "dev"];
    else if (name === "--frozen") found.frozen = true;
    else if (name === "--check") found.check = true;
    else if (name === "-q" || name === "--quiet") found.quiet = true;
    else if (name === "-v" || name === "--verbose") found.verbose = true;
    else if (name === "--json") found.json = true;
    else if (name !== "--offline" && name !== "--locked") return undefined;
  }
  const rest = argv.slice(at);
  if (command === undefined || (found.check && command !== "lock")) return undefined;
  const forInstall = selection !== undefined || found.frozen || found.linkMode !== undefined;
  if (command === "lock" && forInstall) return undefined;
  if (command === "run" ? rest.length === 0 || found.json : rest.length > 0) return undefined;
  return {
    ...found,
    command,
    selection: selection ?? WHOLE_DEFAULT,
    argv: rest,
  };
}

/** PEP 503, by hand: names of groups, extras and packages. */
function normal(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}
