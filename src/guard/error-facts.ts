/** Facts that an error states, read by structure: no client package is imported. */
export interface ErrorFacts {
  readonly error: object;
  /** The error's `name`, and the name of its class, the only sign that some packages give. */
  readonly names: readonly string[];
  /** HTTP status: of the response, else one that the body or the message states. */
  readonly status: number | undefined;
  /** Machine-readable codes as they came: of the error, then of the response's body. */
  readonly codes: readonly string[];
  /** The error's own sentence. */
  readonly message: string;
  /** Sentences of the response's body. */
  readonly words: readonly string[];
  /** An explicit `isRetryable`. */
  readonly isRetryable: boolean | undefined;
}

const deepestCause = 8;

/** Yields the facts of an error and of its causes, outermost first. */
export function* factsOfChain(error: unknown): Generator<ErrorFacts> {
  for (const link of chainOf(error)) yield factsOf(link);
}

/** Yields an error and its causes, outermost first. */
function* chainOf(error: unknown): Generator<Fields> {
  let current = error;
  for (let depth = 0; depth < deepestCause && isObject(current); depth++) {
    yield current;
    current = current["cause"] ?? current["lastError"] ?? firstOf(current["errors"]);
  }
}

function factsOf(error: Fields): ErrorFacts {
  const names = [error["name"], className(error)].filter((name) => typeof name === "string");
  const message = textIn(error, "message") ?? "";
  const body = bodyOf(error);
  const responseStatus = statusOf(error);
  const status =
    responseStatus !== undefined && responseStatus >= 400
      ? responseStatus
      : (body.status ?? statusIn(error["code"]) ?? statusInWords(message) ?? responseStatus);
  return {
    error,
    names,
    status,
    codes: [...ownCodes(error, message), ...body.codes],
    message: withoutJson(message),
    words: [...new Set([textIn(error, "details") ?? "", ...body.words])].filter((text) => text !== ""),
    isRetryable: flagOf(error, names, responseStatus),
  };
}

function className(error: Fields): unknown {
  const { constructor: made } = error;
  return typeof made === "function" ? made.name : undefined;
}

/** The AI SDK derives its flag from the status alone: that is not an explicit word. */
function flagOf(error: Fields, names: readonly string[], status = 0): boolean | undefined {
  const flag = error["isRetryable"];
  if (typeof flag !== "boolean") return undefined;
  const isDerived =
    names.includes("AI_APICallError") && flag === (status === 408 || status === 409 || status === 429 || status >= 500);
  return isDerived ? undefined : flag;
}

function statusOf(error: Fields): number | undefined {
  const response = fieldsIn(error, "response");
  const candidates = [
    error["statusCode"],
    error["status"],
    error["status_code"],
    response?.["status"],
    response?.["statusCode"],
    fieldsIn(error, "$metadata")?.["httpStatusCode"],
    fieldsIn(error, "$response")?.["statusCode"],
  ];
  return candidates.find((value): value is number => typeof value === "number" && value >= 100 && value < 600);
}

/** Returns a code that is an HTTP status of a failure, as a number or as its digits. */
function statusIn(code: unknown): number | undefined {
  const status = typeof code === "string" && /^\d{3}$/.test(code) ? Number(code) : code;
  return typeof status === "number" && Number.isInteger(status) && status >= 400 && status < 600 ? status : undefined;
}

