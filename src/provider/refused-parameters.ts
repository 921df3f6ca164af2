import type { CallParameter, LanguageModelLike, ModelTraits } from "../contract/model.ts";
import { AnswerError } from "./answer-error.ts";
import { generate } from "./language-model.ts";
import { asksForLogprobs, type ModelAnswer, type ModelCall, samplesIn } from "./model-call.ts";
import { learnFewer } from "./samples.ts";

/** Facts that a call is adapted by. */
export interface Adaptation {
  readonly traits: ModelTraits;
  /** The caller set `maxOutputTokens`: a number that is too large is the caller's to mend. */
  readonly isOwnLimit: boolean;
  /** Hears of each parameter that the server is found to refuse. */
  onRefusal(message: string): void;
}

/** More refusals than parameters that calls can do without: the server refuses something else. */
const mostRefusals = 8;

/**
 * Asks a model as its server takes it. A refusal that names a parameter of ours is answered by the same call without it,
 * or with it in another form; the model's traits keep that for all later calls. Refused calls are not billed.
 *
 * @throws what `generate` throws, where no parameter of ours is to blame
 */
export async function generateAdapted(
  model: LanguageModelLike,
  call: ModelCall,
  adaptation: Adaptation,
): Promise<ModelAnswer> {
  const { traits } = adaptation;
  let roomInContext: number | undefined;
  for (let refusals = 0; ; refusals++) {
    const sent = adapt(call, adaptation, roomInContext);
    try {
      const answer = await generate(model, sent);
      if (samplesIn(sent) > 1 && answer.samples?.length === 0) traits.refused.add("samples");
      if (call.onDelta && !sent.onDelta && answer.text !== "") call.onDelta(answer.text);
      return { ...answer, warnings: [...answer.warnings, ...warningsOf(call, traits)] };
    } catch (error) {
      const refusal = refusals < mostRefusals ? readRefusal(error, sent, adaptation.isOwnLimit) : undefined;
      if (!refusal || call.signal.aborted) throw error;
      if (refusal.parameter === "samples") learnFewer(traits, samplesIn(sent), refusal.said ?? "");
      else if (refusal.isOfPrompt) roomInContext = refusal.maxOutputTokens;
      // The caller asked neither for log-probabilities nor for a cache, and misses none.
      else if (learn(refusal, traits) && !ownParameters.has(refusal.parameter))
        adaptation.onRefusal(describe(refusal, model));
    }
  }
}

/** Parameters that no caller has set. */
const ownParameters: ReadonlySet<CallParameter> = new Set(["logprobs", "promptCache", "samples"]);

/**
 * The call as the model's traits want it.
 *
 * @param roomInContext tokens that the prompt leaves in the model's context, where the server has told
 */
function adapt(call: ModelCall, { traits, isOwnLimit }: Adaptation, roomInContext: number | undefined): ModelCall {
  const { maxOutputTokens: asked, onDelta } = call;
  const most = Math.min(traits.maxOutputTokens ?? Number.POSITIVE_INFINITY, roomInContext ?? Number.POSITIVE_INFINITY);
  const limit =
    asked === undefined ? traits.needsLimit && traits.maxOutputTokens : isOwnLimit ? asked : Math.min(asked, most);
  return {
    ...call,
    samples: call.samples && Math.min(call.samples, traits.mostSamples ?? call.samples),
    refused: new Set(traits.refused),
    maxOutputTokens: limit || undefined,
    onDelta: traits.refused.has("stream") ? undefined : onDelta,
  };
}

/** Settings of the caller's and seeds that an answer was asked for without. */
function warningsOf(call: ModelCall, { refused }: ModelTraits): string[] {
  const settings = ["seed", "temperature"] as const;
  return settings.flatMap((name) =>
    call[name] !== undefined && refused.has(name) ? [`the server does not take ${nameOf[name]}`] : [],
  );
}

/** Refusal of one parameter, as a server words it. */
interface Refusal {
  readonly parameter: CallParameter;
  /** Longest answer that the server allows, where the refusal names it. */
  readonly maxOutputTokens?: number | undefined;
  /** `maxOutputTokens` is what this prompt leaves in the model's context. */
  readonly isOfPrompt?: boolean;
  /** The server's words, where they may tell more. */
  readonly said?: string;
  /** The call had no limit: the provider package asked for more than the server allows. */
  readonly isOfPackage?: boolean;
}

