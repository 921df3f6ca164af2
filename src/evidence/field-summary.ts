import type { FieldSummary } from "../contract/bundle.ts";
import { type Agreement, type Answer, isTied } from "./agreement.ts";
import { fieldConfidence, textConfidence } from "./confidence.ts";
import type { Field } from "./field.ts";
import { lastingLeadProbability } from "./stopping/lead-probability.ts";
import { absent, leafValue } from "./values.ts";

/** What the replicates say about one field, in numbers. */
export function summarizeField(field: Field, agreement: Agreement): FieldSummary {
  const { answers, textScore } = agreement;
  const [winner, second] = answers;
  const valid = field.codes.length;
  return {
    ...shownValue(winner),
    tied: isTied(agreement),
    support: winner.votes,
    confidence:
      textScore === undefined
        ? fieldConfidence({ votes: winner.votes, valid, distinct: answers.length })
        : textConfidence({ score: textScore, valid }),
    stability: lastingLeadProbability(winner.votes, second?.votes ?? 0),
    distribution: answers.map((answer) => ({ ...shownValue(answer), support: answer.votes })),
  };
}

/** An absent value has no `value`, which JSON keeps as it is, and which is no `null` that a replicate gave. */
export function shownValue({ leaf }: Answer): { value: unknown } {
  return leaf === absent ? ({} as { value: unknown }) : { value: leafValue(leaf) };
}
