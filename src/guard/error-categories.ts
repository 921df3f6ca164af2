/** What kind of thing went wrong. */
export type ErrorCategory =
  | "rate_limit"
  | "quota_exhausted"
  | "overloaded"
  | "server_error"
  | "timeout"
  | "network"
  | "invalid_request"
  | "context_length"
  | "content_filter"
  | "authentication"
  | "invalid_output"
  | "cancelled"
  | "budget"
  | "circuit_open"
  | "unknown";

/** Names of the platform's and the AI SDK's errors. */
export const categoryOfName: Readonly<Record<string, ErrorCategory>> = {
  AbortError: "cancelled",
  TimeoutError: "timeout",
  AI_LoadAPIKeyError: "authentication",
  AI_NoSuchModelError: "authentication",
  AI_InvalidPromptError: "invalid_request",
  AI_InvalidArgumentError: "invalid_request",
  AI_UnsupportedFunctionalityError: "invalid_request",
  AI_NoObjectGeneratedError: "invalid_output",
  AI_NoContentGeneratedError: "server_error",
  AI_EmptyResponseBodyError: "server_error",
  AI_InvalidResponseDataError: "server_error",
};

/** Codes of Node, undici and the providers' error bodies; they say more than the HTTP status. */
export const categoryOfCode: Readonly<Record<string, ErrorCategory>> = {
  ...all("network", ["ECONNRESET", "ECONNREFUSED", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "EAI_AGAIN", "ENOTFOUND"]),
  ...all("network", ["EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ENETDOWN", "ERR_STREAM_PREMATURE_CLOSE"]),
  ...all("cancelled", ["ABORT_ERR", "UND_ERR_ABORTED", "UND_ERR_ABORT"]),
  ...all("quota_exhausted", ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"]),
  ...all("quota_exhausted", ["billing_error", "insufficient_balance", "credit_balance_too_low"]),
  ...all("rate_limit", ["rate_limit_error", "rate_limit_exceeded", "ThrottlingException"]),
  ...all("overloaded", ["overloaded_error", "engine_overloaded", "model_overloaded"]),
  ...all("server_error", ["api_error", "server_error", "internal_server_error", "InternalServerException"]),
  ...all("timeout", ["timeout_error", "DEADLINE_EXCEEDED"]),
  ...all("context_length", ["context_length_exceeded", "request_too_large", "string_above_max_length"]),
  ...all("content_filter", ["content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"]),
  ...all("authentication", [
    "authentication_error",
    "permission_error",
    "invalid_api_key",
    "model_not_found",
    "not_found_error",
  ]),
};

/** What undici says of its own use: no network is to blame, and no other attempt could do better. */
const misuseOfUndici: ReadonlySet<string> = new Set([
  "UND_ERR_INVALID_ARG",
  "UND_ERR_INVALID_RETURN_VALUE",
  "UND_ERR_NOT_SUPPORTED",
  "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_BPL_MISSING_UPSTREAM",
  "UND_ERR_MAX_ORIGINS_REACHED",
]);

/** Whether a code is one of undici's or of Node's HTTP parser for an exchange that failed, of which each version has more. */
export function isOfHttpExchange(code: string): boolean {
  return /^(UND_ERR|HPE)_/.test(code) && !misuseOfUndici.has(code);
}

/** Providers that have no code for it say it in words, under a status that means "your request is wrong". */
export const categoryOfMessage: readonly (readonly [RegExp, ErrorCategory])[] = [
  [/credit balance is too low|exceeded your current quota/i, "quota_exhausted"],
  [/context (length|window)|(prompt|input|request) is too (long|large)|too many (input )?tokens/i, "context_length"],
  [/content (management )?policy|content filter/i, "content_filter"],
  [/api key not valid|invalid api key|incorrect api key/i, "authentication"],
  [/\bmodels?\b.*(not found|does not exist|not supported)/i, "authentication"],
];

function all(category: ErrorCategory, codes: readonly string[]): Record<string, ErrorCategory> {
  return Object.fromEntries(codes.map((code) => [code, category]));
}