/** @returns false where other calls had learned it meanwhile */
function learn({ parameter, maxOutputTokens, isOfPackage }: Refusal, traits: ModelTraits): boolean {
  if (isOfPackage) traits.needsLimit = true;
  if (maxOutputTokens === undefined)
    return !traits.refused.has(parameter) && traits.refused.add(parameter).has(parameter);
  if (maxOutputTokens >= (traits.maxOutputTokens ?? Number.POSITIVE_INFINITY)) return false;
  traits.maxOutputTokens = maxOutputTokens;
  return true;
}

/** Says what the server refuses, and how its model is asked instead. */
function describe({ parameter, maxOutputTokens }: Refusal, { modelId }: LanguageModelLike): string {
  if (maxOutputTokens !== undefined)
    return `"${modelId}" writes at most ${maxOutputTokens} tokens: its answers are limited to that, below what the budget allows.`;
  return `The server of "${modelId}" does not take ${nameOf[parameter]}: it is asked ${insteadOf[parameter]}.`;
}

const nameOf: Record<CallParameter, string> = {
  seed: "seed",
  temperature: "temperature",
  limitName: "max_tokens",
  maxOutputTokens: "a limit of the answer's length (max_tokens)",
  strict: "a strict JSON schema",
  responseSchema: "this JSON schema as its response format",
  stream: "the options of a stream",
  logprobs: "log-probabilities",
  promptCache: "a key or marks for its prompt cache",
  samples: "a request for several answers (n)",
};

const insteadOf: Record<CallParameter, string> = {
  seed: "without a seed",
  temperature: "at its own temperature",
  limitName: "with max_completion_tokens",
  maxOutputTokens: "without a limit",
  strict: "with a schema that is not strict",
  responseSchema: "with the schema in words",
  stream: "for whole answers",
  logprobs: "without them",
  promptCache: "without them",
  samples: "for one answer at a time",
};

/** Statuses of a pause, of an account, of a network: whatever their words, no parameter is to blame. */
const otherStatuses: ReadonlySet<number> = new Set([401, 402, 403, 408, 409, 425, 429]);

function readRefusal(error: unknown, call: ModelCall, isOwnLimit: boolean): Refusal | undefined {
  const said = readServerWords(error);
  if (said && isOfLogprobs(said, call)) return { parameter: "logprobs" };
  if (!said || otherStatuses.has(said.status) || said.status >= 502) return undefined;
  const { refused } = call;
  const isRefusal = refusalWords.test(said.text);
  const isOfSamples = samplesIn(call) > 1 && parameterNames.samples.test(said.parameter ?? said.text);
  if (isOfSamples && !otherStatuses.has(said.status)) return { parameter: "samples", said: said.text };
  const isOfCache = parameterNames.promptCache.test(said.parameter ?? said.text);
  if (call.promptCache && !refused?.has("promptCache") && isOfCache) return { parameter: "promptCache" };
  const names = (parameter: keyof typeof parameterNames) => parameterNames[parameter].test(said.parameter ?? said.text);
  const isOfAnswer = names("maxOutputTokens") && !contextSize.test(said.text) && !/prompt|input/i.test(said.text);
  if (call.maxOutputTokens === undefined && isOfAnswer) {
    const maxOutputTokens = longestAnswer(said.text, undefined);
    if (maxOutputTokens !== undefined) return { parameter: "maxOutputTokens", maxOutputTokens, isOfPackage: true };
  }
  if (call.maxOutputTokens !== undefined && !refused?.has("maxOutputTokens")) {
    const isOfPrompt = contextSize.test(said.text);
    const longest = isOfPrompt ? leftOfContext : longestAnswer;
    const limit = isOwnLimit ? undefined : longest(said.text, call.maxOutputTokens);
    if (limit !== undefined) return { parameter: "maxOutputTokens", maxOutputTokens: limit, isOfPrompt };
    if (names("maxOutputTokens") && isRefusal && !isTooLarge.test(said.text))
      return { parameter: refused?.has("limitName") ? "maxOutputTokens" : "limitName" };
    if (!isOwnLimit && (names("maxOutputTokens") || completionWords.test(said.text)) && isTooLarge.test(said.text))
      return { parameter: "maxOutputTokens" };
  }
  // A seed is ours, whatever is wrong with it; a temperature out of range is the caller's to mend.
  const isFaultOfRequest = said.status === 400 || said.status === 422;
  const wants = (parameter: "seed" | "temperature") =>
    call[parameter] !== undefined && !refused?.has(parameter) && names(parameter);
  if (wants("seed") && (isRefusal || isFaultOfRequest)) return { parameter: "seed" };
  if (wants("temperature") && isRefusal) return { parameter: "temperature" };
  // "Unexpected error while streaming" is a failure of the server.
  const isOfStream = said.status < 500 || /stream_options|include_usage/i.test(said.parameter ?? said.text);
  if (call.onDelta && !refused?.has("stream") && names("stream") && isRefusal && isOfStream)
    return { parameter: "stream" };
  if (!call.responseSchema || refused?.has("responseSchema") || !names("responseSchema")) return undefined;
  // A server's own failure may pass: the schema is to blame only where the server says so.
  if ((said.status === 0 || said.status === 500) && !isRefusal && !/grammar/i.test(said.text)) return undefined;
  const isOfStrictMode = !refused?.has("strict") && strictWords.test(said.text);
  return { parameter: isOfStrictMode ? "strict" : "responseSchema" };
}

