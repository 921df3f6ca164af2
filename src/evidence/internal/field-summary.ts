import type { BundleSummary, Disagreement, FieldSummary } from "../../contract/bundle.ts";
import { type Slices, visiting } from "../../core/slices.ts";
import { type Agreement, type Answer, isTied, Whole } from "./agreement.ts";
import type { Field } from "./field.ts";
import { keptLeadProbability } from "./stopping/lead-probability.ts";
import {
  answersOf,
  confidenceWithLikeness,
  isYesOrNo,
  type JobVotes,
  productOf,
  sizesOfField,
  wholeSizes,
} from "./summary-votes.ts";
import { absent, type Leaf, leafValue } from "./values.ts";
import { stepsOfVector, VoteModel } from "./vote-model.ts";

/** Facts beside the votes that the numbers of a summary need. */
export interface VoteFacts {
  /** Number of possible answers by JSON pointer (`*`: any list index). */
  readonly choices?: Readonly<Record<string, number>> | undefined;
  /** Replicates that can still come. */
  readonly left: number;
}

/** Puts what the replicates say about one field into numbers. */
function summarizeField(field: Field, agreement: Agreement, { choices = {}, left }: VoteFacts): FieldSummary {
  const { answers, textScore } = agreement;
  const [winner, second] = answers;
  const given = givenIn(agreement);
  const distribution = answers.map((answer) => ({ ...shownValue(answer), support: answer.votes }));
  const likeness = given === winner && textScore !== undefined ? textScore * field.codes.length - given.votes : 0;
  const votes = { support: given.votes, distribution, ...(likeness > 0 && { likeness }) };
  const sizes = sizesOfField(votes);
  const possible = choices[field.pointer] ?? choices[field.pattern];
  const { weight } = field.rules;
  const model = VoteModel.of(possible);
  return {
    ...shownValue(given),
    tied: isTied(agreement),
    ...votes,
    confidence: sizes ? confidenceWithLikeness(sizes, likeness, (vector) => model.confidenceAlone(vector)) : 0,
    stability: keptLeadProbability(winner.votes, second?.votes ?? 0, left),
    ...(possible !== undefined && { choices: possible }),
    ...(weight !== 1 && { weight }),
    ...logprobOf(field),
  };
}

/** Log-probability of the only answer to a field; of several answers the votes say more. */
function logprobOf({ codes, likelihoods }: Field): Pick<FieldSummary, "logprob"> {
  const likelihood = codes.length === 1 ? likelihoods.get(0) : undefined;
  return likelihood ? { logprob: Number(Math.log(likelihood).toFixed(6)) } : {};
}

function givenIn({ answers, given }: Agreement): Answer {
  return given ?? answers[0];
}

/** An absent value has no `value`, which JSON keeps as it is, and which is no `null` that a replicate gave. */
function shownValue({ leaf }: Answer): { value: unknown } {
  if (leaf === absent) return {} as { value: unknown };
  return { value: leaf instanceof Whole ? leaf.value : leafValue(leaf as Leaf) };
}

/** Returns the numbers of the fields, and of all together: the weighted mean of their confidence, and the least of each. */
export function* judging(
  agreements: ReadonlyMap<Field, Agreement>,
  facts: VoteFacts,
  groups?: readonly number[],
): Slices<Pick<BundleSummary, "fields" | "confidence" | "confidenceBasis" | "weakest" | "allRight" | "stability">> {
  const fields: BundleSummary["fields"] = {};
  const each: FieldSummary[] = [];
  const shown = yield* shownFields(agreements);
  const vectors = new Set<string>();
  let [weighted, weights, stability] = [0, 0, agreements.size === 0 ? 0 : 1];
  for (const [field, agreement] of agreements) {
    const summary = summarizeField(field, agreement, facts);
    if (shown.get(field.pointer) === field) {
      fields[field.pointer] = summary;
      each.push(summary);
    }
    weighted += field.rules.weight * summary.confidence;
    weights += field.rules.weight;
    stability = Math.min(stability, summary.stability);
    const vector = agreement.answers.map(({ votes }) => votes).join();
    yield 4 + agreement.answers.length + (vectors.has(vector) ? 0 : stepsOfVector);
    vectors.add(vector);
  }
  yield agreements.size;
  const confidence = weights > 0 ? weighted / weights : 0;
  return { fields, confidence, ...(yield* wholeOf({ fields, groups }, each, confidence)), stability };
}

