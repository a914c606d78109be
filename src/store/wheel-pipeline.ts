import { Failure, type FailureContext } from "../platform/errors.ts";
import type { Home } from "../platform/home.ts";
import type { Store } from "./store.ts";
import type { WheelJob } from "./unpack-job.ts";

/**
 * Unpacks wheels in threads while others are downloaded: whole wheels, the largest of those that wait first.
 *
 * For the build: `src/store/unpack-worker.ts` must be an entry point of `bun build --compile` beside the program's, with
 * `--root=src`; then it is found under the name `./store/unpack-worker.js` in the executable. Where a thread cannot be
 * started, wheels are unpacked in this one.
 */
export interface WheelPipeline {
  /** Resolves when the wheel is in the store. Rejects with the failures of `unpackWheel`. */
  add(job: WheelJob): Promise<{ outputHash: string; warnings: string[] }>;
  /** Waits for what has begun, refuses what has not, leaves the threads to the next pipeline. */
  close(): Promise<void>;
}

export interface WheelPipelineOptions {
  store: Store;
  /** Threads. Default: one for each processor, at most 8. 0: none, this thread does it. */
  workers?: number;
  /** How many wheels will come: threads for them start at once, while the first is still on its way. Default: as wheels come. */
  expected?: number;
}

export type ToWorker =
  | { kind: "unpack"; id: number; job: WheelJob; home: Home; root: string }
  | { kind: "close" };

export type FromWorker =
  | { kind: "ready" }
  | { kind: "closed" }
  | { kind: "done"; id: number; outputHash: string; warnings: string[] }
  | {
      kind: "failed";
      id: number;
      error: {
        code?: `DXPY_${string}`;
        message: string;
        context?: FailureContext;
        hint?: string;
        exitCode?: 1 | 2;
      };
    };

interface Task {
  job: WheelJob;
  /** Bytes. */
  size: number;
  resolve(result: { outputHash: string; warnings: string[] }): void;
  reject(error: unknown): void;
}

interface Thread {
  worker: Worker;
  starting: boolean;
  /** What it has in hand, and what lies ready for it, by their numbers. */
  tasks: Map<number, Task>;
}

/**
 * Bytes (compressed) up to which a thread is given more than it has in hand: a small wheel takes less time than it takes until this thread hears
 * that it is done.
 */
const AHEAD = 1024 * 1024;

/**
 * Threads that wait for the next pipeline of this process. They end with it: a thread that is ended while it loads, or while its process becomes
 * another program, has aborted both in one of thirty cases.
 */
const spare: { worker: Worker; ready: boolean }[] = [];

/**
 * Starts threads for so many wheels before anybody knows which: while an interpreter that was never seen describes itself, the other processors
 * have nothing to do. Nobody waits for them, and where they cannot be started, the pipeline finds out by itself.
 */
export function startThreadsAhead(wheels: number): void {
  while (spare.length < Math.min(defaultWorkers(), wheels)) {
    try {
      keep(new Worker(workerFile()), false);
    } catch {
      return;
    }
  }
}

/** Nobody waits for it from now on. */
function keep(worker: Worker, ready: boolean): void {
  const one = { worker, ready };
  worker.unref();
  worker.onmessage = () => {
    one.ready = true;
  };
  const lose = () => {
    const at = spare.indexOf(one);
    if (at >= 0) spare.splice(at, 1);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    lose();
  };
  worker.addEventListener("close", lose);
  spare.push(one);
}

function defaultWorkers(): number {
  return Math.min(8, navigator.hardwareConcurrency || 1);
}

