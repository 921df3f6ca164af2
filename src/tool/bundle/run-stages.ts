import type { BundleSummary, EvidenceBundle, Replicate } from "../../contract/bundle.ts";
import { runtimeOf } from "../../contract/call.ts";
import { BudgetExceeded } from "../../contract/errors.ts";
import type { ToolContext } from "../../contract/tool.ts";
import { messageOf } from "../../core/errors.ts";
import { CancelScope } from "../../core/signal.ts";
import { type BundleStage, type BundleWork, runBundleStage } from "./bundle-stage.ts";
import { createEvidenceBundle } from "./create-evidence-bundle.ts";
import { schemaFingerprint } from "./journal.ts";
import type { Schedule } from "./replicate-scheduler.ts";
import type { BoundSource, ReplicateSource } from "./replicate-source.ts";
import { innerContext } from "./tool-runtime.ts";

/**
 * Job: ask the tool's own model, then those that it may escalate to, until one is certain enough.
 * Boundary: what becomes of a bundle that ended early is the caller's.
 * Invariants:
 * 1. Every model is found, and priced where money counts, before the first call.
 * 2. The last model with a valid answer votes. One that was asked after it and has none takes nothing away: its
 *    replicates stand in the bundle as invalid ones do.
 */

/** Everything that was asked, and how the asking of the last model ended. */
interface Stages<T> {
  readonly evidenceBundle: EvidenceBundle<T>;
  readonly schedule: Schedule;
  /** Whether the last model has a valid answer. */
  readonly isAnswered: boolean;
}

export async function runStages<Input, T>(
  tool: ReplicateSource<Input, T>,
  work: BundleWork<Input>,
  startedMs: number,
): Promise<Stages<T>> {
  const { context, runtime, options } = work;
  const { below = 0 } = options.escalate ?? {};
  const models = await boundModels(tool, work);
  const stages: BundleStage<T>[] = [];
  for (const [index, model] of models.entries()) {
    const before = { stage: index, offset: stages.flatMap(({ replicates }) => replicates).length };
    const isLast = index === models.length - 1;
    const stage = await runBundleStage(model, work, before, isLast);
    stages.push(stage);
    const { schedule, summary } = stage;
    const isAnswered = summary.validCount > 0;
    const evidenceBundle = await bundleOf(tool, work, stages, startedMs, schedule);
    if (isAnswered) await addCalibratedConfidence(evidenceBundle, context);
    if (isLast || schedule.halt || confidenceOf(summary) >= below) return { evidenceBundle, schedule, isAnswered };
    if (!context.signal.aborted) continue;
    const { reason } = context.signal;
    const halted = { ...schedule, halt: { error: reason, facts: runtime.failureOf(reason, 0) } };
    return {
      evidenceBundle: await bundleOf(tool, work, stages, startedMs, halted),
      schedule: halted,
      isAnswered,
    };
  }
  throw new Error("A bundle has at least one stage");
}

/** The tool over each model that may be asked, with the bounds of its replicates. */
async function boundModels<Input, T>(
  tool: ReplicateSource<Input, T>,
  { request, options, schema, resampling, context, runtime }: BundleWork<Input>,
): Promise<BoundSource<Input, T>[]> {
  const answers = { responseSchema: schema?.jsonSchema, askableFields: resampling?.parts };
  const bundleContext = innerContext(context, { ...runtime, ...answers });
  const sources = [tool, ...(options.escalate?.to ?? []).map((model) => tool.withModel?.(model) ?? tool)];
  const models: BoundSource<Input, T>[] = [];
  for (const source of sources) {
    models.push({ source, bound: await source.boundReplicates(request, options, bundleContext) });
  }
  return models;
}

function confidenceOf({ calibratedConfidence, confidence }: BundleSummary): number {
  return calibratedConfidence ?? confidence;
}

/** The bundle of all stages so far. Replicates of those before the one that votes are kept, and do not vote. */
async function bundleOf<T>(
  { name }: ReplicateSource<any, T>,
  { options, schema, resampling, context }: BundleWork<any>,
  stages: readonly BundleStage<T>[],
  startedMs: number,
  schedule: Schedule,
): Promise<EvidenceBundle<T>> {
  const replicates = stages.flatMap((stage) => stage.replicates);
  const voting = stages.findLastIndex(({ summary }) => summary.validCount > 0);
  const replaced = stages.slice(0, voting < 0 ? -1 : voting);
  return createEvidenceBundle<T>({
    task: name,
    replicates,
    summary: await summaryOf(stages.slice(replaced.length)),
    options,
    source: stages[replaced.length]?.source,
    elapsedMs: Math.round(context.clock.now() - startedMs),
    earlyStopReason: earlyStopReason(schedule),
    schemaFingerprint: schema && schemaFingerprint(schema.jsonSchema),
    escalations: replaced.map((stage) => escalationOf(stage, name)),
    fieldsAsked: resampling && countAsked(replicates, resampling.parts),
  });
}

/** What the first of these stages agrees on; those after it have no valid answer. */
async function summaryOf<T>(stages: readonly BundleStage<T>[]): Promise<BundleSummary<T>> {
  const [voting, ...unanswered] = stages as [BundleStage<T>, ...BundleStage<T>[]];
  const others = unanswered.flatMap(({ replicates }) => replicates);
  if (others.length === 0) return voting.summary;
  const { calibratedConfidence } = voting.summary;
  const summary = await voting.summaryWith(others);
  return calibratedConfidence === undefined ? summary : Object.assign(summary, { calibratedConfidence });
}

function escalationOf({ replicates, summary }: BundleStage<unknown>, toolName: string) {
  const replicateIds = replicates.map(({ id }) => id);
  return { from: replicates[0]?.model ?? toolName, replicateIds, confidence: confidenceOf(summary) };
}

function countAsked(replicates: readonly Replicate[], parts: readonly string[]): Record<string, number> {
  const count = (part: string) => replicates.filter(({ fields }) => fields?.includes(part) ?? true).length;
  return Object.fromEntries(parts.map((part) => [part, count(part)]));
}

function earlyStopReason({ halt, stopReason }: Schedule): string | undefined {
  if (!halt) return stopReason;
  if (!BudgetExceeded.isInstance(halt.error)) return halt.facts.message;
  return halt.error.budgetType === "timeMs" ? "time" : "budget";
}

/**
 * Fills in what labels say of bundles like this one. A source that fails takes nothing away from an answer that is paid
 * for: the run goes on with a warning.
 */
export async function addCalibratedConfidence(bundle: EvidenceBundle<any>, context: ToolContext): Promise<void> {
  const source = runtimeOf(context)?.calibrations;
  if (!source || bundle.summary.validCount === 0) return;
  const scope = new CancelScope(context.signal);
  try {
    const confidence = await scope.race(source.confidence(bundle));
    if (confidence !== undefined) bundle.summary.calibratedConfidence = confidence;
  } catch (error) {
    const message = `The confidence stays as it is without labels: ${messageOf(error)}`;
    if (!scope.aborted) context.events.emit("warning", { code: "calibration_failed", message });
  } finally {
    scope.dispose();
  }
}
