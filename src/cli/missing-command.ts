/** What `run` says when there is no such command. */
import { readdirSync } from "node:fs";
import { Failure } from "../platform/errors.ts";
import { nearest } from "../project/setting-checks.ts";

/**
 * DXPY_NO_COMMAND in place of DXPY_CANNOT_START; any other error as it is. `scripts` is the folder of the environment's
 * own commands, for a suggestion.
 */
export function missingCommand(error: unknown, command: string, scripts?: string): unknown {
  if (!(error instanceof Failure) || error.code !== "DXPY_CANNOT_START") return error;
  if (command.includes("/")) {
    return new Failure("DXPY_NO_COMMAND", `${command} cannot be started`, {
      context: { path: command },
      hint: "Check that the file is there, and that it may be executed (`chmod +x`).",
      cause: error.cause,
    });
  }
  const near = scripts === undefined ? undefined : nearest(command, commandsIn(scripts));
  return new Failure("DXPY_NO_COMMAND", `There is no command \`${command}\` in the environment or on PATH`, {
    hint:
      near === undefined
        ? "Add the package that brings it with `dx-py add`."
        : `Did you mean \`${near}\`? If not, add the package that brings the command with \`dx-py add\`.`,
    cause: error.cause,
  });
}

function commandsIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
