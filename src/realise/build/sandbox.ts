/**
 * A sandbox is a Linux namespace in which a build has no network and sees everything but its own folders read-only: made by
 * bubblewrap where that is installed, by `unshare` where not.
 */
import { Failure } from "../../platform/errors.ts";
import { runProcess } from "../../platform/process.ts";

/** Puts the words before a command that make it run in a sandbox, where it may write to these absolute folders only. */
export type Sandbox = (argv: readonly string[], writable: readonly string[]) => string[];

let found: Sandbox | undefined;

/** Failure DXPY_NO_SANDBOX where neither program is there, or the system does not let them. Asked once per process. */
export function sandbox(env: Readonly<Record<string, string | undefined>>): Sandbox {
  found ??= findSandbox(env);
  return found;
}

function findSandbox(env: Readonly<Record<string, string | undefined>>): Sandbox {
  const tried: string[] = [];
  const search = { PATH: env["PATH"] ?? "/usr/bin:/bin" };
  for (const [name, make] of [
    ["bwrap", bubblewrap],
    ["unshare", unshare],
  ] as const) {
    const program = process.platform === "linux" ? Bun.which(name, search) : null;
    if (program === null) {
      tried.push(`${name}: not installed`);
      continue;
    }
    const made = make(program);
    const probe = runProcess(made(["/bin/sh", "-c", "test ! -w /"], []), {
      env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin" },
      timeout: 10_000,
    });
    if (probe.code === 0) return made;
    tried.push(`${name}: ${probe.stderr.trim().split("\n").at(-1) || `exit code ${probe.code}`}`);
  }
  throw new Failure("DXPY_NO_SANDBOX", "Builds cannot be sandboxed here", {
    context: {
      detail: process.platform === "linux" ? tried.join("\n") : "Only Linux has the namespaces for it.",
    },
    hint: "Install bubblewrap (`bwrap`), or build without `--sandbox`.",
  });
}

function bubblewrap(program: string): Sandbox {
  return (argv, writable) => [
    program,
    ...["--unshare-all", "--die-with-parent", "--new-session"],
    ...["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"],
    ...[...new Set(writable)].flatMap((path) => ["--bind", path, path]),
    "--",
    ...argv,
  ];
}

/**
 * The same by hand: a new root of the user's own in which every mount is made read-only. Arguments of the script: the writable
 * folders, `--`, the command.
 */
const script = `
set -e
mount --make-rprivate /
hold=
for folder; do
  shift
  [ "$folder" = -- ] && break
  mount --bind "$folder" "$folder"
  hold="$hold
$folder"
done
while read -r _ _ _ _ place _; do
  place=$(printf '%b' "$place")
  case "$hold
" in *"
$place
"*) continue;; esac
  case "$place" in /proc|/proc/*|/dev|/dev/*) continue;; esac
  mount -o remount,bind,ro "$place" 2>/dev/null || true
done < /proc/self/mountinfo
exec "$@"
`;

function unshare(program: string): Sandbox {
  const namespaces = [
    "--user",
    "--map-root-user",
    "--mount",
    "--net",
    "--ipc",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
  ];
  return (argv, writable) => [
    program,
    ...namespaces,
    ...["/bin/sh", "-c", script, "dx-py-sandbox"],
    ...new Set(writable),
    "--",
    ...argv,
  ];
}
