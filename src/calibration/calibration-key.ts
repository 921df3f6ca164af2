import type { EvidenceBundle } from "../contract/bundle.ts";
import { jsonOf } from "../contract/bundle-json.ts";
import { fingerprint } from "../core/canonical.ts";
import { assertUsable, InvalidOptionsError, type OptionIssue } from "../core/errors.ts";

/** Common facts of bundles whose confidence means the same. */
export interface CalibrationKey {
  readonly task: string;
  /** Models that gave the valid answers, in alphabetical order; where a stronger one was asked after the first, in that order. */
  readonly model: string;
  /** Absent where answers are text. */
  readonly schemaFingerprint?: string | undefined;
}

/** Facts of a bundle that say which others are like it. */
export type KeyedBundle = Pick<EvidenceBundle<any>, "meta" | "replicates">;

export function calibrationKeyOf({ meta, replicates }: KeyedBundle): CalibrationKey {
  const { task, schemaFingerprint, escalations } = meta;
  const models = [...new Set(replicates.filter(({ valid }) => valid).map(({ model }) => model))];
  if (!escalations) models.sort();
  return { task, model: models.join(", "), ...(schemaFingerprint !== undefined && { schemaFingerprint }) };
}

/** Returns a name for a bundle: the same for a copy of it, another for the same answers to another question. */
export function bundleIdOf({ meta: { task, seeds }, replicates }: KeyedBundle): string {
  const answers = replicates.map(({ id, seed, valid, model, ...replicate }) => [
    id,
    seed,
    valid,
    model,
    jsonOf(replicate),
  ]);
  return fingerprint({ task, seeds, answers });
}

/** Enough of a task's name to find its file; what tells files apart is the fingerprint. */
const longestSlug = 40;

/** A file name that any file system takes, whatever the task is called: halves of surrogate pairs have their escape. */
export function fileNameOf({ task, model, schemaFingerprint = "" }: CalibrationKey): string {
  return `${slugOf(task)}-${fingerprint(JSON.stringify([task, model, schemaFingerprint])).slice(0, 16)}.json`;
}

/** First part of the names of a task's files. */
export function slugOf(task: string): string {
  const slug = task
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, longestSlug);
  return slug || "task";
}

/** A bundle, and whether its consensus was right. */
export interface JudgedBundle {
  /** Your name for what was asked, such as the run's `requestId`: a later label of the same id replaces this one. */
  readonly id: string;
  readonly bundle: EvidenceBundle<any>;
  readonly correct: Verdict;
}

/** Verdict on a consensus: on the whole of it, or on its fields by JSON pointer. */
export type Verdict = boolean | Readonly<Record<string, boolean>>;

/** @throws InvalidOptionsError naming every fault */
export function assertJudged(judged: readonly JudgedBundle[]): void {
  assertUsable(Array.isArray(judged), "judged", judged, "a list of { id, bundle, correct }");
  const issues = judged.flatMap(issuesOf);
  if (issues.length > 0) throw new InvalidOptionsError(issues);
}

function issuesOf(judged: JudgedBundle, index: number): OptionIssue[] {
  const { id, bundle, correct } = (judged ?? {}) as Partial<JudgedBundle>;
  const at = `judged[${index}]`;
  const issues: OptionIssue[] = [];
  if (typeof id !== "string" || id === "") issues.push({ path: `${at}.id`, given: id, allowed: "a text, not empty" });
  if (!isVerdict(correct)) {
    const allowed = "true, false, or an object of JSON pointers with true or false";
    issues.push({ path: `${at}.correct`, given: correct, allowed });
  }
  if (!bundle?.summary || !bundle.meta || !Array.isArray(bundle.replicates)) {
    const allowed = "an evidence bundle, such as output.content.evidenceBundle";
    issues.push({ path: `${at}.bundle`, given: bundle, allowed });
  } else if (bundle.summary.validCount === 0) {
    const allowed = "a bundle with a valid answer";
    const message = `${at}.bundle has no valid answer, and so no consensus to judge. Leave it out.`;
    issues.push({ path: `${at}.bundle`, given: "a bundle without a valid answer", allowed, message });
  }
  return issues;
}

function isVerdict(correct: unknown): boolean {
  if (typeof correct !== "object" || correct === null) return typeof correct === "boolean";
  const verdicts = Object.values(correct);
  return verdicts.length > 0 && verdicts.every((verdict) => typeof verdict === "boolean");
}