/** OpenAI's 403 says of some models that their log-probabilities may not be asked for. */
function isOfLogprobs({ status, text, parameter = "" }: ServerWords, call: ModelCall): boolean {
  const mayBe = status === 403 || !(otherStatuses.has(status) || status >= 502);
  return mayBe && asksForLogprobs(call) && /log_?-? ?prob/i.test(`${parameter}\n${text}`);
}

/** Names of the parameters in the vendors' APIs. */
const parameterNames = {
  seed: /\b(random_)?seed\b/i,
  temperature: /\btemperature\b/i,
  samples:
    /(?:^|[^\w'’])['"`]?n['"`]?(?=$|\s*(?:$|[:=.,]|is\b|must\b|should\b|has\b|>|not\b|does\b|parameter))|candidate_?count|multiple (?:candidates|completions|choices)|number of (?:completions|choices)/im,
  promptCache: /prompt_?cache|cache_?control/i,
  maxOutputTokens: /max(imum)?[_ ]?(completion|output|new|gen)?[_ ]?tokens\b|\bmax_length\b|\bnum_predict\b/i,
  stream: /\bstream(_options|ing|s)?\b|include_usage/i,
  responseSchema:
    /response_?(format|schema)|\bschemas?\b|json[ _-]?(schema|mode)|requested parameters|结构化输出|response_?mime_?type|structured[ _-]?output|text\.format|output_?(format|config)|guided_|grammar|\btool(s|_choice)?\b|function call/i,
} as const;

const refusalWords =
  /\b(is|are|was|has|be|currently|yet)?\s*(not|n't) ?(currently |yet |been )?(support|permit|allow|accept|recogni|implement|enable|compatib|available|a valid (field|param|property))|unsupported|unknown|unrecogni[sz]ed|unexpected|unavailable|extra[ _](inputs?|fields?|forbidden)|cannot (find|be (used|set|specified))|only the default|may only|only \S+ (is|are) (allowed|supported|accepted)|only supports|deprecated|invalid (parameter|argument|json payload)|no longer|must (not be|be verified|be one of|be [01](\.0)?(?! ?(or|and|to)\b|[\d.-]))|additional propert|不支持|未知|不允许|サポートされて|対応していません|nicht unterstützt|pas pris en charge|no (es compatible|se admite)/i;

const isTooLarge =
  /too (large|high|big|many)|at most|at maximum|exceed|maximum (allowed|value|number|context)|less than|greater than|larger than|range|<=|>|cannot be (more|greater|larger)|up to|between|more than|not less|以下|以内|höchstens|maximal|au plus|como máximo|范围|超过|不能大于|最大/i;

const completionWords =
  /\b(completion|output|generated|new) tokens|\b(generates?|writes?|produces?) (at most|up to)|in the (completion|output)|maximum tokens/i;

/** No model's longest answer is below this: a smaller number in a refusal means something else. */
const leastCap = 64;

const strictWords = /\bstrict\b|additionalProperties|'?required'? is required|must be required|invalid schema for/i;

/**
 * Longest answer that a refusal names: the largest number in it that is below what was asked for, less one where the
 * range excludes it.
 *
 * @param asked `undefined` where the provider package asked: then the largest number of several is what it asked for
 */
function longestAnswer(text: string, asked: number | undefined): number | undefined {
  if (!isTooLarge.test(text)) return undefined;
  if (!parameterNames.maxOutputTokens.test(text) && !completionWords.test(text)) return undefined;
  const numbers = numbersIn(text).sort((a, b) => b.value - a.value);
  const most = asked ?? (numbers.length > 1 ? (numbers[0]?.value as number) : Number.POSITIVE_INFINITY);
  const largest = numbers.find(({ value }) => value < most && value >= leastCap);
  return largest && (largest.isExcluded ? largest.value - 1 : largest.value);
}

/** Size of the context, or of prompt and answer together: "tokens + `max_new_tokens` must be <= 4096". */
const contextSize = /(?:context (?:length|window|size)|tokens?\W{0,3}\+\W{0,3}max_\w+)[^\d]{0,24}(?<context>\d[\d,]*)/i;

const promptSize =
  /(?<before>\d[\d,]*)[^\d.]{0,12}(?:in|of|from) (?:the |your |text )?(?:messages|prompt|input)|(?<after>\d[\d,]*) \W?(?:input|prompt)s?\W? tokens/i;

/** Room that the prompt leaves in the context, where the refusal names both. */
function leftOfContext(text: string, asked: number): number | undefined {
  if (!parameterNames.maxOutputTokens.test(text) && !completionWords.test(text)) return undefined;
  const context = contextSize.exec(text)?.groups?.["context"];
  const prompt = promptSize.exec(text)?.groups;
  const promptTokens = prompt?.["before"] ?? prompt?.["after"];
  if (context === undefined || promptTokens === undefined) return undefined;
  const left = toNumber(context) - toNumber(promptTokens);
  return left > 0 && left < asked ? left : undefined;
}

function numbersIn(text: string): { value: number; isExcluded: boolean }[] {
  // The comma of a range parts two numbers: "[1,4095]".
  const withoutDates = text.replace(/\d{4}-\d{2}-\d{2}/g, "").replace(/([[(]\s*\d+),(?=\d)/g, "$1, ");
  return Array.from(withoutDates.matchAll(/(?<![\w.-])\d[\d,]*(?![\w-]|\.\d)/g), (match) => ({
    value: toNumber(match[0]),
    isExcluded: /^\W{0,2}\(?exclusive/i.test(withoutDates.slice(match.index + match[0].length)),
  }));
}

function toNumber(digits: string): number {
  return Number(digits.replaceAll(",", ""));
}

interface ServerWords {
  readonly status: number;
  /** All that the error and its body say. */
  readonly text: string;
  /** The parameter that the body names in a field of its own. */
  readonly parameter: string | undefined;
}

/** Longest part of a server's body that is read. */
const longestBody = 20_000;

function readServerWords(error: unknown): ServerWords | undefined {
  // What could not be read is no refusal: its words are those of a parser.
  if ((error as { code?: unknown } | undefined)?.code === "UNREADABLE_ANSWER") return undefined;
  const texts: string[] = [];
  let status: number | undefined;
  let parameter: string | undefined;
  let at = error;
  for (let depth = 0; depth < 5 && at instanceof Error; depth++) {
    const { statusCode, responseBody, data } = at as { statusCode?: unknown; responseBody?: unknown; data?: unknown };
    if (typeof statusCode === "number") status ??= statusCode;
    const body = typeof responseBody === "string" ? parse(responseBody.slice(0, longestBody)) : data;
    // An error inside an answer has a sentence of ours around it, which speaks of a stream.
    texts.push(at instanceof AnswerError && body !== undefined ? "" : at.message, ...wordsIn(body));
    parameter ??= namedIn(body);
    at = at.cause;
  }
  if (texts.length === 0) return undefined;
  return { status: status ?? 0, text: texts.join("\n").slice(0, longestBody), parameter };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Fields that repeat the request. */
const echoes = new Set(["input", "ctx", "request", "body", "url"]);

function wordsIn(body: unknown, depth = 0): string[] {
  if (typeof body === "string") return [body];
  if (typeof body !== "object" || body === null || depth > 6) return [];
  if (Array.isArray(body)) return body.flatMap((item) => wordsIn(item, depth + 1));
  return Object.entries(body).flatMap(([key, value]) => (echoes.has(key) ? [] : wordsIn(value, depth + 1)));
}

/** `param` of OpenAI's errors; some servers write "None" for none. */
function namedIn(body: unknown): string | undefined {
  const { error = body } = (body ?? {}) as { error?: unknown };
  const name = (error as { param?: unknown } | null | undefined)?.param;
  return typeof name === "string" && /[a-z_]{3}/i.test(name) && !/^(none|null)$/i.test(name) ? name : undefined;
}
