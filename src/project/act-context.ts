/** What every act on a project needs from whoever asks for it, and what it tells while it goes on. */
import type { Home } from "../platform/home.ts";
import type { RealiseEvent } from "../realise/realise-context.ts";

export interface ActContext {
  home: Home;
  env: Readonly<Record<string, string | undefined>>;
  warn(message: string): void;
  /** For `-v`. */
  detail(message: string): void;
  progress(event: ActEvent): void;
}

export type ActEvent =
  | { kind: "phase"; phase: "resolving" | "preparing" | "linking" | "done" }
  | { kind: "resolving"; decisions: number; name?: string }
  | RealiseEvent;
