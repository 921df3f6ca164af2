import { HttpFailure } from "./scripted-answer.ts";

/** How a provider can fail by an error: the names of the categories by which errors are classified. */
const errorsByKind = {
  rate_limit: (share: number) => new HttpFailure(429, Math.round(share * 5_000)),
  quota_exhausted: () => new HttpFailure(402),
  overloaded: () => new HttpFailure(529),
  server_error: (share: number) => new HttpFailure(share < 0.5 ? 500 : 503),
  timeout: () => new HttpFailure(504),
  network: (share: number) => connectionError(share < 0.5 ? "ECONNRESET" : "UND_ERR_SOCKET"),
  invalid_request: () => new HttpFailure(400),
  context_length: () => withCode(new HttpFailure(400), "context_length_exceeded"),
  content_filter: () => withCode(new HttpFailure(400), "content_filter"),
  authentication: () => new HttpFailure(401),
};

export type FaultKind =
  | keyof typeof errorsByKind
  /** Never answers, until it is aborted. */
  | "hang"
  /** Answers with a text that means nothing. */
  | "garbage"
  /** Loses the connection half-way through the answer. */
  | "cut"
  /** Answers long after it should have, whether or not it was aborted meanwhile. */
  | "late";

export const faultKinds: readonly FaultKind[] = [
  ...(Object.keys(errorsByKind) as (keyof typeof errorsByKind)[]),
  "hang",
  "garbage",
  "cut",
  "late",
];

/**
 * The error of a kind of fault; `undefined` for a kind that is none.
 *
 * @param share from 0 to 1: which of its forms
 */
export function errorOf(kind: FaultKind, share: number): Error | undefined {
  return kind in errorsByKind ? errorsByKind[kind as keyof typeof errorsByKind](share) : undefined;
}

export function connectionError(code: string): Error {
  return withCode(new Error(`The connection was lost (${code})`), code);
}

function withCode(error: Error, code: string): Error {
  return Object.assign(error, { code });
}
