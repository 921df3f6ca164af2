import { messageOf, showValue } from "../core/errors.ts";
import { type Fields, fieldsOf } from "./wire.ts";

/** A model as an error names it. */
interface NamedModel {
  readonly provider: string;
  readonly modelId: string;
}

/** Facts of a failed answer, in the fields in which clients' errors have them. */
interface AnswerFacts {
  readonly code?: string | undefined;
  /** HTTP status that the failure stands for, as the response itself had another one. */
  readonly statusCode?: number | undefined;
  readonly isRetryable?: boolean | undefined;
  /** Words of the server, as text. */
  readonly responseBody?: string | undefined;
  readonly responseHeaders?: unknown;
  readonly cause?: unknown;
}

/** Longest piece of a server's answer that an error keeps. */
const longestBody = 8_000;

/** A provider's answer that cannot be used, though its HTTP status was 200. */
export class AnswerError extends Error {
  override readonly name: string = "AnswerError";

  constructor(message: string, { cause, ...facts }: AnswerFacts) {
    super(message, cause === undefined ? undefined : { cause });
    for (const [name, fact] of Object.entries(facts)) if (fact !== undefined) Object.assign(this, { [name]: fact });
  }
}

/** The error that a server put into a whole answer, or into its stream. */
export function errorInAnswer(error: unknown, place: "answer" | "stream", headers?: unknown): AnswerError {
  const told = errorFields(error);
  const message = messageIn(error);
  const statusCode = statusOf(told, message);
  return new AnswerError(`The provider ended the ${place} with an error: ${message}`, {
    code: codeOf(told),
    statusCode,
    isRetryable: typeof told["isRetryable"] === "boolean" ? told["isRetryable"] : undefined,
    responseBody: JSON.stringify({ error }).slice(0, longestBody),
    responseHeaders: headers,
    cause: error instanceof Error ? error : undefined,
  });
}

/** A whole 200 without an answer: a page of HTML, nothing, or JSON of another shape. */
export function unreadableAnswer(body: string, cause: unknown, headers?: unknown): AnswerError {
  const text = body.trim();
  const kind =
    text === "" ? "nothing" : /^<(?:!doctype|html|\?xml|head|body)/i.test(text) ? "a page" : "something else";
  const shown = text === "" ? "" : `: ${showValue(plainText(text), 300)}`;
  return new AnswerError(
    `The provider answered 200 with ${kind} in place of an answer${shown}. Check the base URL and the proxies on the way.`,
    {
      code: "UNREADABLE_ANSWER",
      statusCode: 502,
      responseBody: text.slice(0, longestBody),
      responseHeaders: headers,
      cause,
    },
  );
}

/** A whole 200 at which the provider package stumbled: it has not the shape that the package takes for granted. */
export function unreadForPackage(cause: Error): AnswerError {
  const message = `The provider answered 200 with something that its package cannot read: ${messageOf(cause)}. Ask again.`;
  return new AnswerError(message, { code: "UNREADABLE_ANSWER", isRetryable: true, cause });
}

/** A piece of a stream that cannot be read. */
export function unreadablePiece(cause: unknown): AnswerError {
  const message = `The provider sent a piece of its stream that cannot be read: ${messageOf(cause)}`;
  return new AnswerError(message, { code: "UNREADABLE_ANSWER", isRetryable: true, cause });
}

/** An answer that ended before the model had finished it: the connection broke, or the provider gave up. */
export class StreamCutError extends AnswerError {
  override readonly name = "StreamCutError";

  constructor(model: NamedModel, receivedCharacters: number) {
    super(
      `The answer of ${nameOf(model)} was cut off after ${receivedCharacters} characters: the provider ended it without a finish reason. Ask again.`,
      // Node's own code for a stream that closed too early, so that it is judged as a failure of the network.
      { code: "ERR_STREAM_PREMATURE_CLOSE" },
    );
  }
}

/** The provider says that it gave up on the answer. */
export function failedAnswer(model: NamedModel, word: string, statusCode: number): AnswerError {
  return new AnswerError(
    `${nameOf(model)} did not finish its answer: the provider ended it with "${word}". The part that came does not count. Ask again.`,
    { code: "UNFINISHED_ANSWER", statusCode, isRetryable: true },
  );
}

/** Codes of answers that are asked for once more and no oftener: no server is to blame for them. */
const askedOnceMore = new Set(["UNKNOWN_FINISH_REASON", "PAUSED_ANSWER"]);

/** The provider ended the answer with a word that no table knows, so that it may be half of one. */
export function unknownEnding(model: NamedModel, word: string, previousError: unknown): AnswerError {
  return new AnswerError(
    `${nameOf(model)} ended its answer with "${word}", which is not a known finish reason. The answer does not count, as it may be half of one.`,
    { code: "UNKNOWN_FINISH_REASON", isRetryable: !wasAskedOnceMore(previousError) },
  );
}

