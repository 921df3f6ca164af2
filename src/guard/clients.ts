import type { ErrorCategory } from "../contract/error-category.ts";
import type { ErrorFacts } from "./error-facts.ts";

/** Dialects of clients: names, codes and words of Node, undici, node:http2, axios, gRPC, Bun, the AI SDK and vendors' packages. */

/** Returns the category that a client's own name or code for a failure states, whatever a server said. */
export function categoryOfClient(facts: ErrorFacts): ErrorCategory | undefined {
  const { names, codes } = facts;
  for (const name of names) if (Object.hasOwn(categoryOfName, name)) return categoryOfName[name];
  // Axios has one code for its own timer and for a connection that the other side gave up.
  if (codes.includes("ECONNABORTED") && saysTimeout(facts)) return "timeout";
  for (const code of codes) if (isClientCode(code)) return categoryOfClientCode[code];
  return undefined;
}

export function isClientCode(code: string): boolean {
  return Object.hasOwn(categoryOfClientCode, code);
}

/** Names of errors of the platform, the AI SDK and other clients. */
const categoryOfName: Readonly<Record<string, ErrorCategory>> = {
  ...all("cancelled", ["AbortError", "APIUserAbortError", "CanceledError"]),
  ...all("timeout", ["TimeoutError", "APIConnectionTimeoutError", "APITimeoutError"]),
  ContentFilterFinishReasonError: "content_filter",
  AI_LoadAPIKeyError: "authentication",
  ...all("authentication", ["CredentialsProviderError", "TokenProviderError"]),
  AI_NoSuchModelError: "authentication",
  AI_InvalidPromptError: "invalid_request",
  AI_InvalidArgumentError: "invalid_request",
  AI_UnsupportedFunctionalityError: "invalid_request",
  AI_NoObjectGeneratedError: "invalid_output",
  AI_NoContentGeneratedError: "server_error",
  AI_EmptyResponseBodyError: "server_error",
  AI_InvalidResponseDataError: "server_error",
};

/** Codes of clients for exchanges that failed: Node, node:http2, axios, Bun, gRPC, and this package's own. */
const categoryOfClientCode: Readonly<Record<string, ErrorCategory>> = {
  ...all("network", ["ECONNRESET", "ECONNREFUSED", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "EAI_AGAIN", "ENOTFOUND"]),
  ...all("network", ["EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ENETDOWN", "ESOCKETTIMEDOUT", "ENETRESET"]),
  // Of the resolver that asks name servers itself, and of a machine out of ports.
  ...all("network", ["ESERVFAIL", "ETIMEOUT", "EBADRESP", "EADDRNOTAVAIL"]),
  ...all("network", [
    "ERR_STREAM_PREMATURE_CLOSE",
    "ERR_NETWORK",
    "ERR_SOCKET_CLOSED",
    "ERR_SOCKET_CONNECTION_TIMEOUT",
    // A compressed body that ends too early, or is none.
    "Z_BUF_ERROR",
    "Z_DATA_ERROR",
  ]),
  ...all("network", ["ConnectionRefused", "ConnectionClosed", "ConnectionReset", "FailedToOpenSocket"]),
  // No server is to blame for a word that no table knows.
  ...all("unknown", ["UNKNOWN_FINISH_REASON", "PAUSED_ANSWER"]),
  ...all("cancelled", ["ABORT_ERR", "UND_ERR_ABORTED", "UND_ERR_ABORT", "ERR_CANCELED", "CANCELLED"]),
};

/** Codes of undici for its own use: no network is to blame, and another attempt does no better. */
const misuseOfUndici: ReadonlySet<string> = new Set([
  "UND_ERR_INVALID_ARG",
  "UND_ERR_INVALID_RETURN_VALUE",
  "UND_ERR_NOT_SUPPORTED",
  "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_BPL_MISSING_UPSTREAM",
  "UND_ERR_MAX_ORIGINS_REACHED",
]);

/** Tells a code of undici, node:http2, Node's HTTP parser or its decoders for an exchange that failed: each version has more. */
export function isOfHttpExchange(code: string): boolean {
  // Brotli's decoder names its codes so: ERR__ERROR_FORMAT_PADDING_1.
  if (/^(ERR__ERROR_FORMAT|ERR_BROTLI_|ZSTD_error_)/.test(code)) return true;
  const isOfHttp2 = /^ERR_HTTP2_(GOAWAY|SESSION|STREAM|INVALID_SESSION|PING_CANCEL|ERROR$)/.test(code);
  return isOfHttp2 || (/^(UND_ERR|HPE)_/.test(code) && !misuseOfUndici.has(code));
}

export function isOfAiSdk(names: readonly string[]): boolean {
  return names.some((name) => name.startsWith("AI_"));
}

export function isUnreadable(names: readonly string[]): boolean {
  return names.includes("AI_JSONParseError") || names.includes("AI_TypeValidationError");
}

/** Words of fetch, which throws a bare TypeError, in Node, browsers, Deno and workers; packages put words of their own around them. */
const wordsOfFetch =
  /^(?:exception )?(?:\w*Error: )?(fetch failed|failed to fetch|load failed|network ?error.{0,40}|terminated|error sending request.{0,200}|error reading a body from connection|network request failed|the network connection was lost\.?)(?: sending request)?$/i;
const wordsOfNetwork =
  /socket hang up|socket (\w+ ){0,3}(closed|disconnected)|connection (error|reset|refused|closed|lost|terminated|dropped|timed out|was closed)|(other side|stream) closed|premature(ly)? clos|network error|unable to connect|\be(connreset|connrefused|connaborted|timedout|ai_again|notfound)\b|goaway/i;
const wordsOfTimeout =
  /\btimed[ -]?out\b|\btime-?out (of|after|exceeded|error|expired|reached)|\b(request|operation|connection|response|read|gateway|idle|connect|socket|upstream) time-?out\b|deadline exceeded|^timeout\.?$|(请求|连接|响应)超时|タイムアウト/i;

/** Words of a client that was aborted, where its class is lost: of openai, node-fetch, undici, fetch. */
const wordsOfAbort =
  /^(?:exception )?(AbortError: )?(the |this )?((user|client) aborted (a|the) request|(request|operation) (was )?aborted)\.?(?: sending request)?$/i;

/** Tells a message that leaves it to the cause to say what went wrong. */
export function isBareOfFetch(message: string): boolean {
  return wordsOfFetch.test(message) || /^(connection error|failed to process successful response)\.?$/i.test(message);
}

/** Decides about an error that has words alone, as a wrapper or a worker leaves it. */
export function categoryOfBareWords({ names, message }: ErrorFacts): ErrorCategory | undefined {
  if (wordsOfFetch.test(message) || names.includes("APIConnectionError")) return "network";
  if (isProgrammingError(names)) return undefined;
  if (wordsOfAbort.test(message)) return "cancelled";
  if (wordsOfTimeout.test(message)) return "timeout";
  return wordsOfNetwork.test(message) ? "network" : undefined;
}

export function saysTimeout({ message }: ErrorFacts): boolean {
  return wordsOfTimeout.test(message);
}

/** Errors of the program: their words are about its own values. */
export function isProgrammingError(names: readonly string[]): boolean {
  return names.some((name) => /^(Type|Range|Reference|Syntax|Eval|URI|Assertion)Error$/.test(name));
}

function all(category: ErrorCategory, codes: readonly string[]): Record<string, ErrorCategory> {
  return Object.fromEntries(codes.map((code) => [code, category]));
}