export function createWheelPipeline(options: WheelPipelineOptions): WheelPipeline {
  const { store } = options;
  const threads = new Set<Thread>();
  const waiting: Task[] = [];
  let limit = options.workers ?? defaultWorkers();
  let closing = false;
  let ids = 0;
  /** Work of this thread, one after the other. */
  let own: Promise<void> = Promise.resolve();
  let idle = Promise.withResolvers<void>();
  let running = 0;

  function next(): void {
    const ready = [...threads].filter((one) => !one.starting);
    for (const thread of ready) if (thread.tasks.size === 0) give(thread);
    for (const thread of ready) while (waiting.length > 0 && hasRoom(thread)) give(thread);
    if (waiting.length === 0) return;
    const starting = threads.size - ready.length;
    if (threads.size < limit && starting < waiting.length) start();
    else if (threads.size === 0) unpackHere();
  }

  function start(): void {
    const early = spare.pop();
    let worker: Worker;
    try {
      worker = early?.worker ?? new Worker(workerFile());
    } catch {
      limit = threads.size;
      next();
      return;
    }
    if (early !== undefined) worker.ref();
    const thread: Thread = { worker, starting: early?.ready !== true, tasks: new Map() };
    threads.add(thread);
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => receive(thread, data);
    worker.onerror = (event) => {
      event.preventDefault();
      lose(thread, event.message);
    };
    worker.addEventListener("close", () => lose(thread, "the thread ended"));
    next();
  }

  function receive(thread: Thread, message: FromWorker): void {
    if (message.kind === "closed") {
      threads.delete(thread);
      keep(thread.worker, true);
      idle.resolve();
      return;
    }
    if (message.kind === "ready") thread.starting = false;
    else settle(thread, message);
    next();
  }

  function settle(thread: Thread, message: Extract<FromWorker, { id: number }>): void {
    const task = thread.tasks.get(message.id);
    if (task === undefined) return;
    thread.tasks.delete(message.id);
    if (message.kind === "failed") task.reject(toError(message.error));
    else task.resolve({ outputHash: message.outputHash, warnings: message.warnings });
    finished();
  }

  function hasRoom({ tasks }: Thread): boolean {
    const largest = waiting.reduce((most, { size }) => Math.max(most, size), 0);
    return [...tasks.values()].reduce((sum, { size }) => sum + size, largest) <= AHEAD;
  }

  function give(thread: Thread): void {
    const task = takeLargest(waiting);
    if (task === undefined) return;
    running += 1;
    ids += 1;
    thread.tasks.set(ids, task);
    const bytes = task.job.bytes === undefined ? undefined : ownBuffer(task.job.bytes);
    const pieces = task.job.pieces?.map(ownBuffer);
    const message: ToWorker = {
      kind: "unpack",
      id: ids,
      job: {
        ...task.job,
        ...(bytes === undefined ? {} : { bytes }),
        ...(pieces === undefined ? {} : { pieces }),
      },
      home: store.home,
      root: store.root,
    };
    const given = [...(bytes === undefined ? [] : [bytes]), ...(pieces ?? [])];
    thread.worker.postMessage(
      message,
      given.map(({ buffer }) => buffer),
    );
  }

  /** A thread that could not start or broke down. What it had in hand is lost with its memory. */
  function lose(thread: Thread, why: string): void {
    if (!threads.delete(thread)) return;
    limit = Math.min(limit, threads.size);
    for (const { job, reject } of thread.tasks.values()) {
      reject(
        new Failure("DXPY_WORKER_FAILED", `${job.filename} could not be unpacked: ${why}`, {
          hint: "Run the command again; if memory is short, with fewer workers.",
        }),
      );
      finished();
    }
    idle.resolve();
    next();
  }

  function unpackHere(): void {
    const task = takeLargest(waiting);
    if (task === undefined) return;
    running += 1;
    own = own.then(async () => {
      try {
        const { runUnpackJob } = await import("./unpack-job.ts");
        task.resolve(await runUnpackJob(task.job, store.home, store.root));
      } catch (error) {
        task.reject(error);
      }
      finished();
      next();
    });
  }

  function finished(): void {
    running -= 1;
    idle.resolve();
  }

  while (threads.size < Math.min(limit, options.expected ?? 0)) start();

  return {
    add(job) {
      return new Promise((resolve, reject) => {
        if (closing) {
          reject(new Failure("DXPY_CANCELLED", `${job.filename} was not unpacked: the work was given up`));
          return;
        }
        waiting.push({ job, size: sizeOf(job), resolve, reject });
        next();
      });
    },
    async close() {
      closing = true;
      for (const { job, reject } of waiting.splice(0)) {
        reject(new Failure("DXPY_CANCELLED", `${job.filename} was not unpacked: the work was given up`));
      }
      const wait = async (done: () => boolean) => {
        while (!done()) {
          idle = Promise.withResolvers<void>();
          await idle.promise;
        }
      };
      await wait(() => running === 0);
      for (const thread of threads) {
        // One that is still starting has nothing to put away.
        if (thread.starting) {
          threads.delete(thread);
          keep(thread.worker, false);
        } else {
          thread.worker.postMessage({ kind: "close" } satisfies ToWorker);
        }
      }
      await wait(() => threads.size === 0);
      await own;
    },
  };
}

/** In the executable, chunks lie elsewhere than their sources did: there the worker goes by its name from the root. */
function workerFile(): string {
  const compiled = /\$bunfs|~BUN/.test(import.meta.url);
  return compiled ? "./store/unpack-worker.js" : new URL("./unpack-worker.ts", import.meta.url).href;
}

function sizeOf({ bytes, pieces = [], file }: WheelJob): number {
  return bytes?.length ?? file?.size ?? pieces.reduce((sum, { length }) => sum + length, 0);
}

function takeLargest(waiting: Task[]): Task | undefined {
  let largest = 0;
  waiting.forEach((task, i) => {
    if (task.size > waiting[largest]!.size) largest = i;
  });
  return waiting.splice(largest, 1)[0];
}

/** A buffer that may be given to another thread: the bytes' own, when they are all of it. */
function ownBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
  return whole ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}

function toError(error: Extract<FromWorker, { kind: "failed" }>["error"]): Error {
  const { code, message, context, hint, exitCode } = error;
  if (code === undefined) return new Error(message);
  return new Failure(code, message, {
    ...(context === undefined ? {} : { context }),
    ...(hint === undefined ? {} : { hint }),
    ...(exitCode === undefined ? {} : { exitCode }),
  });
}
