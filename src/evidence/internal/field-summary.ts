import type { BundleSummary, Disagreement, FieldSummary } from "../../contract/bundle.ts";
import { type Agreement, type Answer, isTied, Whole } from "./agreement.ts";
import type { Field } from "./field.ts";
import { lastingLeadProbability } from "./stopping/lead-probability.ts";
import { absent, type Leaf, leafValue } from "./values.ts";

/** Puts what the replicates say about one field into numbers. */
function summarizeField(field: Field, agreement: Agreement): FieldSummary {
  const { answers } = agreement;
  const [winner, second] = answers;
  const given = givenIn(agreement);
  return {
    ...shownValue(given),
    tied: isTied(agreement),
    support: given.votes,
    confidence: confidenceIn(given, field, agreement),
    stability: lastingLeadProbability(winner.votes, second?.votes ?? 0),
    distribution: answers.map((answer) => ({ ...shownValue(answer), support: answer.votes })),
  };
}

function givenIn({ answers, given }: Agreement): Answer {
  return given ?? answers[0];
}

/** The probability that an answer to a field is right. */
function confidenceIn(answer: Answer, field: Field, { answers, textScore }: Agreement): number {
  const valid = Math.max(
    field.codes.length,
    answers.reduce((sum, { votes }) => sum + votes, 0),
  );
  if (textScore !== undefined && answer === answers[0]) return textConfidence({ score: textScore, valid });
  return fieldConfidence({ votes: answer.votes, valid, distinct: answers.length });
}

/** An absent value has no `value`, which JSON keeps as it is, and which is no `null` that a replicate gave. */
function shownValue({ leaf }: Answer): { value: unknown } {
  if (leaf === absent) return {} as { value: unknown };
  return { value: leaf instanceof Whole ? leaf.value : leafValue(leaf as Leaf) };
}

/**
 * The probability that the winner of a vote is right, without labels: `(votes + 1) / (valid + distinct + 1)`, 0 without
 * a vote. The share of the votes, as the rule of succession has it (Laplace 1774), with one doubt more for every answer
 * there is: where samples differ in many ways, an answer that was not sampled is likelier (Witten and Bell 1991).
 *
 * A single number for all tasks has to stand between those where unanimity means right and those where it does not;
 * `fitCalibration` learns from labels which one a task is.
 *
 * @param counts `votes` of the winner, `valid` replicates, `distinct` answers
 * @returns from 0 to 1; rises with `votes`
 *
 * @example
 * ```ts
 * fieldConfidence({ votes: 5, valid: 5, distinct: 1 }); // 0.857
 * fieldConfidence({ votes: 3, valid: 5, distinct: 2 }); // 0.5
 * ```
 */
export function fieldConfidence(counts: { votes: number; valid: number; distinct: number }): number {
  const { votes, valid, distinct } = counts;
  return valid === 0 ? 0 : (votes + 1) / (valid + distinct + 1);
}

/**
 * The probability that the medoid of texts is right, without labels: `(valid * score + 1/2) / (valid + 1)`, 0 without a
 * text. The score counts as that many soft votes of `valid` (Krichevsky and Trofimov 1981). Texts that differ only in
 * part already lower the score, so that how many clusters there are is not held against it again.
 *
 * @param texts `score` of `clusterTexts`, in [0, 1]; `valid` replicates
 * @returns from 0 to 1; rises with `score`
 *
 * @example
 * ```ts
 * textConfidence({ score: 1, valid: 5 }); // 0.917
 * ```
 */
export function textConfidence({ score, valid }: { score: number; valid: number }): number {
  return valid === 0 ? 0 : (valid * score + 0.5) / (valid + 1);
}

/** Returns the numbers of the fields, and of all together: the weighted mean of their confidence, and the least of each. */
export function judgementOf(
  agreements: ReadonlyMap<Field, Agreement>,
): Pick<BundleSummary, "fields" | "confidence" | "weakest" | "stability"> {
  if (agreements.size === 0) return { fields: {}, confidence: 0, weakest: 0, stability: 0 };
  const fields: BundleSummary["fields"] = {};
  const shown = shownFields(agreements);
  let [weighted, weights, weakest, stability] = [0, 0, 1, 1];
  for (const [field, agreement] of agreements) {
    const summary = summarizeField(field, agreement);
    if (shown.get(field.pointer) === field) fields[field.pointer] = summary;
    const { confidence } = summary;
    weighted += field.rules.weight * confidence;
    weights += field.rules.weight;
    weakest = Math.min(weakest, confidence);
    stability = Math.min(stability, summary.stability);
  }
  return { fields, confidence: weights > 0 ? weighted / weights : 0, weakest, stability };
}

/** The field of each pointer. A list's item 0 and an object's member "0" share one: the one in the consensus is shown. */
function shownFields(agreements: ReadonlyMap<Field, Agreement>): Map<string, Field> {
  const shown = new Map<string, Field>();
  for (const [field, agreement] of agreements)
    if (!shown.has(field.pointer) || givenIn(agreement).leaf !== absent) shown.set(field.pointer, field);
  return shown;
}

/**
 * Tokens of a row on average, each row counted by the weight of the fields on which it gives the consensus: an answer
 * that took its author more work than others is right more often, or less, by task.
 *
 * @param tokens by row; rows without are left out
 */
export function meanTokens(
  agreements: ReadonlyMap<Field, Agreement>,
  tokens: readonly (number | undefined)[],
): number | undefined {
  if (tokens.every((used) => used === undefined)) return undefined;
  const agreeing = new Float64Array(tokens.length);
  for (const [{ rules }, agreement] of agreements)
    for (const row of givenIn(agreement).rows) agreeing[row] = (agreeing[row] as number) + rules.weight;
  let [total, weights] = [0, 0];
  for (const [row, used] of tokens.entries()) {
    if (used === undefined) continue;
    total += used * (agreeing[row] as number);
    weights += agreeing[row] as number;
  }
  return weights > 0 ? total / weights : undefined;
}

/**
 * The fields with more than one answer, most contested first: least support of the winner, then least lead.
 *
 * @param replicates the valid ones, in the order of the rows
 */
export function disagreementsOf(
  agreements: ReadonlyMap<Field, Agreement>,
  replicates: readonly { readonly id: string }[],
): Disagreement[] {
  const shown = shownFields(agreements);
  return [...agreements]
    .filter(([field, { answers }]) => answers.length > 1 && shown.get(field.pointer) === field)
    .sort(([, a], [, b]) => a.answers[0].votes - b.answers[0].votes || leadOf(a) - leadOf(b))
    .map(([field, agreement]) => ({
      path: field.pointer,
      tied: isTied(agreement),
      values: agreement.answers.map((answer) => ({
        ...shownValue(answer),
        support: answer.votes,
        replicateIds: answer.rows.map((row) => (replicates[row] as { readonly id: string }).id),
      })),
    }));
}

function leadOf({ answers: [winner, second] }: Agreement): number {
  return winner.votes - (second?.votes ?? 0);
}
