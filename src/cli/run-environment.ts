/** What a command runs as: its program and the variables of an active environment. On the warm path. */
import { isThere } from "../platform/glance.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Arguments of `replaceProcess`. `bin` is the scripts folder of the layout by its own path, so that the process keeps the
 * environment that it started with when `.venv` is switched under it. `VIRTUAL_ENV` names the project's link, which is what tools
 * compare with.
 */
export function runEnvironment(
  argv: readonly string[],
  bin: string,
  link: string,
  env: Variables,
): [string[], Variables] {
  const [program = "", ...rest] = argv;
  const [name, args] =
    (program.endsWith(".py") || program.endsWith(".pyw")) && isThere(program)
      ? ["python", [program, ...rest]]
      : [program, rest];
  const own = `${bin}/${name}`;
  const resolved = !name.includes("/") && isThere(own) ? own : name;
  const { PYTHONHOME: _, ...others } = env;
  const path = env["PATH"] ? `${bin}:${env["PATH"]}` : bin;
  return [[resolved, ...args], { ...others, VIRTUAL_ENV: link, PATH: path }];
}
