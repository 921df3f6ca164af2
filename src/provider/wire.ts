import { isNoWord } from "./endings.ts";
import type { WrittenToken } from "./log-probabilities.ts";

/**
 * Protocol of a body, by its shape. `other` stands for APIs that name an ending in a place of their own (Cohere, Bedrock, Ollama).
 */
export type Protocol = "chat" | "responses" | "anthropic" | "google" | "other";

/** Content of a whole body or of one event of a stream, as far as a verdict on the answer needs it. */
export interface Said {
  /** `undefined` of an error without an answer around it. */
  readonly protocol: Protocol | undefined;
  /** Words that end the answer: the unified one, then the native one of a gateway. */
  readonly words: readonly string[];
  /** The model or a filter says that it withholds the answer. */
  readonly isRefused: boolean;
  /** The event is the last one of its protocol. */
  readonly isEnd: boolean;
  /** The server's own usage object. */
  readonly usage: Fields | undefined;
  /** The server's own error, of any shape. */
  readonly error: unknown;
  readonly text: string;
  /** The model wrote something: text, thoughts or a tool call. */
  readonly isAlive: boolean;
  /** Tokens of the text with their log-probabilities, where the server tells them. */
  readonly tokens: readonly WrittenToken[];
}

export type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads what a server sent: by shape and not by package, as one server speaks through many packages.
 *
 * @returns `undefined` for a shape that no table here knows
 */
export function readWire(value: unknown): Said | undefined {
  const body = fieldsOf(Array.isArray(value) ? value[0] : value);
  if (!body) return undefined;
  const read = isResponses(body)
    ? readResponses(body)
    : isAnthropic(body)
      ? readAnthropic(body)
      : isChat(body)
        ? readChat(body)
        : isGoogle(body)
          ? readGoogle(body)
          : readOther(body);
  const error = read?.error ?? errorIn(body, read !== undefined);
  if (!read) return error === undefined ? undefined : said(undefined, { error });
  return { ...read, error };
}

function said(protocol: Protocol | undefined, parts: Partial<Said>): Said {
  const words = (parts.words ?? []).filter((word) => !isNoWord(word));
  return {
    protocol,
    isRefused: false,
    isEnd: false,
    usage: undefined,
    error: undefined,
    text: "",
    isAlive: parts.text !== undefined && parts.text !== "",
    tokens: [],
    ...parts,
    words,
  };
}

function isChat(body: Fields): boolean {
  return "choices" in body || /^(?:chat[._]completion|text_completion)/.test(String(body["object"]));
}

/** OpenAI's chat completions, and the many servers that speak them. */
function readChat(body: Fields): Said {
  const choice = fieldsOf(listOf(body["choices"])[0]);
  const message = fieldsOf(choice?.["message"]) ?? fieldsOf(choice?.["delta"]);
  const finishDetails = fieldsOf(choice?.["finish_details"]);
  const refusal = message?.["refusal"];
  const { role: _, ...written } = message ?? {};
  return said("chat", {
    words: [choice?.["finish_reason"] ?? finishDetails?.["type"], choice?.["native_finish_reason"]] as string[],
    isRefused: typeof refusal === "string" && refusal !== "" && !isStreamed(choice),
    usage:
      fieldsOf(body["usage"]) ??
      fieldsOf(choice?.["usage"]) ??
      fieldsOf(fieldsOf(body["x_groq"])?.["usage"]) ??
      fieldsOf(fieldsOf(body["x_groq"])?.["usage_breakdown"]),
    error: realError(choice?.["error"]) ?? realError(message?.["error"]),
    text: textOf(message?.["content"] ?? choice?.["text"]),
    isAlive: Object.values(written).some(isFilled) || isFilled(choice?.["text"]),
    tokens: tokensIn(fieldsOf(choice?.["logprobs"])?.["content"]),
  });
}

/** A refusal in a stream comes piece by piece; its package says at the end that it was one. */
function isStreamed(choice: Fields | undefined): boolean {
  return choice !== undefined && "delta" in choice;
}

function isResponses(body: Fields): boolean {
  return body["object"] === "response" || /^response\./.test(String(body["type"]));
}

const endOfResponse = /^response\.(?:completed|failed|incomplete|cancelled)$/;

/** OpenAI's Responses: a whole one, or one event. */
function readResponses(body: Fields): Said {
  const type = String(body["type"] ?? "");
  const isWhole = body["object"] === "response";
  const isEnd = endOfResponse.test(type);
  const response = isWhole ? body : isEnd ? fieldsOf(body["response"]) : undefined;
  if (!response) {
    const isAlive = /\.delta$/.test(type) && isFilled(body["delta"]);
    if (type !== "response.output_text.delta") return said("responses", { isAlive });
    return said("responses", { isAlive, text: textOf(body["delta"]), tokens: tokensIn(body["logprobs"]) });
  }
  const items = listOf(response["output"]).map((item) => fieldsOf(item));
  const parts = items.flatMap((item) => (item?.["type"] === "message" ? listOf(item["content"]) : [])).map(fieldsOf);
  const isHalf = items.some((item) => item?.["type"] === "message" && item["status"] === "incomplete");
  const status = response["status"] ?? (isEnd ? type.slice("response.".length) : undefined);
  const reason = fieldsOf(response["incomplete_details"])?.["reason"];
  const word = status === "incomplete" || reason ? (reason ?? status) : isHalf ? "incomplete" : status;
  return said("responses", {
    words: [word] as string[],
    isRefused: parts.some((part) => part?.["type"] === "refusal"),
    isEnd,
    usage: fieldsOf(response["usage"]),
    error: realError(response["error"]),
    text: isWhole ? parts.map((part) => textOf(part?.["text"])).join("") : "",
    tokens: isWhole ? parts.flatMap((part) => tokensIn(part?.["logprobs"])) : [],
  });
}

