import { InvalidOutputError } from "../contract/invalid-output-error.ts";
import type { PromptMessage } from "../contract/model.ts";

/** Longer answers are cut where they are shown back to the model: what is wrong with them stands in the errors. */
const shownAnswerLength = 4_000;

/**
 * The messages of a further attempt: after an answer that did not fit, the model is shown it and what was wrong.
 *
 * @param previousError what the attempt before failed with
 */
export function withCorrection(messages: readonly PromptMessage[], previousError: unknown): readonly PromptMessage[] {
  if (!InvalidOutputError.isInstance(previousError)) return messages;
  const { data, errors } = previousError;
  const answer = (typeof data === "string" ? data : (JSON.stringify(data) ?? "")).slice(0, shownAnswerLength);
  const faults = errors.map((error) => `- ${error}`).join("\n");
  return [
    ...messages,
    ...(answer === "" ? [] : [{ role: "assistant" as const, content: [{ type: "text", text: answer }] }]),
    {
      role: "user",
      content: [{ type: "text", text: `That answer cannot be used:\n${faults}\nAnswer again, in full.` }],
    },
  ];
}
