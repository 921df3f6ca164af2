import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type {
  LanguageModelV4CallOptions,
  LanguageModelV4GenerateResult,
  LanguageModelV4Message,
  LanguageModelV4StreamPart,
  LanguageModelV4StreamResult,
} from "@ai-sdk/provider";
import * as v from "valibot";
import { onlyFields } from "../contract/model.ts";
import { fingerprint } from "../core/canonical.ts";
import { InvalidOptionsError, messageOf, showValue } from "../core/errors.ts";
import { metadataOf } from "./log-probabilities.ts";
import { sampleIndexOf, toPrompt } from "./model-call.ts";
import type { OwnModel } from "./response-format.ts";
import { fromUsage } from "./usage.ts";

/** The recording has no answer to the question. Asking again gives the same. */
export class RecordedAnswerMissingError extends Error {
  override readonly name = "RecordedAnswerMissingError";
  readonly isRetryable = false;
}

/**
 * Makes a model that replays a file of recorded answers (docs/guide/models.md has the format). Its answers say `source: "recorded"`.
 *
 * @param reference a file, or `file#model` where the file holds answers of several models
 * @throws InvalidOptionsError where the file cannot be read, naming line and column of what is broken in it
 *
 * @example
 * ```ts
 * const model = await recordedModel("bench/data/triviaqa-llama13b-20.jsonl");
 * ```
 */
export async function recordedModel(reference: string): Promise<OwnModel> {
  const [file = "", wanted] = reference.split("#", 2);
  const answers = RecordedAnswers.parse(await read(file), file, wanted);
  const modelId = wanted ?? onlyModel(answers, file);
  if (wanted && !answers.models.has(wanted))
    throw unusable(reference, `one of ${[...answers.models].join(", ") || "none"} after #`);
  const answer = async (options: LanguageModelV4CallOptions) => replay(answers, options, file);
  return {
    specificationVersion: "v4",
    provider: answers.provider ? `recorded.${answers.provider}` : "recorded",
    modelId,
    source: "recorded",
    takesAnySchema: true,
    doGenerate: answer,
    doStream: async (options) => streamOf(await answer(options)),
  };
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw unusable(
      `recorded:${file}`,
      "a file that can be read",
      `model "recorded:${file}" cannot be read: ${messageOf(error)}`,
    );
  }
}

function onlyModel({ models }: RecordedAnswers, file: string): string {
  const [first, second] = models;
  if (second === undefined) return first ?? basename(file).replace(/\.jsonl?$/, "");
  throw unusable(
    `recorded:${file}`,
    `one of its models, such as "recorded:${file}#${first}"`,
    `model "recorded:${file}" holds several models: ${[...models].join(", ")}. Name one: "recorded:${file}#${first}".`,
  );
}

function replay(
  answers: RecordedAnswers,
  options: LanguageModelV4CallOptions,
  file: string,
): LanguageModelV4GenerateResult {
  options.abortSignal?.throwIfAborted();
  const found = answers.find(options);
  const asked = showValue(userText(options), 300);
  if (!found)
    throw new RecordedAnswerMissingError(
      `${file} has no answer to this prompt, in which the user says ${asked}. Record it with: steer record`,
    );
  const index = sampleIndexOf(options) ?? 0;
  const answer = found[index];
  if (!answer)
    throw new RecordedAnswerMissingError(
      `${file} has ${found.length} answers to ${asked}, and none of index ${index}. Ask for fewer (k), or record more with: steer record`,
    );
  return {
    content: [{ type: "text", text: answer.text }],
    finishReason: { unified: (answer.finishReason ?? "stop") as "stop", raw: undefined },
    usage: fromUsage(answer.usage),
    ...metadataOf(answer.tokens),
    response: answer.model ? { modelId: answer.model } : {},
    warnings: [],
  };
}

