import type { ReplicateResult } from "../../contract/bundle.ts";
import type { ToolRuntime } from "../../contract/call.ts";
import { InvalidOutputError } from "../../contract/errors.ts";
import type { PromptMessage } from "../../contract/model.ts";
import { meanLogprobs } from "../../provider/log-probabilities.ts";
import type { ModelAnswer } from "../../provider/model-call.ts";
import { readAnswer } from "../../schema/read-answer.ts";

/**
 * Reads an answer.
 *
 * @param limit of its length, in tokens
 * @param budgetsLimit the same, where a budget set it
 * @throws InvalidOutputError with its faults, or with the limit that cut it off
 */
export async function readResult(
  answer: Omit<ModelAnswer, "usage">,
  runtime: ToolRuntime | undefined,
  limit: number | undefined,
  budgetsLimit: number | undefined,
): Promise<ReplicateResult> {
  const cutOff = answer.isCutOff ? describeCut(budgetsLimit, limit) : undefined;
  const { responseSchema: jsonSchema, checkAnswer: check } = runtime ?? {};
  const { data, repairs, reasoning, locate } = await readAnswer(answer.text, {
    finishReason: answer.finishReason.unified,
    cutOff,
    schema: jsonSchema && { jsonSchema, check },
  }).catch((error) => {
    throw cutOff === undefined ? error : asCut(error, cutOff, budgetsLimit !== undefined);
  });
  const warnings = [...answer.warnings, ...repairs];
  const { modelId, responseId, finishReason } = answer;
  const logprobs = answer.tokens && meanLogprobs(answer.tokens, answer.text, await locate());
  return {
    data,
    model: modelId,
    warnings,
    responseId,
    reasoning: reasoning ?? answer.reasoning,
    finishReason,
    logprobs,
  };
}

function describeCut(budgetsLimit: number | undefined, limit: number | undefined): string {
  if (budgetsLimit !== undefined)
    return `the answer was cut off at ${budgetsLimit} output tokens, thoughts included, a limit that the budget set. Raise the budget, or ask for less`;
  const at = limit === undefined ? "" : `, ${limit} tokens`;
  return `the answer was cut off at its length limit${at}. Raise maxOutputTokens, or ask for less`;
}

/** An answer that the budget cut off. It is asked for again with more room, and not corrected: it was not wrong. */
class CutByBudgetError extends InvalidOutputError {
  override readonly name = "CutByBudgetError";
}

/** An error that says that the answer was cut off, in place of the faults that follow from that. */
function asCut(error: unknown, cutOff: string, isByBudget: boolean): unknown {
  if (!InvalidOutputError.isInstance(error)) return error;
  const options = { data: error.data, cause: error };
  return isByBudget ? new CutByBudgetError([cutOff], options) : new InvalidOutputError([cutOff], options);
}

/** Longest piece of a faulty answer that is shown back to the model. The errors say what is wrong with it. */
const shownAnswerLength = 4_000;

/** Messages that show the model its previous answer and the faults in it; none where the answer had no fault. */
export function correctionOf(previousError: unknown): readonly PromptMessage[] {
  if (!InvalidOutputError.isInstance(previousError) || previousError instanceof CutByBudgetError) return [];
  const { data, errors } = previousError;
  const answer = (typeof data === "string" ? data : (JSON.stringify(data) ?? "")).slice(0, shownAnswerLength);
  const faults = errors.map((error) => `- ${error}`).join("\n");
  return [
    ...(answer === "" ? [] : [{ role: "assistant" as const, content: [{ type: "text" as const, text: answer }] }]),
    {
      role: "user",
      content: [{ type: "text", text: `That answer cannot be used:\n${faults}\nAnswer again, in full.` }],
    },
  ];
}
