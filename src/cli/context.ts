/** What every command gets: where it was started, with which variables, and the streams that Stricli writes to. */
import type { CommandContext } from "@stricli/core";
import type { Home } from "../platform/home.ts";

export interface CliContext extends CommandContext {
  readonly process: {
    readonly stdout: { write(text: string): void };
    readonly stderr: { write(text: string): void };
    readonly env: Record<string, string | undefined>;
    exitCode?: number | string | null;
  };
  /** Absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: Home;
}
