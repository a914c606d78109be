import { readFileSync } from "node:fs";
import { ensureDir, writeFileAtomic } from "../platform/atomic-file.ts";

/** What was learnt of each server that files come from: whether it serves `.metadata` unannounced, and ranges. */
export interface HostMemory {
  get(url: string): HostFacts;
  learn(url: string, facts: Partial<Omit<HostFacts, "at">>): void;
  /** Writes what is new; what another process learnt meanwhile is kept. */
  save(): void;
}

export interface HostFacts {
  metadata?: boolean;
  /** Unannounced `.metadata` that were not there, while none was. */
  misses?: number;
  ranges?: boolean;
  /** Milliseconds since the epoch. */
  at: number;
}

/** Servers change: what was learnt holds for a week. */
const LIFETIME = 7 * 24 * 3600 * 1000;

export function openHostMemory(indexFolder: string): HostMemory {
  const path = `${indexFolder}/hosts.json`;
  let known: Map<string, HostFacts> | undefined;
  const learnt = new Map<string, HostFacts>();
  const load = () => (known ??= read(path));
  return {
    get(url) {
      const origin = originOf(url);
      return learnt.get(origin) ?? load().get(origin) ?? { at: 0 };
    },
    learn(url, facts) {
      const origin = originOf(url);
      const before = this.get(url);
      if (Object.entries(facts).every(([key, value]) => before[key as "ranges"] === value)) return;
      learnt.set(origin, { ...before, ...facts, at: Date.now() });
    },
    save() {
      if (learnt.size === 0) return;
      const all = new Map([...read(path), ...learnt]);
      try {
        ensureDir(indexFolder);
        writeFileAtomic(path, JSON.stringify(Object.fromEntries(all)));
      } catch {
        // Learnt again the next time.
      }
    },
  };
}

function read(path: string): Map<string, HostFacts> {
  const now = Date.now();
  const hosts = new Map<string, HostFacts>();
  try {
    const parsed = JSON.parse(readFileSync(path, "utf8")) as Record<string, HostFacts>;
    for (const [origin, facts] of Object.entries(parsed)) {
      if (typeof facts?.at === "number" && facts.at <= now && now - facts.at < LIFETIME)
        hosts.set(origin, facts);
    }
  } catch {
    // Nothing learnt yet.
  }
  return hosts;
}

function originOf(url: string): string {
  return /^[a-z]+:\/\/[^/?#]*/i.exec(url)?.[0] ?? url;
}
