/** What `dx-py` and `dx-py help` print. */
import { VERSION } from "./version.ts";

export function overview(): string {
  return `dx-py ${VERSION}: a Python package and environment manager

Usage: dx-py [OPTIONS] COMMAND

Project
  init         Make a pyproject.toml
  add          Add dependencies to pyproject.toml, lock and install
  remove       Remove dependencies, lock and install
  lock         Resolve for all platforms into pylock.toml and dx-py.dpl
  install      Make .venv what the lock says; lock first if need be (also: sync)
  run          Run a command in the environment
  pip          Run pip in an environment of the project's own
  tree         Show the dependency tree of the lock
  lock show    Show what the binary lock says
  build        Make the project's sdist and wheel
  env          list, diff, rollback, remove: what was attached before

Machine
  cache        dir, size, clean, prune; push, pull, serve, keygen, info, verify
  store        ls, show, cat, verify
  layout       ls, show, verify
  drv          show, tree, why, diff, log, rebuild: where things came from
  python       list, find
  completions  Print a completion script for a shell

Options
  --project DIR   Folder of the project (default: the current one, and upward)
  --python PY     Interpreter: a path, a version (3.12, >=3.11) or a name
  --offline       Open no connection
  -q, --quiet     Say errors only
  -v, --verbose   Say more
  --json          Give the result as JSON on stdout
  --color WHEN    auto, always or never
  --system        First: work on the store of all users (its owner only)
  --version       Print the version

\`dx-py help COMMAND\` shows the options of a command.`;
}