/** Ways in which clients write a status into a message: "status code 429", "HTTP 503", "Error code: 400", "<400> …". */
const statusWritten =
  /\b(?:status(?: code)?|error code|http(?: error)?)[ :=]{1,2}([45]\d\d)\b|^<([45]\d\d)>|^([45]\d\d) (?:status code|[{[])/i;

function statusInWords(message: string): number | undefined {
  const found = statusWritten.exec(message);
  return found ? Number(found[1] ?? found[2] ?? found[3]) : undefined;
}

const codeKeys = ["code", "type", "status", "__type", "reason", "error_code", "errorCode", "quotaId"] as const;

function ownCodes(error: Fields, message: string): string[] {
  const codes = codeKeys.flatMap((key) => textIn(error, key) ?? []);
  const grpc = grpcCode(error, message);
  if (grpc !== undefined) codes.unshift(grpc);
  // Packages of AWS name an exception by its class.
  const { name } = error;
  if (("$fault" in error || "$metadata" in error) && typeof name === "string" && name !== "Error") codes.unshift(name);
  return codes;
}

/** Status codes of gRPC by their number, which is all that some of its clients put into `code`. */
const grpcCodes = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

function grpcCode(error: Fields, message: string): string | undefined {
  const { code } = error;
  if (typeof code !== "number") return undefined;
  const name = grpcCodes[code];
  const isOfGrpc = "details" in error || "metadata" in error || message.startsWith(`${code} ${name}`);
  return isOfGrpc ? name : undefined;
}

/** Facts that the body of a response states, at any depth. */
interface BodyFacts {
  status: number | undefined;
  readonly codes: string[];
  readonly words: string[];
}

/** Places where clients keep the body of a response: parsed, or as text. */
const bodyKeys = ["error", "data", "body", "responseBody", "detail", "errorDetails"] as const;

/** Names of errors that carry what came instead of an answer as `value`. */
const unreadable = "AI_TypeValidationError";

function bodyOf(error: Fields): BodyFacts {
  const facts: BodyFacts = { status: undefined, codes: [], words: [] };
  const response = fieldsIn(error, "response");
  const bodies = [...bodyKeys.map((key) => error[key]), response?.["data"], response?.["body"]];
  if (error["name"] === unreadable) bodies.push(error["value"]);
  // Reading ends after so many values: a body may be anything.
  const walk = { facts, left: 300 };
  for (const body of bodies) readBody(body, walk);
  readBody(jsonIn(textIn(error, "message") ?? ""), walk);
  return facts;
}

interface Walk {
  readonly facts: BodyFacts;
  left: number;
}

/** Keys of a body are compared in lower case: AWS, Tencent and Volcengine write `Message` and `Code`. */
const wordKeys: ReadonlySet<string> = new Set([
  "message",
  "msg",
  "error",
  "errors",
  "detail",
  "details",
  "description",
  "reason",
  "title",
  "raw",
  "error_message",
  "error_msg",
  "errormessage",
  "error_description",
  "status_msg",
  "faultstring",
]);
const statusKeys: ReadonlySet<string> = new Set(["code", "status", "status_code", "statuscode", "error_code"]);
const bodyCodeKeys: ReadonlySet<string> = new Set([...codeKeys, "errorcode"].map((key) => key.toLowerCase()));

/** Keys under which a body repeats the request, whose words say nothing about the failure. */
const echoKeys: ReadonlySet<string> = new Set(["input", "request", "prompt", "messages", "headers", "config"]);
const deepestBody = 10;
const longestWords = 2_000;

function readBody(value: unknown, walk: Walk, key = "error", depth = 0): void {
  if (depth > deepestBody || walk.left-- <= 0) return;
  if (typeof value === "string") readText(value, walk, key, depth);
  if (Array.isArray(value)) {
    // FastAPI and Zod name a field by its path.
    if (key === "loc" || key === "path") walk.facts.words.push(value.join("."));
    else for (const item of value) readBody(item, walk, key, depth + 1);
    return;
  }
  if (statusKeys.has(key)) walk.facts.status ??= statusIn(value);
  if (typeof value === "number" && bodyCodeKeys.has(key)) walk.facts.codes.push(String(value));
  if (!isPlain(value)) return;
  for (const [name, inner] of Object.entries(value)) {
    if (echoKeys.has(name)) continue;
    if (key === "errors" && isTexts(inner))
      walk.facts.words.push(`${name}: ${[inner].flat().join(" ")}`.slice(0, longestWords));
    // OData has its sentence as `message: { lang, value }`.
    else readBody(inner, walk, key === "message" && name === "value" ? key : name.toLowerCase(), depth + 1);
  }
}

/** .NET and others tell faults by the field that they are of: `errors: { top_p: ["…"] }`. */
function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** Words that end an answer, in the body of a refusal: Databricks says `input_guardrail_triggered` there. */
const endingKeys: ReadonlySet<string> = new Set(["finishreason", "finish_reason"]);

function readText(text: string, walk: Walk, key: string, depth: number): void {
  const { codes, words } = walk.facts;
  if (endingKeys.has(key) && /guardrail|filter|safety/i.test(text)) codes.push(text.slice(0, 200));
  if (statusKeys.has(key)) walk.facts.status ??= statusIn(text);
  if (bodyCodeKeys.has(key) && text.length <= 200) codes.push(text);
  // A gateway hands the body of the server behind it on as text, under a key of its own.
  const inner = wordKeys.has(key) || text.startsWith("{") ? jsonIn(text) : undefined;
  if (inner !== undefined) readBody(inner, walk, key, depth + 1);
  else if (wordKeys.has(key)) words.push(withoutMarkup(text).slice(0, longestWords));
}

/** Bodies of error responses are read up to this length. */
const longestBody = 100_000;

const startOfJson = /\{|\[\s*\{/;

/** Returns the JSON that a text is, or ends with, as in `400 {"error": …}`; `undefined` where there is none. */
function jsonIn(text: string): object | undefined {
  const start = text.search(startOfJson);
  if (start < 0 || start > 200 || text.length > longestBody || !/[}\]]\s*$/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text.slice(start));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function withoutJson(message: string): string {
  return jsonIn(message) ? message.slice(0, message.search(startOfJson)).trim() : message;
}

/** Returns the words of a page that a proxy sent in place of an answer. */
const longestPage = 8_000;

function withoutMarkup(text: string): string {
  if (!/<\/?[a-z!][^>]*>/i.test(text)) return text.trim();
  return text
    .slice(0, longestPage)
    .replace(/<(style|script)\b[\s\S]*?<\/\1>/gi, " ")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}

/** Yields every object in the bodies of a response, outermost first: for fields that only one vendor has. */
export function* objectsIn(error: object): Generator<Fields> {
  const fields = error as Fields;
  const response = fieldsIn(fields, "response");
  const found = [...bodyKeys.map((key) => fields[key]), response?.["data"], jsonIn(textIn(fields, "message") ?? "")];
  const queue = found;
  for (let seen = 0; queue.length > 0 && seen < 300; seen++) {
    const item = queue.shift();
    const next = typeof item === "string" ? jsonIn(item) : item;
    if (Array.isArray(next)) queue.push(...next);
    else if (isPlain(next)) {
      yield next;
      for (const [name, inner] of Object.entries(next)) if (!echoKeys.has(name)) queue.push(inner);
    }
  }
}

/** Returns a header of the response that an error stands for. */
export function headerOf(error: object, name: string): string | undefined {
  const headers = headersOf(error);
  if (!headers) return undefined;
  for (const [key, value] of entriesOf(headers))
    if (typeof key === "string" && key.toLowerCase() === name) return headerText(value);
  return typeof headers["get"] === "function" ? headerText((headers as unknown as Headers).get(name)) : undefined;
}

/** Yields the names, in lower case, and values of the headers of the response that an error stands for. */
export function* headersIn(error: object): Generator<readonly [string, string]> {
  const headers = headersOf(error);
  if (!headers) return;
  for (const [key, value] of entriesOf(headers)) {
    const text = headerText(value);
    if (typeof key === "string" && text !== undefined) yield [key.toLowerCase(), text];
  }
}

function headersOf(error: object): Fields | undefined {
  const fields = error as Fields;
  const response = fieldsIn(fields, "response") ?? fieldsIn(fields, "$response");
  return (
    fieldsIn(fields, "responseHeaders") ?? fieldsIn(fields, "headers") ?? (response && fieldsIn(response, "headers"))
  );
}

/** Entries of `Headers`, a map, an object, a list of pairs, or one of names and values in turn. */
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
function headerText(value: unknown): string | undefined {
  const first = Array.isArray(value) ? value[0] : value;
  return typeof first === "string" || typeof first === "number" ? String(first) : undefined;
}

type Fields = Record<string, unknown>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

function isPlain(value: unknown): value is Fields {
  if (!isObject(value) || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function fieldsIn(fields: Fields, key: string): Fields | undefined {
  const value = fields[key];
  return isObject(value) ? value : undefined;
}

function textIn(fields: Fields, key: string): string | undefined {
  const value = fields[key];
  return typeof value === "string" ? value.slice(0, longestBody) : undefined;
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : undefined;
}
