import type { LanguageModelV4, LanguageModelV4GenerateResult } from "@ai-sdk/provider";
import { errorInAnswer, unreadableAnswer } from "./answer-error.ts";
import type { CallMeter } from "./call-meter.ts";
import { placeTokens, recordedTokens } from "./log-probabilities.ts";
import { describeWarnings, type ModelAnswer, type ModelCall, samplesIn, toCallOptions } from "./model-call.ts";
import { furtherSamples } from "./samples.ts";
import { readPackageUsage } from "./usage.ts";
import { type End, judge, type Verdict } from "./verdict.ts";
import { fieldsOf, readWire, type Said } from "./wire.ts";

/** An answer before its usage is known. */
export type Answer = Omit<ModelAnswer, "usage">;

/** Asks for an answer in one piece. */
export async function wholeAnswer(model: LanguageModelV4, call: ModelCall, meter: CallMeter): Promise<Answer> {
  const result = await askWhole(model, call).catch((error: unknown) => ({ error }));
  if ("error" in result) return answerInError(result.error, model, call, meter);
  meter.hasAnswered = true;
  if (result.response?.headers) call.onHeaders?.(result.response.headers);
  meter.addText(textOf(result, call));
  const reasoning = result.content.map((part) => (part.type === "reasoning" ? part.text : "")).join("");
  meter.addHidden(reasoning);
  const said = readWire(result.response?.body);
  meter.hear(said, readPackageUsage(result.usage));
  const { text } = meter;
  const { unified, raw } = result.finishReason;
  const verdict = () => {
    if (said?.error !== undefined) throw errorInAnswer(said.error, "answer", result.response?.headers);
    return judge(model, { ...endOf(said), unified, raw, isWhole: true }, text.length, call.previousError);
  };
  return {
    text,
    reasoning: reasoning || undefined,
    ...judgedWithOthers(model, call, meter, result.response?.body, verdict),
    responseId: result.response?.id,
    modelId: result.response?.modelId ?? model.modelId,
    tokens: said ? placeTokens(said.tokens, text) : recordedTokens(result.providerMetadata),
    warnings: describeWarnings(result.warnings, call),
  };
}

/**
 * Judges the first answer of a body, and reads those behind it.
 *
 * @throws what is wrong with the first answer, where no others came with it
 */
function judgedWithOthers(
  model: LanguageModelV4,
  call: ModelCall,
  meter: CallMeter,
  body: unknown,
  verdict: () => Verdict,
): Verdict & Pick<Answer, "samples" | "error"> {
  if (samplesIn(call) === 1) return verdict();
  const samples = furtherSamples(model, call, body);
  for (const sample of samples) if ("text" in sample) meter.addHidden(sample.text);
  try {
    return { ...verdict(), samples };
  } catch (error) {
    if (samples.length === 0) throw error;
    return { finishReason: { unified: "other" }, isCutOff: false, samples, error };
  }
}

async function askWhole(model: LanguageModelV4, call: ModelCall): Promise<LanguageModelV4GenerateResult> {
  return model.doGenerate(toCallOptions(model, call));
}

function textOf(result: LanguageModelV4GenerateResult, call: ModelCall): string {
  const text = result.content.map((part) => (part.type === "text" ? part.text : "")).join("");
  return call.responseSchema ? (result.structuredOutputText ?? text) : text;
}

function endOf(said: Said | undefined): Pick<End, "protocol" | "words" | "isRefused"> {
  return { protocol: said?.protocol, words: said?.words ?? [], isRefused: said?.isRefused ?? false };
}

/**
 * Reads the answer inside a 200 that a provider package could not read: a figure of its usage may be out of range, which is not a reason
 * to lose a paid answer.
 */
function answerInError(error: unknown, model: LanguageModelV4, call: ModelCall, meter: CallMeter): Answer {
  const { statusCode, responseBody, responseHeaders, data } = fieldsOf(error) ?? {};
  const isRead = typeof statusCode === "number" && statusCode < 300 && typeof responseBody === "string";
  if (isRead) return answerInBody(responseBody, error, model, call, meter, responseHeaders);
  const said = statusCode === undefined ? readWire(data) : undefined;
  throw said?.error === undefined ? error : errorInAnswer(said.error, "answer");
}

/**
 * Reads the answer in the body of a 200.
 *
 * @throws AnswerError for the body's own error, and for a body that is not an answer
 */
export function answerInBody(
  body: string,
  cause: unknown,
  model: LanguageModelV4,
  call: ModelCall,
  meter: CallMeter,
  headers?: unknown,
): Answer {
  const events = /^\s*(?:data|event|id|:)/.test(body) ? eventsIn(body) : [];
  const parsed = events.length > 0 ? undefined : parse(body);
  const said = events.length > 0 ? joined(events) : readWire(parsed);
  for (const event of events) meter.hear(event, undefined);
  meter.hear(said, undefined);
  if (said?.error !== undefined) throw errorInAnswer(said.error, "answer", headers);
  // A piece of JSON may be a piece of an answer, and was written by a model.
  meter.addText(said?.text ?? (body.trimStart().startsWith("{") ? body : ""));
  if (!said?.protocol || said.text === "") throw unreadableAnswer(body, cause, headers);
  if (!call.signal.aborted) call.onDelta?.(said.text);
  const { id, model: modelId } = fieldsOf(parsed) ?? {};
  return {
    text: said.text,
    ...judgedWithOthers(model, call, meter, parsed, () =>
      judge(
        model,
        { ...endOf(said), unified: "other", raw: undefined, isWhole: events.length === 0 },
        said.text.length,
        call.previousError,
      ),
    ),
    responseId: typeof id === "string" ? id : undefined,
    modelId: typeof modelId === "string" ? modelId : model.modelId,
    tokens: placeTokens(said.tokens, said.text),
    warnings: [],
  };
}

/** Events of a body: some gateways stream whatever they are asked for. */
function eventsIn(body: string): Said[] {
  const lines = body.split(/\r\n|\n|\r/).flatMap((line) => /^data:(.*)$/.exec(line)?.[1] ?? []);
  return lines.map((line) => readWire(parse(line))).filter((event) => event !== undefined);
}

/** Joins the events of a body to one answer. */
function joined(events: readonly Said[]): Said {
  const last = events.at(-1) as Said;
  return {
    ...last,
    protocol: events.find(({ protocol }) => protocol !== undefined)?.protocol,
    words: events.findLast(({ words }) => words.length > 0)?.words ?? [],
    isRefused: events.some(({ isRefused }) => isRefused),
    error: events.find(({ error }) => error !== undefined)?.error,
    text: events.map(({ text }) => text).join(""),
    tokens: events.flatMap(({ tokens }) => tokens),
  };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
