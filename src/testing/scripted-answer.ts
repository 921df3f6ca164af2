/** What a scripted model does when it is asked. */
export type ScriptedAnswer =
  | { object: unknown; usage?: ScriptedUsage | undefined }
  | { text: string; usage?: ScriptedUsage | undefined }
  /** Fails with this error. */
  | { error: unknown }
  /** Fails with this HTTP status, and with the header `retry-after-ms` where that is given. */
  | { status: number; retryAfterMs?: number | undefined }
  /** Never answers; fails with the reason of the abort once it is aborted. */
  | { hang: true };

/** Tokens of one answer. Left out, the model withholds them, as some providers do. */
export interface ScriptedUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** A failed HTTP call, in the fields that AI SDK providers give their errors. */
export class HttpFailure extends Error {
  /** The HTTP status. */
  readonly statusCode: number;
  /** What providers say of that status. */
  readonly isRetryable: boolean;
  /** Holds `retry-after-ms` where a pause was asked for. */
  readonly responseHeaders: Readonly<Record<string, string>>;

  constructor(statusCode: number, retryAfterMs?: number) {
    super(`HTTP ${statusCode}${retryAfterMs === undefined ? "" : `, retry after ${retryAfterMs} ms`}`);
    this.name = "HttpFailure";
    this.statusCode = statusCode;
    this.isRetryable = statusCode === 408 || statusCode === 409 || statusCode === 429 || statusCode >= 500;
    this.responseHeaders = retryAfterMs === undefined ? {} : { "retry-after-ms": String(retryAfterMs) };
  }
}