/** The provider paused in the middle of the answer. */
export function pausedAnswer(model: NamedModel, word: string, previousError: unknown): AnswerError {
  return new AnswerError(
    `${nameOf(model)} paused before its answer was complete ("${word}"). Ask for less in one answer, or leave out the tools of the provider.`,
    { code: "PAUSED_ANSWER", isRetryable: !wasAskedOnceMore(previousError) },
  );
}

function wasAskedOnceMore(error: unknown): boolean {
  return error instanceof AnswerError && askedOnceMore.has(String((error as { code?: unknown }).code));
}

/** A content filter, or the model itself, withheld the answer. */
export function refusedAnswer(model: NamedModel, word: string | undefined): AnswerError {
  return new AnswerError(
    `The answer of ${nameOf(model)} was withheld (${word ?? "refusal"}). Rephrase the prompt, or fall back to another model.`,
    { code: "content_filter" },
  );
}

/** The provider sent far more than was asked for. */
export function endlessAnswer(model: NamedModel, bytes: number, maxOutputTokens: number | undefined): AnswerError {
  const limit = maxOutputTokens === undefined ? "no maxOutputTokens" : `maxOutputTokens ${maxOutputTokens}`;
  return new AnswerError(
    `The answer of ${nameOf(model)} was ended after ${bytes} bytes: it is far past its limit (${limit}). Check the server, or set maxOutputTokens.`,
    { code: "ENDLESS_ANSWER", isRetryable: false },
  );
}

/** Node's fetch gives up on an answer after 300 s of silence, whatever timeouts a run has. */
export function silenceTooLong(cause: unknown): AnswerError {
  return new AnswerError(
    "The fetch of the model gave up waiting, as Node's own does after 300 s without a byte, whatever attemptTimeoutMs says. " +
      "Use streaming, name the model by text, or give its provider another fetch.",
    { code: codeInChain(cause), cause },
  );
}

const fetchTimeout = /^UND_ERR_(?:HEADERS|BODY)_TIMEOUT$/;

/** Code of undici's timers, where an error or one of its causes has it. */
export function isSilenceTooLong(error: unknown): boolean {
  return fetchTimeout.test(codeInChain(error) ?? "");
}

function codeInChain(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (typeof code === "string") return code;
  }
  return undefined;
}

function nameOf({ modelId, provider }: NamedModel): string {
  return `${modelId} (${provider})`;
}

/** The fields of an error, of any nesting and with names in lower case: the first item of a list, or what stands under `error`. */
function errorFields(error: unknown): Fields {
  const fields = fieldsOf(Array.isArray(error) ? error[0] : error) ?? {};
  const inner = fieldsOf(fields["error"]) ?? fields;
  if (error instanceof Error) return inner;
  return Object.fromEntries(Object.entries(inner).map(([name, value]) => [name.toLowerCase(), value]));
}

function messageIn(error: unknown): string {
  if (error instanceof Error) return messageOf(error);
  const told = errorFields(error);
  const message =
    told["message"] ??
    told["msg"] ??
    told["status_msg"] ??
    told["error_msg"] ??
    told["detail"] ??
    told["error"] ??
    told["title"];
  return typeof message === "string" ? showText(message) : showValue(typeof error === "string" ? error : told, 500);
}

function showText(text: string): string {
  return text.length > 1_000 ? `${text.slice(0, 999)}…` : text;
}

/** Text of a page without its marks. */
export function plainText(page: string): string {
  return page
    .slice(0, 4_000)
    .replace(/<[^<>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}

const codeFields = ["code", "type", "status", "statusCode", "statuscode", "status_code"] as const;

function codeOf(told: Fields): string | undefined {
  return codeFields.map((name) => told[name]).find((code) => typeof code === "string" && !/^\d*$/.test(code)) as
    | string
    | undefined;
}

/** Words by which servers name a status in an answer that could no longer have it. */
const statusByWord: readonly (readonly [RegExp, number])[] = [
  [/rate.?limit|request.?limit|resource.?exhausted|throttl|too.?many.?requests/i, 429],
  [/overloaded/i, 529],
  [/unavailable/i, 503],
  [/time.?out|deadline.?exceeded/i, 504],
  [/unauthenticated|unauthorized|authentication|auth.?failure|invalid.?api.?key/i, 401],
  [/permission|forbidden/i, 403],
  [/not.?found/i, 404],
  [/invalid|bad.?request|context.?length|unprocessable/i, 400],
];

/** Sentences of a server that does not know its caller. */
const unknownCaller = /\bnot authenticated\b|\bunauthori[sz]ed\b|\blogin fail|authentication (failed|required)/i;

/** Status that an error inside a 200 stands for: its own number, that of its words, or a server that failed. */
function statusOf(told: Fields, message: string): number {
  for (const name of codeFields) {
    const number = Number(told[name]);
    if (Number.isInteger(number) && number >= 400 && number < 600) return number;
  }
  for (const name of codeFields) {
    const word = told[name];
    const known = typeof word === "string" && statusByWord.find(([pattern]) => pattern.test(word));
    if (known) return known[1];
  }
  return unknownCaller.test(message) ? 401 : 500;
}
