/** Connects what project/ tells about its work with the reporter: warnings, details, live progress. */
import type { ActContext, ActEvent } from "../project/act-context.ts";
import type { Session } from "./perform.ts";
import { formatBytes } from "./reporter/amounts.ts";
import type { ProgressBoard } from "./reporter/progress.ts";

/** The board appears when an act lasts longer than this (milliseconds): most are over before. */
const PATIENCE = 150;

export async function actContext({ context, reporter }: Session): Promise<ActContext> {
  let board: ProgressBoard | undefined;
  const sizes = new Map<string, { done: number; total: number | undefined }>();
  const timer = setTimeout(async () => {
    board = await reporter.board();
  }, PATIENCE);
  timer.unref();
  let missing = 0;
  let realised = 0;
  const show = (event: ActEvent) => {
    switch (event.kind) {
      case "phase":
        if (event.phase === "resolving") board?.phase("Resolving");
        else if (event.phase === "linking") board?.phase("Linking");
        else board?.phase("");
        return;
      case "resolving":
        board?.phase(`Resolving ${event.decisions}${event.name === undefined ? "" : ` ${event.name}`}`);
        return;
      case "plan":
        // A build plans again, for what it needs itself.
        missing += event.missing;
        board?.phase(`Preparing ${realised}/${missing}`);
        return;
      case "download":
        sizes.set(event.filename, { done: 0, total: event.bytes });
        board?.bar(event.name, 0, event.bytes);
        return;
      case "bytes": {
        const size = sizes.get(event.filename) ?? { done: 0, total: undefined };
        size.done += event.count;
        sizes.set(event.filename, size);
        board?.bar(event.name, size.done, size.total);
        return;
      }
      case "build":
        board?.line(event.name, "building");
        return;
      case "realised":
        realised += 1;
        board?.remove(event.package.name);
        board?.phase(`Preparing ${realised}/${missing}`);
        return;
      case "warning":
        reporter.warn(event.message);
    }
  };
  return {
    home: context.home,
    env: context.env,
    warn: (message) => reporter.warn(message),
    detail: (message) => reporter.detail(message),
    progress(event) {
      show(event);
      if (!reporter.options.verbose) return;
      if (event.kind === "download") {
        reporter.detail(
          `downloading ${event.filename}${event.bytes === undefined ? "" : ` (${formatBytes(event.bytes)})`}`,
        );
      } else if (event.kind === "build")
        reporter.detail(`building ${event.name} (${event.hook}); log: ${event.log}`);
    },
  };
}
