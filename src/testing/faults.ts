import { HttpFailure } from "./scripted-answer.ts";

/** Faults that are errors, under the names of the categories by which errors are classified. */
export type ErrorFaultKind =
  | "rate_limit"
  | "quota_exhausted"
  | "overloaded"
  | "server_error"
  | "timeout"
  | "network"
  | "invalid_request"
  | "context_length"
  | "content_filter"
  | "authentication";

/** What can go wrong with a call. */
export type FaultKind =
  | ErrorFaultKind
  /** Never answers, until it is aborted. */
  | "hang"
  /** Answers with a text that means nothing. */
  | "garbage"
  /** Loses the connection half-way through the answer. */
  | "cut"
  /** Answers long after it should have, whether or not it was aborted meanwhile. */
  | "late";

/** @param share from 0 to 1: which form of the error */
const errorsByKind: Record<ErrorFaultKind, (share: number) => Error> = {
  rate_limit: (share) => new HttpFailure(429, Math.round(share * 5_000)),
  quota_exhausted: () => new HttpFailure(402),
  overloaded: () => new HttpFailure(529),
  server_error: (share) => new HttpFailure(share < 0.5 ? 500 : 503),
  timeout: () => new HttpFailure(504),
  network: (share) => connectionError(share < 0.5 ? "ECONNRESET" : "UND_ERR_SOCKET"),
  invalid_request: () => new HttpFailure(400),
  context_length: () => withCode(new HttpFailure(400), "context_length_exceeded"),
  content_filter: () => withCode(new HttpFailure(400), "content_filter"),
  authentication: () => new HttpFailure(401),
};

/** Every kind of fault. */
export const faultKinds: readonly FaultKind[] = [
  ...(Object.keys(errorsByKind) as ErrorFaultKind[]),
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
  return kind in errorsByKind ? errorsByKind[kind as ErrorFaultKind](share) : undefined;
}

export function connectionError(code: string): Error {
  return withCode(new Error(`The connection was lost (${code})`), code);
}

function withCode(error: Error, code: string): Error {
  return Object.assign(error, { code });
}
