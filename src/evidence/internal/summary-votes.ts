import type { BundleSummary, FieldSummary } from "../../contract/bundle.ts";
import { assertUsable } from "../../core/errors.ts";
import type { GroupSizes } from "./vote-model.ts";

/** Part of a summary that a job calibration reads. */
export interface JobVotes extends Pick<BundleSummary, "fields"> {
  readonly groups?: readonly number[] | undefined;
}

/** Votes on one field of a bundle. `""` is the whole answer. */
export interface VotesOnField {
  readonly pointer: string;
  readonly sizes: GroupSizes;
  /** Sizes by which the confidence of a text that others are like is shown: labels correct that confidence. */
  readonly shown: GroupSizes;
  /** Number of possible answers, where it is known. */
  readonly choices?: number | undefined;
  /** Mean log-probability of the tokens of a single answer. */
  readonly logprob?: number | undefined;
}

/**
 * Votes on every field of a bundle and on whole answers; none without a valid answer.
 *
 * @throws InvalidOptionsError for what is no summary and no list of sizes
 */
export function votesOf(bundle: JobVotes | GroupSizes | null): VotesOnField[] {
  return Array.from(eachVote(bundle), (votes) =>
    votes.pointer === "" && isSummary(bundle) && !("" in bundle.fields)
      ? { ...votes, logprob: meanLogprob(Object.values(bundle.fields).map(({ logprob }) => logprob)) }
      : votes,
  );
}

function isSummary(bundle: JobVotes | GroupSizes | null): bundle is JobVotes {
  return bundle !== null && !isSizes(bundle);
}

/** `votesOf`, one after the other, without the log-probability of a whole answer, for which all fields are read. */
export function* eachVote(bundle: JobVotes | GroupSizes | null): Generator<VotesOnField> {
  if (bundle === null) return;
  if (isSizes(bundle)) {
    const isUsable = bundle.every((size) => Number.isInteger(size) && size > 0);
    assertUsable(isUsable, "bundle", bundle, "sizes of groups: whole numbers above 0, that of the consensus first");
    const sizes = ordered(bundle);
    if (bundle.length > 0) yield { pointer: "", sizes, shown: sizes };
    return;
  }
  const hasFields = typeof bundle === "object" && typeof bundle.fields === "object" && bundle.fields !== null;
  assertUsable(hasFields, "bundle", bundle, "a summary of a bundle, a list of sizes, or null");
  for (const pointer of Object.keys(bundle.fields)) {
    const field = fieldAt(bundle, pointer);
    const sizes = sizesOfField(field);
    const likeness = Math.round(field.likeness ?? 0);
    if (!sizes) continue;
    const { choices, logprob } = field;
    yield { pointer, sizes, shown: withLikeness(sizes, likeness), choices, logprob };
  }
  const whole = "" in bundle.fields ? undefined : wholeSizes(bundle);
  if (whole) yield { pointer: "", sizes: whole, shown: whole };
}

export function isSizes(bundle: JobVotes | GroupSizes): bundle is GroupSizes {
  return Array.isArray(bundle);
}

export function fieldAt(summary: JobVotes, pointer: string): FieldSummary {
  return summary.fields[pointer] as FieldSummary;
}

/** Votes for the value that is given, then those for the others; undefined where no answer gives it. */
export function sizesOfField({
  support,
  distribution,
}: Pick<FieldSummary, "support" | "distribution">): GroupSizes | undefined {
  const others = distribution.map((answer) => answer.support);
  others.splice(others.indexOf(support), 1);
  return support > 0 ? ordered([support, ...others]) : undefined;
}

/** Sizes of the groups of equal whole answers; undefined where no answer is the consensus. */
export function wholeSizes(summary: JobVotes): GroupSizes | undefined {
  if (summary.groups) return summary.groups[0] ? ordered(summary.groups) : undefined;
  const field = summary.fields[""];
  return field && sizesOfField(field);
}

/** Mean of the fields' log-probabilities of a single answer; undefined where one has none. */
export function meanLogprob(logprobs: readonly (number | undefined)[]): number | undefined {
  let sum = 0;
  for (const logprob of logprobs) {
    if (logprob === undefined) return undefined;
    sum += logprob;
  }
  return logprobs.length > 0 ? sum / logprobs.length : undefined;
}

/** The order of the groups behind the consensus means nothing. */
function ordered([consensus, ...others]: GroupSizes): GroupSizes {
  return [consensus as number, ...others.filter((size) => size > 0).sort((a, b) => b - a)];
}

/** The pointer with `*` in place of list indices: items of a list are fields of one kind. */
export function patternOf(pointer: string): string {
  return pointer.replace(/\/\d+(?=\/|$)/g, "/*");
}

/** Valid answers to a field. */
export function answersOf({ distribution }: FieldSummary): number {
  return distribution.reduce((sum, { support }) => sum + support, 0);
}

const yesOrNo = /^\W*(?:yes|no|true|false)\W*$/i;

/** True where answers are yes or no in any form: whether their votes say anything, no votes can tell. */
export function isYesOrNo({ distribution, choices }: FieldSummary): boolean {
  const isEither = ({ value }: { value: unknown }) =>
    typeof value === "boolean" || (typeof value === "string" && yesOrNo.test(value));
  return choices === 2 || distribution.every(isEither);
}

/**
 * Confidence of a text that others are like: as if so many votes of the smallest groups, whole and in part, were for it.
 *
 * @param confidenceOf the confidence of a vector of sizes
 */
export function confidenceWithLikeness(
  sizes: GroupSizes,
  likeness: number,
  confidenceOf: (sizes: GroupSizes) => number,
): number {
  const whole = Math.floor(likeness);
  const part = likeness - whole;
  const nearer = confidenceOf(withLikeness(sizes, whole));
  if (part < 1e-9) return nearer;
  return (1 - part) * nearer + part * confidenceOf(withLikeness(sizes, whole + 1));
}

/** Sizes as if so many votes of the smallest groups were for the consensus. */
export function withLikeness(sizes: GroupSizes, votes: number): GroupSizes {
  if (votes === 0) return sizes;
  const [consensus, ...others] = sizes;
  let left = votes;
  const rest = others.toReversed().flatMap((size) => {
    const moved = Math.min(left, size);
    left -= moved;
    return size > moved ? [size - moved] : [];
  });
  return ordered([(consensus as number) + votes - left, ...rest]);
}

/** Probability that all of several independent things hold; 0 of nothing. */
export function productOf(probabilities: readonly number[]): number {
  return probabilities.length === 0 ? 0 : probabilities.reduce((product, each) => product * each, 1);
}
