export interface RetryOptions {
  /** Tries in all, at least 1. Default 4. */
  attempts?: number;
  /** Milliseconds before the second try; doubled each time, less up to half at random. Default 200. */
  delay?: number;
  /** Which errors may pass by themselves; the rest is thrown at once. */
  retryable(error: unknown, attempt: number): boolean;
  sleep?(milliseconds: number): Promise<void>;
}

/** Runs `action` until it succeeds, fails for good, or has been tried often enough: then its last error is thrown. */
export async function retry<T>(action: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { attempts = 4, delay = 200, retryable, sleep = Bun.sleep } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await action(attempt);
    } catch (error) {
      if (attempt >= attempts || !retryable(error, attempt)) throw error;
      await sleep(delay * 2 ** (attempt - 1) * (1 - Math.random() / 2));
    }
  }
}