/**
 * Numbers of the whole answer, of which nothing is known but its votes.
 *
 * @param each the fields of the votes
 */
function* wholeOf(
  votes: JobVotes,
  each: readonly FieldSummary[],
  confidence: number,
): Slices<Pick<BundleSummary, "confidenceBasis" | "weakest" | "allRight">> {
  const confidences: number[] = [];
  let weakest = each.length === 0 ? 0 : 1;
  let [answers, isGuess] = [0, false];
  yield* visiting(each, (field) => {
    confidences.push(field.confidence);
    weakest = Math.min(weakest, field.confidence);
    answers = Math.max(answers, answersOf(field));
    isGuess ||= isYesOrNo(field);
  });
  const sizes = wholeSizes(votes);
  const ofWhole = sizes ? VoteModel.of(undefined).confidenceAlone(sizes) : productOf(confidences);
  return {
    confidenceBasis: {
      kind: answers > 1 ? "job" : "none",
      bundles: Math.min(1, answers),
      labels: 0,
      calibrated: answers > 1 && !isGuess,
    },
    weakest,
    allRight: each.length === 1 ? confidence : Math.min(weakest, ofWhole),
  };
}

/** The field of each pointer. A list's item 0 and an object's member "0" share one: the one in the consensus is shown. */
function* shownFields(agreements: ReadonlyMap<Field, Agreement>): Slices<Map<string, Field>> {
  const shown = new Map<string, Field>();
  for (const [field, agreement] of agreements) {
    if (!shown.has(field.pointer) || givenIn(agreement).leaf !== absent) shown.set(field.pointer, field);
    yield 2;
  }
  return shown;
}

/**
 * Tokens of a row on average, each row counted by the weight of the fields on which it gives the consensus: an answer
 * that took its author more work than others is right more often, or less, by task.
 *
 * @param tokens by row; rows without are left out
 */
export function* meaningTokens(
  agreements: ReadonlyMap<Field, Agreement>,
  tokens: readonly (number | undefined)[],
): Slices<number | undefined> {
  if (tokens.every((used) => used === undefined)) return undefined;
  const agreeing = tokens.map(() => 0);
  for (const [{ rules }, agreement] of agreements) {
    const { rows } = givenIn(agreement);
    for (const row of rows) agreeing[row] = (agreeing[row] as number) + rules.weight;
    yield 1 + rows.length / 64;
  }
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
export function* findingDisagreements(
  agreements: ReadonlyMap<Field, Agreement>,
  replicates: readonly { readonly id: string }[],
): Slices<Disagreement[]> {
  const shown = yield* shownFields(agreements);
  const contested: [Field, Agreement][] = [];
  for (const [field, agreement] of agreements) {
    if (agreement.answers.length > 1 && shown.get(field.pointer) === field) contested.push([field, agreement]);
    yield 1;
  }
  yield contested.length;
  contested.sort(([, a], [, b]) => a.answers[0].votes - b.answers[0].votes || leadOf(a) - leadOf(b));
  const disagreements: Disagreement[] = [];
  for (const [field, agreement] of contested) {
    const values: Disagreement["values"] = [];
    for (const answer of agreement.answers) {
      const replicateIds = answer.rows.map((row) => (replicates[row] as { readonly id: string }).id);
      values.push({ ...shownValue(answer), support: answer.votes, replicateIds });
      yield 2 + answer.rows.length / 32;
    }
    disagreements.push({ path: field.pointer, tied: isTied(agreement), values });
  }
  return disagreements;
}

function leadOf({ answers: [winner, second] }: Agreement): number {
  return winner.votes - (second?.votes ?? 0);
}
