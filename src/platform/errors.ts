/** Where a failure happened: as much as is known, never a credential. */
export interface FailureContext {
  path?: string;
  /** 1-based. */
  line?: number;
  /** 1-based, in code points. */
  column?: number;
  package?: string;
  index?: string;
  url?: string;
  file?: string;
  /** Lines shown under the message as they are: the quoted input with a caret, the tail of a log. */
  detail?: string;
}

export interface FailureOptions {
  context?: FailureContext;
  /** One sentence: what the person can do next. */
  hint?: string;
  cause?: unknown;
  /** 1: the request failed; 2: wrong usage or input. Default 1. */
  exitCode?: 1 | 2;
}

/**
 * The one error that people see: a stable code (`DXPY_…`), what happened, where, the cause, one hint.
 * Everything else that is thrown is a defect of dx-py.
 */
export class Failure extends Error {
  readonly code: `DXPY_${string}`;
  readonly context: FailureContext;
  readonly hint: string | undefined;
  readonly exitCode: 1 | 2;

  /**
   * The executable has this file in more than one chunk (scripts/build.ts): a failure is one whichever copy made it. What extends
   * the class is recognised as usual.
   */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: it is the class on the right of `instanceof`
    const asked = this as unknown;
    if (asked !== Failure) return Function.prototype[Symbol.hasInstance].call(asked, value);
    return value instanceof Error && /^DXPY_/.test(String((value as { code?: unknown }).code));
  }

  constructor(code: `DXPY_${string}`, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Failure";
    this.code = code;
    this.context = options.context ?? {};
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
  }
}