function isAnthropic(body: Fields): boolean {
  const type = String(body["type"]);
  return (
    /^(?:message|content_block)_|^ping$/.test(type) ||
    "stop_reason" in body ||
    (type === "message" && "content" in body)
  );
}

/** Anthropic's Messages: a whole one, or one event. */
function readAnthropic(body: Fields): Said {
  const started = fieldsOf(body["message"]);
  const delta = fieldsOf(body["delta"]);
  return said("anthropic", {
    words: [body["stop_reason"] ?? delta?.["stop_reason"]] as string[],
    isEnd: body["type"] === "message_stop",
    usage: fieldsOf(body["usage"]) ?? fieldsOf(started?.["usage"]),
    text: textOf(body["content"]),
    isAlive: body["type"] === "content_block_delta" || isFilled(body["content"]),
  });
}

function isGoogle(body: Fields): boolean {
  return "candidates" in body || "usageMetadata" in body || "promptFeedback" in body;
}

/** Google's generateContent: a whole response, or one event. */
function readGoogle(body: Fields): Said {
  const candidate = fieldsOf(listOf(body["candidates"])[0]);
  const blockReason = fieldsOf(body["promptFeedback"])?.["blockReason"];
  const isBlocked = !isNoWord(blockReason) && blockReason !== "BLOCK_REASON_UNSPECIFIED";
  const parts = listOf(fieldsOf(candidate?.["content"])?.["parts"]);
  return said("google", {
    words: [candidate?.["finishReason"] ?? (isBlocked ? blockReason : undefined)] as string[],
    isRefused: isBlocked && !candidate,
    usage: fieldsOf(body["usageMetadata"]),
    text: textOf(parts.filter((part) => fieldsOf(part)?.["thought"] !== true)),
    isAlive: parts.length > 0,
    tokens: tokensIn(fieldsOf(candidate?.["logprobsResult"])?.["chosenCandidates"]),
  });
}

/** APIs with an ending in a place of their own: Bedrock's Converse, Cohere, Ollama, watsonx. */
function readOther(body: Fields): Said | undefined {
  const stop = fieldsOf(body["messageStop"]) ?? fieldsOf(fieldsOf(listOf(body["results"])[0])) ?? body;
  const delta = fieldsOf(body["delta"]);
  const places = [
    stop["stopReason"],
    stop["stop_reason"],
    body["finish_reason"],
    delta?.["finish_reason"],
    body["done_reason"],
  ];
  const word = places.find((place) => !isNoWord(place));
  return word === undefined ? undefined : said("other", { words: [word as string] });
}

/** An error object beside an answer, or a body that is nothing else. */
function errorIn(body: Fields, isAnswer: boolean): unknown {
  const error =
    realError(body["error"]) ??
    realError(body["errors"]) ??
    errorOfBase(fieldsOf(body["base_resp"])) ??
    errorOfEnvelope(body);
  if (error !== undefined || isAnswer) return error;
  const isFlat =
    body["type"] === "error" ||
    body["object"] === "error" ||
    body["success"] === false ||
    body["status"] === "error" ||
    isErrorCode(body["code"]) ||
    isErrorStatus(body["status"]) ||
    (isFilled(body["error_code"]) && body["error_code"] !== 0);
  if (isFlat) return body;
  return realError(body["detail"]);
}

/** Tencent and Volcengine answer in an envelope, with names in capitals. */
function errorOfEnvelope(body: Fields): unknown {
  const envelope = fieldsOf(body["Response"]) ?? fieldsOf(body["ResponseMetadata"]);
  return realError(envelope?.["Error"]);
}

/** RFC 9457: a problem names its status. */
function isErrorStatus(status: unknown): boolean {
  return typeof status === "number" && status >= 400 && status < 600;
}

/** MiniMax has `base_resp` in every answer, with the status 0 in one that is well. */
function errorOfBase(base: Fields | undefined): Fields | undefined {
  return base && base["status_code"] !== undefined && base["status_code"] !== 0 ? base : undefined;
}

/** `error: null`, `""`, `{}` and objects full of nulls are no errors. */
function realError(error: unknown): unknown {
  const isReal = Array.isArray(error) ? error.length > 0 : isFilled(error);
  return isReal ? error : undefined;
}

function isErrorCode(code: unknown): boolean {
  return typeof code === "number" ? code >= 400 : typeof code === "string" && code !== "" && code !== "0";
}

/** Tells if there is something in it: text, items, or a field that has. */
export function isFilled(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false) return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value !== "object" || Object.values(value).some(isFilled);
}

/** Reads tokens with their log-probabilities. One that cannot be read makes the list useless. */
function tokensIn(list: unknown): WrittenToken[] {
  const tokens: WrittenToken[] = [];
  for (const item of listOf(list)) {
    const { token, bytes, logprob, logProbability = logprob } = fieldsOf(item) ?? {};
    if (typeof token !== "string" || typeof logProbability !== "number") return [];
    tokens.push({ text: token, bytes: isBytes(bytes) ? bytes : undefined, logprob: Math.min(0, logProbability) });
  }
  return tokens;
}

function isBytes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256);
}

/** Text of a content: plain, or in parts. */
function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return listOf(content)
    .map((part) => fieldsOf(part)?.["text"])
    .filter((text) => typeof text === "string")
    .join("");
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}
