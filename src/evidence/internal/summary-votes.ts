import type { BundleSummary, FieldSummary } from "../../contract/bundle.ts";
import { assertUsable, InvalidOptionsError } from "../../core/errors.ts";
import type { GroupSizes } from "./vote-model.ts";

/** Part of a summary that a job calibration reads. */
export type JobVotes = Pick<BundleSummary, "fields"> & Partial<Pick<BundleSummary, "groups">>;

/** Votes on one field of a bundle. `""` is the whole answer. */
export interface VotesOnField {
  readonly pointer: string;
  readonly sizes: GroupSizes;
}

/**
 * Votes on every field of a bundle and on whole answers; none without a valid answer.
 *
 * @throws InvalidOptionsError for what is no summary and no list of sizes
 */
export function votesOf(bundle: JobVotes | GroupSizes | null): VotesOnField[] {
  if (bundle === null) return [];
  if (isSizes(bundle)) {
    const isUsable = bundle.every((size) => Number.isInteger(size) && size > 0);
    assertUsable(isUsable, "bundle", bundle, "sizes of groups: whole numbers above 0, that of the consensus first");
    return bundle.length > 0 ? [{ pointer: "", sizes: ordered(bundle) }] : [];
  }
  const isSummary = typeof bundle === "object" && typeof bundle.fields === "object" && bundle.fields !== null;
  assertUsable(isSummary, "bundle", bundle, "a summary of a bundle, a list of sizes, or null");
  const pointers = Object.keys(bundle.fields);
  const whole = pointers.includes("") ? undefined : wholeSizes(bundle);
  return [
    ...pointers.map((pointer) => ({ pointer, sizes: sizesOfField(fieldAt(bundle, pointer)) })),
    { pointer: "", sizes: whole },
  ].filter((votes): votes is VotesOnField => votes.sizes !== undefined);
}

export function isSizes(bundle: JobVotes | GroupSizes): bundle is GroupSizes {
  return Array.isArray(bundle);
}

export function fieldAt(summary: JobVotes, pointer: string): FieldSummary {
  return summary.fields[pointer] as FieldSummary;
}

/** Votes for the value that is given, then those for the others; undefined where no answer gives it. */
export function sizesOfField({ support, distribution }: FieldSummary): GroupSizes | undefined {
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

/** The order of the groups behind the consensus means nothing. */
function ordered([consensus, ...others]: GroupSizes): GroupSizes {
  return [consensus as number, ...others.filter((size) => size > 0).sort((a, b) => b - a)];
}

/** The pointer with `*` in place of list indices: items of a list are fields of one kind. */
export function patternOf(pointer: string): string {
  return pointer.replace(/\/\d+(?=\/|$)/g, "/*");
}

const yesOrNo = /^\W*(?:yes|no|true|false)\W*$/i;

/** True where answers are yes or no in any form: whether the votes say anything then, no votes can tell. */
export function isYesOrNo({ distribution }: FieldSummary): boolean {
  return distribution.every(
    ({ value }) => typeof value === "boolean" || (typeof value === "string" && yesOrNo.test(value)),
  );
}

/**
 * Verdict of a label on one field. The whole tells of a single field, and all fields tell of the whole. Otherwise a label
 * would count for right answers only, or for wrong ones only.
 */
export function verdictOn(
  pointer: string,
  summary: JobVotes | GroupSizes,
  correct: boolean | Readonly<Record<string, boolean>>,
): boolean | undefined {
  const pointers = isSizes(summary) ? [""] : Object.keys(summary.fields);
  if (typeof correct === "boolean") return pointer === "" || pointers.length === 1 ? correct : undefined;
  if (pointer in correct || pointer !== "") return correct[pointer];
  return pointers.every((each) => each in correct) ? !Object.values(correct).includes(false) : undefined;
}

/** @throws InvalidOptionsError for a verdict on what the answers do not have */
export function assertVerdict(
  summary: JobVotes | GroupSizes,
  correct: boolean | Readonly<Record<string, boolean>>,
): void {
  if (typeof correct === "boolean") return;
  const pointers = isSizes(summary) ? [] : Object.keys(summary.fields);
  const isObject = typeof correct === "object" && correct !== null;
  assertUsable(isObject, "correct", correct, "true, false, or an object of JSON pointers with true or false");
  const issues = Object.entries(correct)
    .filter(([pointer, verdict]) => typeof verdict !== "boolean" || !(pointer === "" || pointers.includes(pointer)))
    .map(([pointer, given]) => {
      const allowed =
        typeof given === "boolean" ? `a field of the answer: ${pointers.join(", ") || 'none, so ""'}` : "true or false";
      return {
        path: `correct[${JSON.stringify(pointer)}]`,
        given: typeof given === "boolean" ? pointer : given,
        allowed,
      };
    });
  if (issues.length > 0) throw new InvalidOptionsError(issues);
}
