import type { ConfidenceReach } from "../../contract/settings.ts";
import { leafChoices } from "../../evidence/schema-hints.ts";
import { createStoppingRule } from "../../evidence/stopping.ts";
import { stoppingOptions } from "./bundle-rule.ts";
import type { BundleWork } from "./run-stage.ts";
import type { BundleCalibration } from "./summary.ts";
import { targetOf } from "./target-rule.ts";

/**
 * Warns before the first call of a threshold that no answer can reach with what the calibration knows now. It may know more
 * later, so the run goes on.
 *
 * @param modelIds the models that may be asked, in their order
 */
export async function warnOfReach(
  modelIds: readonly (string | undefined)[],
  work: BundleWork<any>,
  calibration: BundleCalibration,
): Promise<void> {
  const { options, context, runtime } = work;
  const warn = (message: string) => context.events.emit("warning", { code: "threshold_out_of_reach", message });
  const { below } = options.escalate ?? {};
  for (const modelId of below === undefined ? [] : modelIds.slice(0, -1)) {
    const limit = limitFor(below as number, await calibration.reach(modelId), work);
    if (!limit) continue;
    const model = modelId === undefined ? "the next model" : `the model after ${modelId}`;
    warn(`Every answer goes on to ${model}: escalate.below = ${below} is out of reach. ${limit}`);
    break;
  }
  const { minConfidence } = runtime;
  if (minConfidence === undefined) return;
  const limits: string[] = [];
  for (const modelId of modelIds) {
    const limit = limitFor(minConfidence, await calibration.reach(modelId), work);
    if (!limit) return;
    limits.push(limit);
  }
  warn(`No answer can reach qualityRequirements.minConfidence = ${minConfidence}. ${limits.at(-1)}`);
}

/** Says what keeps a bundle below a threshold; `undefined` where it may reach it, and where nothing tells. */
function limitFor(threshold: number, reach: ConfidenceReach | undefined, work: BundleWork<any>): string | undefined {
  if (!reach) return undefined;
  const { options, schema } = work;
  const { k } = options;
  const choices = schema ? leafChoices(schema.jsonSchema) : {};
  const most = reach([k], choices);
  if (most < threshold) {
    const known = k === 1 ? "One answer has" : `${k} equal answers have`;
    return `${known} a confidence of at most ${shown(most)}. Raise k, label answers, or lower the threshold.`;
  }
  let highest = 0;
  for (const sizes of sizesAtStop(work)) {
    highest = Math.max(highest, reach(sizes, choices));
    if (highest >= threshold) return undefined;
  }
  return (
    `Early stopping ends at a confidence of at most ${shown(highest)}, and ${k} equal answers have ${shown(most)}. ` +
    'Set stopping: "none", label answers, or lower the threshold.'
  );
}

/** Groups of a bundle when its rule stops, from those of equal answers to those that are nearly tied. */
function* sizesAtStop({ options, schema }: BundleWork<any>): Generator<number[]> {
  const { k } = options;
  if (targetOf(options) !== undefined) return yield [k];
  const { epsilon, rule, threshold } = stoppingOptions(options, schema);
  for (let others = 0; 2 * others < k; others++) {
    const stopping = createStoppingRule({ k, epsilon, rule, threshold });
    const votes = [0, 0] as [number, number];
    for (let seen = 0; seen < k; seen++) {
      const isOther = seen < 2 * others && seen % 2 === 1;
      votes[isOther ? 1 : 0]++;
      if (stopping.observe(isOther).stop) break;
    }
    yield votes.filter((size) => size > 0);
  }
}

/** Rounded up: a confidence that is out of reach is not shown as less than it is. */
function shown(confidence: number): string {
  return (Math.ceil(confidence * 1000) / 1000).toFixed(3);
}
