import { assertUsable, InvalidOptionsError } from "../../core/errors.ts";
import { isSizes, type JobVotes } from "./summary-votes.ts";
import type { GroupSizes } from "./vote-model.ts";

/**
 * Reads the verdict of a label on each field. The whole tells of a single field, and all fields tell of the whole. Otherwise a
 * label would count for right answers only, or for wrong ones only.
 *
 * @returns the verdict on the field at a pointer; `undefined` where the label says nothing of it
 */
export function readVerdicts(
  summary: JobVotes | GroupSizes,
  correct: boolean | Readonly<Record<string, boolean>>,
): (pointer: string) => boolean | undefined {
  const pointers = isSizes(summary) ? [""] : Object.keys(summary.fields);
  if (typeof correct === "boolean") return (pointer) => (pointer === "" || pointers.length === 1 ? correct : undefined);
  return (pointer) => {
    if (pointer in correct || pointer !== "") return correct[pointer];
    return pointers.every((each) => each in correct) ? !Object.values(correct).includes(false) : undefined;
  };
}

/** @throws InvalidOptionsError for a verdict on what the answers do not have */
export function assertVerdict(
  summary: JobVotes | GroupSizes,
  correct: boolean | Readonly<Record<string, boolean>>,
): void {
  if (typeof correct === "boolean") return;
  const pointers = new Set(isSizes(summary) ? [] : Object.keys(summary.fields));
  const isObject = typeof correct === "object" && correct !== null;
  assertUsable(isObject, "correct", correct, "true, false, or an object of JSON pointers with true or false");
  const issues = Object.entries(correct)
    .filter(([pointer, verdict]) => typeof verdict !== "boolean" || !(pointer === "" || pointers.has(pointer)))
    .map(([pointer, given]) => {
      const allowed =
        typeof given === "boolean"
          ? `a field of the answer: ${[...pointers].join(", ") || 'none, so ""'}`
          : "true or false";
      return {
        path: `correct[${JSON.stringify(pointer)}]`,
        given: typeof given === "boolean" ? pointer : given,
        allowed,
      };
    });
  if (issues.length > 0) throw new InvalidOptionsError(issues);
}
