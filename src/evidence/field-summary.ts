import type { FieldSummary } from "../contract/bundle.ts";
import { type Agreement, type Answer, isTied } from "./agreement.ts";
import { fieldConfidence, textConfidence } from "./confidence.ts";
import type { Field } from "./field.ts";
import { lastingLeadProbability } from "./stopping/lead-probability.ts";
import { absent, leafValue } from "./values.ts";

/** What the replicates say about one field, in numbers. */
export function summarizeField(field: Field, agreement: Agreement): FieldSummary {
  const { answers } = agreement;
  const [winner, second] = answers;
  return {
    ...shownValue(winner),
    tied: isTied(agreement),
    support: winner.votes,
    confidence: confidenceIn(winner, field, agreement),
    stability: lastingLeadProbability(winner.votes, second?.votes ?? 0),
    distribution: answers.map((answer) => ({ ...shownValue(answer), support: answer.votes })),
  };
}

/** The probability that an answer to a field is right. */
export function confidenceIn(answer: Answer, field: Field, { answers, textScore }: Agreement): number {
  const valid = field.codes.length;
  if (textScore !== undefined && answer === answers[0]) return textConfidence({ score: textScore, valid });
  return fieldConfidence({ votes: answer.votes, valid, distinct: answers.length });
}

/** An absent value has no `value`, which JSON keeps as it is, and which is no `null` that a replicate gave. */
export function shownValue({ leaf }: Answer): { value: unknown } {
  return leaf === absent ? ({} as { value: unknown }) : { value: leafValue(leaf) };
}
