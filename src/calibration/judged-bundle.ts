import type { EvidenceBundle } from "../contract/bundle.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";

/** A bundle, and whether its consensus was right. */
export interface JudgedBundle {
  /** Your name for what was asked, such as the run's `requestId`: a later label of the same id replaces this one. */
  readonly id: string;
  readonly bundle: EvidenceBundle<any>;
  readonly correct: boolean;
}

/** @throws InvalidOptionsError naming every fault */
export function assertJudged(judged: readonly JudgedBundle[]): void {
  const issues = judged.flatMap(issuesOf);
  if (issues.length > 0) throw new InvalidOptionsError(issues);
}

function issuesOf({ id, bundle, correct }: JudgedBundle, index: number): OptionIssue[] {
  const at = `judged[${index}]`;
  const issues: OptionIssue[] = [];
  if (typeof id !== "string" || id === "") issues.push({ path: `${at}.id`, given: id, allowed: "a text, not empty" });
  if (typeof correct !== "boolean") issues.push({ path: `${at}.correct`, given: correct, allowed: "true or false" });
  if (bundle.summary.validCount === 0) {
    const allowed = "a bundle with a valid answer: without one there is no consensus to judge";
    issues.push({ path: `${at}.bundle`, given: "a bundle without a valid answer", allowed });
  }
  return issues;
}
