import type { LanguageModelV4CallOptions, LanguageModelV4Message } from "@ai-sdk/provider";
import * as v from "valibot";
import { fingerprint } from "../core/canonical.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import { parseJsonLines } from "./json-lines.ts";
import { toPrompt } from "./prompt.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const answerLine = v.object({
  /** What the user said: the text of all user messages. */
  question: v.string(),
  /** `promptKey` of the call. Without it, the line answers every prompt in which the user asks the question. */
  key: v.optional(v.string()),
  /** Which of several answers to the prompt it is, from 0. Default: the next one. */
  index: v.optional(count),
  text: v.string(),
  /** The model that gave the answer. */
  model: v.optional(v.string()),
  provider: v.optional(v.string()),
  seed: v.optional(count),
  finishReason: v.optional(v.string()),
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

/** What tells one question to a model from another: its messages and the schema of the answer. */
export function promptKey({ prompt, responseFormat }: LanguageModelV4CallOptions): string {
  const messages = toPrompt(prompt, "v4").map(({ role, content }) => ({ role, content }));
  return fingerprint({ messages, schema: responseFormat?.type === "json" ? responseFormat.schema : undefined });
}

/** What the user says in a prompt, all of it. */
export function userText({ prompt }: Pick<LanguageModelV4CallOptions, "prompt">): string {
  const texts = prompt.filter(({ role }) => role === "user").map(textOf);
  return texts.join("\n\n").trim();
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
