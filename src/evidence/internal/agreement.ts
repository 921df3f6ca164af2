import { atOnce, type Slices } from "../../core/slices.ts";
import { type Field, longestLabel } from "./field.ts";
import { closenessOf, clusterProfiles } from "./text/text-clusters.ts";
import type { TextProfile } from "./text/text-profile.ts";
import { groupingWithinTolerance, median } from "./tolerance.ts";
import type { Leaf } from "./values.ts";

/** A list, or an object, with something in it: what it holds is voted on below. */
export const filledList: unique symbol = Symbol("list");
export const filledObject: unique symbol = Symbol("object");

/** A list or an object that is voted on as a whole, not part by part. */
export class Whole {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

/** One answer to a field, given by one or more replicates. */
export interface Answer {
  readonly leaf: Leaf | typeof filledList | typeof filledObject | Whole;
  /** Number of replicates that give it. */
  readonly votes: number;
  /** The replicates that give it, rising. */
  readonly rows: readonly number[];
  /** The codes of the leaves that are this answer. */
  readonly codes: readonly number[];
  /** The row at which it reached its votes. */
  readonly reachedAt: number;
}

/** Answers of the replicates to a field. */
export interface Agreement {
  /**
   * Sorted by falling votes. Among tied answers the likeliest by its log-probabilities comes first, else among tied texts
   * the one closest to all, else the one that reached its votes first in row order. Rows that lack an item that most replicates have come last. Never empty.
   */
  readonly answers: readonly [Answer, ...Answer[]];
  /** True if the first is one of several that might be; by default, if the second has as many votes. */
  readonly isTied?: boolean | undefined;
  /** The answer that is given, where that is not the first. */
  readonly given?: Answer | undefined;
  /** Mean likeness of all rows to the winner, in [0, 1]; undefined where that is no text. */
  readonly textScore: number | undefined;
}

/** Groups the leaves of a field into answers: the same codes, texts alike to the caller's similarity, numbers in tolerance. */
export function agree(field: Field): Agreement {
  return atOnce(agreeing(field));
}

/** `agree`, in slices. */
export function* agreeing(field: Field): Slices<Agreement> {
  yield field.leaves.length + field.codes.length / 16;
  if (field.isBySimilarity) return yield* agreeOnTexts(field);
  const { tolerance } = field.rules;
  const groups = tolerance === undefined ? [] : yield* groupingWithinTolerance(field, tolerance);
  const answers = groups.map((codes) => answerOf(field, codes, median(field, codes)));
  return yield* byLikeness(field, ranked([...answers, ...exactAnswers(field, groups.flat())]));
}

/**
 * Puts the tied answer first that its models hold likeliest; else of texts the one closest to the texts of all rows.
 * Equal ones keep their order.
 */
function* byLikeness(field: Field, ranking: [Answer, ...Answer[]]): Slices<Agreement> {
  const [, second] = ranking;
  const isTie = second !== undefined && ranking[0].votes === second.votes;
  const likeliest = isTie ? likeliestOf(field, ranking) : undefined;
  const answers = likeliest ? inFront(likeliest, ranking) : ranking;
  const [winner] = answers;
  const texts = field.isText ? answers.filter(({ leaf }) => typeof leaf === "string") : [];
  const { isFreeText } = field.rules;
  if (!texts.includes(winner) || !(isFreeText || isTie)) return { answers, textScore: undefined };
  if (likeliest) {
    const textScore = isFreeText ? (yield* votesWithLikeness(winner, texts)) / field.codes.length : undefined;
    return { answers, textScore };
  }
  const closeness = yield* closenessOf(texts.map(asWeighed));
  let closest = 0;
  texts.forEach(({ votes }, at) => {
    if (votes === winner.votes && (closeness[at] as number) > (closeness[closest] as number) + rounding) closest = at;
  });
  const first = texts[closest] as Answer;
  const textScore = isFreeText ? (yield* votesWithLikeness(first, texts)) / field.codes.length : undefined;
  return { answers: inFront(first, answers), textScore };
}

function inFront(first: Answer, answers: readonly Answer[]): [Answer, ...Answer[]] {
  return [first, ...answers.filter((answer) => answer !== first)];
}

/**
 * Returns the tied answer with the highest sum of mean token probabilities; none where a vote for one of them has no
 * log-probability, and none of long texts: the mean of many words says little.
 */
function likeliestOf({ likelihoods, hasLongText }: Field, answers: [Answer, ...Answer[]]): Answer | undefined {
  if (likelihoods.size === 0 || hasLongText) return undefined;
  const tied = answers.filter(({ votes }) => votes === answers[0].votes);
  if (!tied.every(({ rows }) => rows.every((row) => likelihoods.has(row)))) return undefined;
  const sums = tied.map(({ rows }) => rows.reduce((sum, row) => sum + (likelihoods.get(row) as number), 0));
  const highest = sums.reduce((most, sum) => Math.max(most, sum));
  return sums.filter((sum) => sum > highest - rounding).length === 1 ? tied[sums.indexOf(highest)] : undefined;
}

/**
 * The votes of a text, and those of others as far as they are like it. Of long texts only the votes: they are alike also
 * where they differ in the one word that counts.
 */
function* votesWithLikeness(text: Answer, texts: readonly Answer[]): Slices<number> {
  const isShort = ({ leaf }: Answer) => (leaf as string).length <= longestLabel;
  if (!isShort(text)) return text.votes;
  const others = texts.filter((other) => other !== text && isShort(other));
  return (yield* closenessOf([text, ...others].map(asWeighed)))[0] as number;
}

function asWeighed({ leaf, votes }: Answer): { text: string; votes: number } {
  return { text: leaf as string, votes };
}

/** Sums that differ by less are equal. */
const rounding = 1e-9;

/** True if the winner has no more votes than the next answer. */
export function isTied({ answers: [winner, second], isTied }: Agreement): boolean {
  return isTied ?? winner.votes === second?.votes;
}

/** Returns answers by falling votes; of tied ones first the one that reached them first. */
export function ranked(answers: Answer[]): [Answer, ...Answer[]] {
  return answers.sort((a, b) => b.votes - a.votes || a.reachedAt - b.reachedAt) as [Answer, ...Answer[]];
}

/** Returns an answer that rows give; its votes are their number. */
export function answerBy(rows: readonly number[], leaf: Answer["leaf"], codes: readonly number[] = []): Answer {
  return { leaf, votes: rows.length, rows, codes, reachedAt: rows.at(-1) ?? -1 };
}

/** The votes of the first and second answer, and how many answers there are: all that a stopping rule reads. */
export interface Votes {
  readonly first: number;
  readonly second: number;
  readonly distinct: number;
}

/** True where the votes on a field are counted as they come. */
export function isCounted({ isExact, listRows, objectRows }: Field): boolean {
  return isExact && listRows.length + objectRows.length === 0;
}

export function* countVotes(field: Field): Slices<Votes> {
  if (isCounted(field)) {
    const distinct = field.leaves.length - (field.votesOf(0) === 0 ? 1 : 0);
    return { first: field.leaderVotes, second: field.runnerUpVotes, distinct };
  }
  const { answers } = yield* agreeing(field);
  return { first: answers[0].votes, second: answers[1]?.votes ?? 0, distinct: answers.length };
}

function* agreeOnTexts(field: Field): Slices<Agreement> {
  const profiles = field.leaves.map((_, code) => field.profileOf(code));
  const rows = Array.from(field.codes.keys()).filter((row) => profiles[field.codes[row] as number]);
  if (rows.length === 0) return { answers: ranked(exactAnswers(field, [])), textScore: undefined };
  const texts = rows.map((row) => profiles[field.codes[row] as number] as TextProfile);
  const { clusters, medoid, score } = yield* clusterProfiles(texts, field.rules.similarity);
  const groups = clusters.map((members) => distinctCodes(members.map((member) => field.codes[rows[member] as number])));
  const answers = groups.map((codes, index) =>
    answerOf(field, codes, index === 0 ? (texts[medoid] as TextProfile).raw : mostFrequent(field, codes)),
  );
  const others = exactAnswers(field, groups.flat());
  const ranking = [...answers, ...others].sort((a, b) => b.votes - a.votes) as [Answer, ...Answer[]];
  const textScore = ranking[0] === answers[0] ? (score * rows.length) / field.codes.length : undefined;
  return { answers: ranking, textScore };
}

function distinctCodes(codes: readonly (number | undefined)[]): readonly number[] {
  return codes.length === 1 ? (codes as [number]) : [...new Set(codes as number[])];
}

/** The leaf with most votes; of equal ones the first. */
function mostFrequent(field: Field, codes: readonly number[]): Leaf {
  return field.leaves[codes.reduce((best, code) => (field.votesOf(code) > field.votesOf(best) ? code : best))] as Leaf;
}

/** Returns an answer for each leaf that is in no group, and for each kind of container. */
function exactAnswers(field: Field, grouped: readonly number[]): Answer[] {
  const { leaves, listRows, objectRows, rows } = field;
  const taken = new Set(grouped);
  const answers: Answer[] = [];
  if (listRows.length > 0) answers.push(answerBy(listRows, filledList));
  if (objectRows.length > 0) answers.push(answerBy(objectRows, filledObject));
  const filled = new Set(answers.flatMap((answer) => answer.rows));
  rows.forEach((own, code) => {
    const giving = code === 0 && filled.size > 0 ? own.filter((row) => !filled.has(row)) : own;
    if (giving.length > 0 && !taken.has(code)) answers.push(answerBy(giving, leaves[code] as Leaf, [code]));
  });
  return answers;
}

function answerOf(field: Field, codes: readonly number[], leaf: Leaf): Answer {
  const [first = 0, ...others] = codes;
  if (others.length === 0) return answerBy(field.rows[first] as number[], leaf, codes);
  const rows = codes.flatMap((code) => field.rows[code] as number[]).sort((a, b) => a - b);
  return answerBy(rows, leaf, codes);
}
