import type { BundleSummary } from "../contract/bundle.ts";
import type { Agreement, Answer } from "./agreement.ts";
import type { Field } from "./field.ts";
import { confidenceIn, summarizeField } from "./field-summary.ts";

/**
 * The numbers of the fields, and of all together: the weighted mean of their confidence, and the least of each.
 *
 * @param medoid the row that is given as the consensus, if one is: its answers are what has to be right
 */
export function judgementOf(
  agreements: ReadonlyMap<Field, Agreement>,
  medoid: number | undefined,
): Pick<BundleSummary, "fields" | "confidence" | "weakest" | "stability"> {
  if (agreements.size === 0) return { fields: {}, confidence: 0, weakest: 0, stability: 0 };
  const fields: BundleSummary["fields"] = {};
  let [weighted, weights, weakest, stability] = [0, 0, 1, 1];
  for (const [field, agreement] of agreements) {
    const summary = summarizeField(field, agreement);
    // A list's item 0 and an object's member "0" have one pointer; the one that is in the consensus is shown.
    if (!(field.pointer in fields) || "value" in summary) fields[field.pointer] = summary;
    const confidence = confidenceIn(answerGiven(field, agreement, medoid), field, agreement);
    weighted += field.rules.weight * confidence;
    weights += field.rules.weight;
    weakest = Math.min(weakest, confidence);
    stability = Math.min(stability, summary.stability);
  }
  return { fields, confidence: weights > 0 ? weighted / weights : 0, weakest, stability };
}

function answerGiven({ codes }: Field, { answers }: Agreement, medoid: number | undefined): Answer {
  if (medoid === undefined) return answers[0];
  return answers.find((answer) => answer.codes.includes(codes[medoid] as number)) ?? answers[0];
}
