/** What an error says of itself, whoever made it: read by structure, so that no SDK has to be imported. */
export interface ErrorFacts {
  readonly error: object;
  readonly name: string;
  readonly message: string;
  /** An HTTP status. */
  readonly status: number | undefined;
  /** Machine-readable codes, of the error itself first, then of the response's body. */
  readonly codes: readonly string[];
  /** Where someone said so explicitly. */
  readonly isRetryable: boolean | undefined;
}

/** How far a chain of causes is followed. */
const deepestCause = 8;
/** Bodies of error responses are read up to this length. */
const longestBody = 100_000;
const longestMessage = 2_000;

/** The facts of an error and of its causes, outermost first. */
export function* factsOfChain(error: unknown): Generator<ErrorFacts> {
  let current = error;
  for (let depth = 0; depth < deepestCause && isObject(current); depth++) {
    yield factsOf(current);
    current = current["cause"] ?? current["lastError"] ?? firstOf(current["errors"]);
  }
}

function factsOf(error: Fields): ErrorFacts {
  const name = stringIn(error, "name") ?? "";
  const status = statusOf(error);
  return {
    error,
    name,
    message: (stringIn(error, "message") ?? "").slice(0, longestMessage),
    status,
    codes: codesOf(error),
    isRetryable: flagOf(error, name, status),
  };
}

/** The AI SDK sets the flag of its own accord, from the status alone; that is nobody's explicit word. */
function flagOf(error: Fields, name: string, status = 0): boolean | undefined {
  const flag = error["isRetryable"];
  if (typeof flag !== "boolean") return undefined;
  const isDerived =
    name === "AI_APICallError" && flag === (status === 408 || status === 409 || status === 429 || status >= 500);
  return isDerived ? undefined : flag;
}

function statusOf(error: Fields): number | undefined {
  const response = fieldsIn(error, "response");
  const candidates = [
    error["statusCode"],
    error["status"],
    response?.["status"],
    response?.["statusCode"],
    fieldsIn(error, "$metadata")?.["httpStatusCode"],
  ];
  return candidates.find((value): value is number => typeof value === "number" && value >= 100 && value < 600);
}

function codesOf(error: Fields): string[] {
  const body = bodyOf(error);
  const inner = (body && fieldsIn(body, "error")) ?? fieldsIn(error, "error");
  return [error, inner, body].flatMap((fields) =>
    fields ? ["code", "type", "status"].flatMap((key) => stringIn(fields, key) ?? []) : [],
  );
}

/** The body of the response that an error stands for, as far as it is JSON. */
function bodyOf(error: object): Fields | undefined {
  const fields = error as Fields;
  const text = fields["responseBody"];
  if (typeof text !== "string" || text.length > longestBody || !text.startsWith("{")) return fieldsIn(fields, "data");
  try {
    return JSON.parse(text) as Fields;
  } catch {
    return undefined;
  }
}

/** A header of the response that an error stands for. */
function headerOf(error: object, name: string): string | undefined {
  const fields = error as Fields;
  const headers = fieldsIn(fields, "responseHeaders") ?? fieldsIn(fields, "headers") ?? responseHeaders(fields);
  if (!headers) return undefined;
  for (const [key, value] of entriesOf(headers))
    if (typeof key === "string" && key.toLowerCase() === name) return textOf(value);
  return typeof headers["get"] === "function" ? textOf((headers as unknown as Headers).get(name)) : undefined;
}

/** Of `Headers`, a map, an object, a list of pairs, or one of names and values in turn. */
function* entriesOf(headers: Fields): Generator<readonly [unknown, unknown]> {
  if (typeof (headers as { [Symbol.iterator]?: unknown })[Symbol.iterator] !== "function")
    return yield* Object.entries(headers);
  const items = [...(headers as unknown as Iterable<unknown>)];
  for (let index = 0; index < items.length; index++) {
    const item = items[index];
    yield Array.isArray(item) ? [item[0], item[1]] : [item, items[++index]];
  }
}

/** A header may have several values: the first one counts. */
function textOf(value: unknown): string | undefined {
  const first = Array.isArray(value) ? value[0] : value;
  return typeof first === "string" || typeof first === "number" ? String(first) : undefined;
}

function responseHeaders(error: Fields): Fields | undefined {
  const response = fieldsIn(error, "response");
  return response && fieldsIn(response, "headers");
}

type Fields = Record<string, unknown>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

function fieldsIn(fields: Fields, key: string): Fields | undefined {
  const value = fields[key];
  return isObject(value) ? value : undefined;
}

function stringIn(fields: Fields, key: string): string | undefined {
  const value = fields[key];
  return typeof value === "string" ? value : undefined;
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : undefined;
}

/**
 * How long a provider asks not to be called: `retry-after-ms`, `Retry-After` in seconds or as an HTTP date (RFC 9110,
 * 10.2.3), or what an error says itself as `retryAfterMs`.
 *
 * @param provider whose habits apply: Google says it in the body, as `RetryInfo`
 * @param nowMs the time that an HTTP date is compared with, where the response has no date of its own
 */
export function retryAfterMs(error: object, provider: string | undefined, nowMs: number): number | undefined {
  return (
    duration((error as { retryAfterMs?: unknown }).retryAfterMs) ??
    duration(Number.parseFloat(headerOf(error, "retry-after-ms") ?? "")) ??
    ofHeader(error, nowMs) ??
    (provider?.startsWith("google") ? ofRetryInfo(error) : undefined)
  );
}

function ofHeader(error: object, nowMs: number): number | undefined {
  const value = headerOf(error, "retry-after");
  if (value === undefined) return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(value)) return duration(Number(value) * 1000);
  if (!/[a-z]/i.test(value)) return undefined;
  const sentAtMs = Date.parse(headerOf(error, "date") ?? "");
  const waitMs = Date.parse(value) - (Number.isNaN(sentAtMs) ? nowMs : sentAtMs);
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}

/** `google.rpc.RetryInfo`: `{ error: { details: [{ retryDelay: "34.5s" }] } }`. */
function ofRetryInfo(error: object): number | undefined {
  const details = (bodyOf(error) as { error?: { details?: unknown } } | undefined)?.error?.details;
  if (!Array.isArray(details)) return undefined;
  const info = details.find((detail) => typeof detail?.retryDelay === "string");
  return info && duration(Number.parseFloat(info.retryDelay) * 1000);
}

function duration(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY ? value : undefined;
}