function unusable(reference: string, allowed: string, message?: string): InvalidOptionsError {
  return new InvalidOptionsError([{ path: "model", given: reference, allowed, message }]);
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const answerLine = v.object({
  /** Text of all user messages. */
  question: v.string(),
  /** `promptKey` of the call. Without it, the line answers every prompt in which the user asks the question. */
  key: v.optional(v.string()),
  /** Index of this answer among several to the prompt, from 0. Default: the next one. */
  index: v.optional(count),
  text: v.string(),
  /** The model that gave the answer. */
  model: v.optional(v.string()),
  provider: v.optional(v.string()),
  seed: v.optional(count),
  finishReason: v.optional(v.string()),
  /** Tokens of the text: where each begins and ends, in bytes of UTF-8, and its log-probability. */
  tokens: v.optional(v.array(v.tuple([count, count, v.number()]))),
  usage: v.optional(
    v.object({
      inputTokens: v.optional(count),
      outputTokens: v.optional(count),
      cachedInputTokens: v.optional(count),
      cacheWriteInputTokens: v.optional(count),
      reasoningTokens: v.optional(count),
    }),
  ),
});

/** All answers to a question in one line, as data sets have them. An empty text stands for "no answer". */
const samplesLine = v.object({
  question: v.string(),
  samples: v.array(v.nullable(v.string())),
  model: v.optional(v.string()),
});

/** One line of a recording. */
export type RecordedAnswer = v.InferOutput<typeof answerLine>;
type AnswersByIndex = RecordedAnswer[];

/** The answers of a recording, by what was asked. */
export class RecordedAnswers {
  /** The models whose answers the file holds. */
  readonly models = new Set<string>();
  /** The provider of the answers, where the file names it. */
  provider: string | undefined;
  readonly #byKey = new Map<string, AnswersByIndex>();
  readonly #byQuestion = new Map<string, AnswersByIndex>();

  /**
   * @param model only the answers of this model
   * @throws InvalidOptionsError naming file, line and column of what cannot be read
   */
  static parse(text: string, file: string, model?: string | undefined): RecordedAnswers {
    const recording = new RecordedAnswers();
    for (const { line, value } of parseJsonLines(text, file))
      for (const answer of toAnswers(value, `${file}:${line}:1`)) recording.#add(answer, model);
    return recording;
  }

  /** The answers to what is asked, in the order of their index; some may be missing. */
  find(options: LanguageModelV4CallOptions): readonly (RecordedAnswer | undefined)[] | undefined {
    return this.#byKey.get(promptKey(options)) ?? this.#byQuestion.get(this.#questionIn(userText(options)));
  }

  #add(answer: RecordedAnswer, model: string | undefined): void {
    if (answer.model) this.models.add(answer.model);
    if (model !== undefined && answer.model !== model) return;
    this.provider ??= answer.provider;
    const answers = entryOf(answer.key ? this.#byKey : this.#byQuestion, answer.key ?? answer.question);
    answers[answer.index ?? answers.length] = answer;
  }

  /** The question itself, or the longest one that the text holds. */
  #questionIn(text: string): string {
    if (this.#byQuestion.has(text)) return text;
    let longest = "";
    for (const question of this.#byQuestion.keys())
      if (question.length > longest.length && text.includes(question)) longest = question;
    return longest;
  }
}

/** Returns the key of a question to a model: a fingerprint of its messages and of the schema of the answer. */
export function promptKey({ prompt, responseFormat }: LanguageModelV4CallOptions): string {
  const messages = toPrompt(prompt, "v4").map(({ role, content }) => ({ role, content }));
  return fingerprint({ messages, schema: responseFormat?.type === "json" ? responseFormat.schema : undefined });
}

/** Returns all that the user says in a prompt, but for which fields are asked for. */
export function userText({ prompt }: Pick<LanguageModelV4CallOptions, "prompt">): string {
  const texts = prompt.filter(({ role }) => role === "user").map(textOf);
  return texts
    .filter((text) => !text.startsWith(onlyFields))
    .join("\n\n")
    .trim();
}

function textOf({ content }: LanguageModelV4Message): string {
  if (typeof content === "string") return content;
  return content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

function toAnswers(value: unknown, place: string): RecordedAnswer[] {
  const samples = v.safeParse(samplesLine, value);
  if (samples.success) {
    const { question, model } = samples.output;
    return samples.output.samples.map((text) => ({
      question: question.trim(),
      text: text ?? "",
      ...(model && { model }),
    }));
  }
  const answer = v.safeParse(answerLine, value);
  if (answer.success) return [{ ...answer.output, question: answer.output.question.trim() }];
  const [issue] = answer.issues;
  const allowed = `a recorded answer: { "question", "text" } or { "question", "samples" }; ${v.getDotPath(issue) ?? "it"}: ${issue.message}`;
  throw new InvalidOptionsError([{ path: place, given: value, allowed }]);
}

function entryOf(answers: Map<string, AnswersByIndex>, key: string): AnswersByIndex {
  const known = answers.get(key);
  if (known) return known;
  const added: AnswersByIndex = [];
  answers.set(key, added);
  return added;
}

/** A value of a JSONL text, and where it stands. */
export interface JsonLine {
  /** From 1. */
  readonly line: number;
  readonly value: unknown;
}

/**
 * Reads the values of a text with one JSON value a line. Empty lines are passed over.
 *
 * @param file the name of the text, for the error
 * @throws InvalidOptionsError naming file, line and column of the first line that is not JSON, half-written ones included
 */
export function parseJsonLines(text: string, file: string): JsonLine[] {
  const values: JsonLine[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    values.push({ line: index + 1, value: parseLine(line, `${file}:${index + 1}`) });
  }
  return values;
}

function parseLine(line: string, place: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    const position = /position (\d+)/.exec(String(error))?.[1];
    const column = (position === undefined ? line.trimEnd().length : Number(position)) + 1;
    throw brokenLine(`${place}:${column}`, line.slice(Math.max(0, column - 20), column + 20));
  }
}

function brokenLine(place: string, given: string): InvalidOptionsError {
  return new InvalidOptionsError([
    {
      path: place,
      given,
      allowed: "one whole JSON value a line",
      message: `${place}: ${showValue(given)} is not one whole JSON value. Mend the line, or delete it if it is half-written.`,
    },
  ]);
}

/** Turns a whole answer into the stream that a streaming call expects: its text in words, one after the other. */
export function streamOf({ content, response, ...result }: LanguageModelV4GenerateResult): LanguageModelV4StreamResult {
  const text = content.map((part) => (part.type === "text" ? part.text : "")).join("");
  const deltas = text.match(/\s*\S+\s*$|\s*\S+/g) ?? (text ? [text] : []);
  const parts: LanguageModelV4StreamPart[] = [
    { type: "stream-start", warnings: result.warnings },
    { type: "response-metadata", ...response },
    { type: "text-start", id: "0" },
    ...deltas.map((delta) => ({ type: "text-delta" as const, id: "0", delta })),
    { type: "text-end", id: "0" },
    {
      type: "finish",
      finishReason: result.finishReason,
      usage: result.usage,
      ...(result.providerMetadata && { providerMetadata: result.providerMetadata }),
    },
  ];
  const stream = new ReadableStream<(typeof parts)[number]>({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
  return { stream };
}
