import type { BundleSummary, FieldSummary } from "../../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import type { BundleKind, LabelledCalibration } from "../../contract/settings.ts";
import type { ToolContext } from "../../contract/tool.ts";
import { InvalidOptionsError } from "../../core/errors.ts";
import type { PartialReplicate } from "../../evidence/internal/parts.ts";
import { nextCount } from "../../evidence/internal/stopping/watched-answers.ts";
import type { Rule } from "./replicate-scheduler.ts";
import type { BundleCalibration } from "./summary.ts";
import { summarizingSoFar } from "./votes.ts";

/** Target confidence of a bundle; undefined where another rule stops it. */
export function targetOf({ stopping }: Pick<ResolvedBundleOptions, "stopping">): number | undefined {
  return typeof stopping === "object" && "target" in stopping ? stopping.target : undefined;
}

/** Without labels, answers that were said to be right in 95 of 100 were so in 83. */
const fewestLabels = 30;

/**
 * Finds the labels that a target confidence rests on, before the first call.
 *
 * @throws InvalidOptionsError where there are too few of them, or other options keep the target from its meaning
 */
export async function labelsForTarget(
  options: ResolvedBundleOptions,
  kind: BundleKind,
  modelId: string | undefined,
  calibration: BundleCalibration,
): Promise<LabelledCalibration | undefined> {
  const target = targetOf(options);
  if (target === undefined) return undefined;
  if (options.escalate)
    throw refused(options, "is given with escalate, whose models have no labels in common. Leave one of them out.");
  if (options.resample === "fields")
    throw refused(options, 'is given with resample: "fields", whose answers are no whole ones. Leave one of them out.');
  const labelled = await calibration.labelled(modelId);
  const { labels = 0 } = labelled ?? {};
  if (labelled && labels >= fewestLabels) return labelled;
  throw refused(
    options,
    `takes ${fewestLabels} labels of "${kind.task}" with this model, schema and k, and there are ${labels}: without them ` +
      "agreement says too little of what is right. Judge answers with steer label or orchestrator.feedback, and give " +
      "the orchestrator their CalibrationStore, or leave stopping out.",
  );
}

function refused({ stopping }: ResolvedBundleOptions, why: string): InvalidOptionsError {
  const path = "toolOptions.stopping";
  return new InvalidOptionsError([
    { path, given: stopping, allowed: "a rule", message: `${path} ${JSON.stringify(stopping)} ${why}` },
  ]);
}

/**
 * Creates the rule that stops once the confidence is reached, or is out of reach even if all that are left agree. Never before
 * two answers.
 */
export function createTargetRule(
  target: number,
  labelled: LabelledCalibration,
  options: () => ResolvedBundleOptions,
): Rule {
  const { k } = options();
  const seen: PartialReplicate<unknown>[] = [];
  let due = 0;
  return {
    needed: Math.min(2, k),
    *observe(data, { valid, logprobs }) {
      seen.push({ id: String(seen.length), data, quality: { valid }, logprobs });
      const left = k - seen.length;
      if (seen.length < due) return { stop: false, needed: due - seen.length };
      due = nextCount(seen.length, k);
      const summary = yield* summarizingSoFar(seen as never, { ...options().compare, k });
      if (summary.validCount === 0) return { stop: false, needed: Math.min(1, left) };
      const reach = (agreeing: number, other = 0) => labelled.confidence(withVotes(summary, agreeing, other));
      const name = `target after ${seen.length} of ${k}`;
      const needed = () =>
        Math.min(
          fewest(left, (more) => reach(more) >= target),
          fewest(left, (more) => reach(left - more, more) < target),
        );
      if (seen.length < 2) return { stop: false, needed: Math.min(left, Math.max(1, needed())) };
      if (reach(0) >= target)
        return { stop: true, needed: 0, reason: `${name}: a confidence of ${shown(reach(0))}, at least ${target}` };
      if (reach(left) < target) {
        const most = `at most ${shown(reach(left))} if all ${left} left agreed`;
        return { stop: true, needed: 0, reason: `${name}: ${target} is out of reach, ${most}` };
      }
      return { stop: false, needed: Math.max(needed(), due - seen.length) };
    },
  };
}

/** Rounded down: what is shown never claims more than there is. */
function shown(confidence: number): string {
  return (Math.floor(confidence * 1000) / 1000).toFixed(3);
}

/** The fewest further answers with which the condition holds; all that are left where none do. */
function fewest(left: number, holds: (more: number) => boolean): number {
  let [tooFew, enough] = [0, left];
  while (enough - tooFew > 1) {
    const middle = (tooFew + enough) >> 1;
    if (holds(middle)) enough = middle;
    else tooFew = middle;
  }
  return enough;
}

/** The votes as they would be with so many more answers that give the consensus, and others that each give one of their own. */
function withVotes(
  { fields, groups }: BundleSummary,
  more: number,
  other: number,
): Pick<BundleSummary, "fields" | "groups"> {
  const alone = Array.from({ length: other }, () => ({ value: undefined, support: 1 }));
  const entries = Object.entries(fields).map(([pointer, field]): [string, FieldSummary] => {
    const leader = field.distribution.findIndex(({ support }) => support === field.support);
    const distribution = field.distribution.map((vote, at) =>
      at === leader ? { ...vote, support: vote.support + more } : vote,
    );
    return [pointer, { ...field, support: field.support + more, distribution: [...distribution, ...alone] }];
  });
  const [first = 0, ...others] = groups ?? [];
  return {
    fields: Object.fromEntries(entries),
    ...(groups && { groups: [first + more, ...others, ...alone.map(() => 1)] }),
  };
}

/** Notes in the bundle if its target was reached, and says so where it was not. */
export function noteTarget(
  { summary, meta }: { summary: BundleSummary<any>; meta: { target?: { confidence: number; reached: boolean } } },
  options: ResolvedBundleOptions,
  { events }: ToolContext,
): void {
  const target = targetOf(options);
  if (target === undefined) return;
  const reached = summary.validCount > 0 && summary.confidence >= target;
  meta.target = { confidence: target, reached };
  if (reached) return;
  const message = `The confidence ${shown(summary.confidence)} misses the target ${target}: look at this answer yourself, or give it to a stronger model.`;
  events.emit("warning", { code: "target_missed", message });
}
