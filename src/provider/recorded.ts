import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { LanguageModelV4CallOptions, LanguageModelV4GenerateResult } from "@ai-sdk/provider";
import { InvalidOptionsError, messageOf, showValue } from "../core/errors.ts";
import { sampleIndexOf } from "./model-call.ts";
import { fromUsage } from "./model-usage.ts";
import { RecordedAnswers, userText } from "./recorded-answers.ts";
import type { OwnModel } from "./response-format.ts";
import { streamOf } from "./stream-of.ts";

/** What is asked was not recorded. Asking again gives the same. */
export class RecordedAnswerMissingError extends Error {
  override readonly name = "RecordedAnswerMissingError";
  readonly isRetryable = false;
}

/**
 * A model that replays a file of recorded answers (docs/guide/models.md has the format). Its answers say `source: "recorded"`.
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
    throw unusable(`recorded:${file}`, `"recorded:" and a file that can be read (${messageOf(error)})`);
  }
}

function onlyModel({ models }: RecordedAnswers, file: string): string {
  const [first, second] = models;
  if (second === undefined) return first ?? basename(file).replace(/\.jsonl?$/, "");
  throw unusable(
    `recorded:${file}`,
    `one of its models, such as "recorded:${file}#${first}" (it has ${[...models].join(", ")})`,
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
    response: answer.model ? { modelId: answer.model } : {},
    warnings: [],
  };
}

function unusable(reference: string, allowed: string): InvalidOptionsError {
  return new InvalidOptionsError([{ path: "model", given: reference, allowed }]);
}
