import type { Experimental_BatchV4Error } from "@ai-sdk/provider";
import { messageOf } from "../core/errors.ts";
import type { SentBatch } from "./batch-journal.ts";

/** Tells an error of the network, or a server's, from a refusal. */
export function mayPass(error: unknown): boolean {
  const { statusCode, isRetryable } = (error ?? {}) as { statusCode?: unknown; isRetryable?: unknown };
  if (typeof statusCode === "number") return isPassingStatus(statusCode);
  if (isRetryable === true) return true;
  for (let at = error; at instanceof Error; at = at.cause)
    if (/^(?:E[A-Z]{3,}|UND_ERR_\w+)$/.test(String((at as { code?: unknown }).code))) return true;
  return false;
}

/** Tells if the provider may have taken what it did not answer: without a connection it has not. */
export function mayBeThere(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if (/^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/.test(String((at as { code?: unknown }).code))) return false;
  return true;
}

/** A package that cannot ask for a schema in a batch says so in its own words: say it as servers do. */
export function asRefusal(error: unknown): unknown {
  const { functionality } = (error ?? {}) as { functionality?: unknown };
  if (!String(functionality).includes("responseFormat")) return error;
  return new Error(`response_format is not supported: ${messageOf(error)}`, { cause: error });
}

export function unreadableBatch(error: unknown, { id }: SentBatch, path: string | undefined): unknown {
  const { statusCode } = (error ?? {}) as { statusCode?: unknown };
  if (id === undefined || statusCode === 401 || statusCode === 403) return error;
  const anew = path === undefined ? "" : ` To pay for its questions anew, delete ${path}.`;
  const message = `Batch ${id} cannot be read: ${messageOf(error)}. Its answers may be paid for: use the key of the account that sent it.${anew}`;
  return Object.assign(new Error(message, { cause: error }), { statusCode: 401 });
}

const passingStatuses: ReadonlySet<number> = new Set([408, 409, 425, 429]);

function isPassingStatus(status: number): boolean {
  return status >= 500 || passingStatuses.has(status);
}

/** Statuses of Anthropic's types: https://platform.claude.com/docs/en/api/errors. */
const statusOfType: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

/** Error of one request of a batch. */
export class BatchItemError extends Error {
  override readonly name = "BatchItemError";
  readonly statusCode: number;
  readonly data: unknown;
  /** The provider has not answered it, and does not bill it: it can go into the next batch. */
  readonly isUnanswered: boolean;

  /** @param word status of the request, or of its batch where that says nothing of the request */
  constructor(word: string, { message, type, code, statusCode }: Partial<Experimental_BatchV4Error> = {}) {
    super(message ?? `The batch has no answer to this request: ${word}`);
    const isCancelled = word === "cancelled" || word === "canceled";
    const isExpired = word === "expired";
    this.statusCode = statusCode ?? statusOfType[type ?? ""] ?? (isExpired || word === "completed" ? 504 : 400);
    this.data = { error: { message, type, code } };
    this.isUnanswered = !isCancelled && (isExpired || isPassingStatus(this.statusCode));
  }
}
