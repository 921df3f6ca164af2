import type { BundleSummary, EvidenceBundle, EvidenceContent, Replicate } from "../../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import { givenRequest, runtimeOf } from "../../contract/call.ts";
import { consequencesOf } from "../../contract/error-category.ts";
import { BudgetExceeded } from "../../contract/errors.ts";
import { PartialResult } from "../../contract/partial-result.ts";
import type { BundleKind } from "../../contract/settings.ts";
import type { ToolContext } from "../../contract/tool.ts";
import { fingerprint } from "../../core/canonical.ts";
import { seededRandom } from "../../core/random.ts";
import { createJudge } from "./answer-judge.ts";
import { resolveAnswers } from "./answers.ts";
import type { BundleTool } from "./bundle-tool.ts";
import { createEvidenceBundle } from "./create-evidence-bundle.ts";
import { journalQuestions, schemaFingerprint } from "./journal.ts";
import type { Failure, Schedule } from "./replicate-scheduler.ts";
import type { BoundMember, BoundSource, CheckedBundleOptions, ReplicateSource } from "./replicate-source.ts";
import { type BundleStage, type BundleWork, runStage } from "./run-stage.ts";
import { runWhole } from "./run-whole.ts";
import { type BundleCalibration, openCalibration } from "./summary.ts";
import { labelsForTarget, noteTarget } from "./target-rule.ts";
import { innerContext, runtimeFor } from "./tool-runtime.ts";

/**
 * Executes a bundle tool: gives every replicate its seed, makes the bundle, and reports it.
 *
 * @param runsWhole true of a tool with an `executeBundle` of its own, which is then guarded as one call
 */
export async function executeBundleTool<Input, T>(
  tool: BundleTool<Input, T>,
  runsWhole: boolean,
  request: Input,
  checked: CheckedBundleOptions,
  context: ToolContext,
): Promise<EvidenceContent<T>> {
  const seeds = checked.seeds ?? deriveSeeds(tool.name, givenRequest(context, request), checked.k);
  const options = { ...checked, seeds } as ResolvedBundleOptions;
  try {
    const evidenceBundle = runsWhole
      ? await runWhole(tool, request, options, context)
      : await tool.executeBundle(request, options, context);
    context.events.emit("bundle_ready", { evidenceBundle });
    return { evidenceBundle };
  } catch (error) {
    if (error instanceof PartialResult && error.isUsable)
      context.events.emit("bundle_ready", error.content as EvidenceContent);
    throw error;
  }
}

/**
 * Job: make a bundle: resolve what answers have to fit, find each model that may be asked, ask one after the other until
 * an answer is certain enough, and put the replicates together.
 * Boundary: `runStage` asks one model.
 * Invariants:
 * 1. Every model is found, and priced where money counts, before the first call.
 * 2. The last model with a valid answer votes. One that was asked after it and has none takes nothing away: its
 *    replicates stand in the bundle as invalid ones do.
 *
 * @throws PartialResult with the bundle, where budget, deadline, cancellation or failures ended it early
 */
export function runBundle<Input, T>(
  tool: ReplicateSource<Input, T>,
  request: Input,
  options: ResolvedBundleOptions,
  context: ToolContext,
): Promise<EvidenceBundle<T>> {
  const bundle = makeBundle(tool, request, options, context);
  runtimeOf(context)?.onBundle?.(tool, bundle);
  return bundle;
}

async function makeBundle<Input, T>(
  tool: ReplicateSource<Input, T>,
  request: Input,
  given: ResolvedBundleOptions,
  context: ToolContext,
): Promise<EvidenceBundle<T>> {
  const startedMs = context.clock.now();
  const questionFor = journalQuestions(context, tool, request);
  const answers = await resolveAnswers(given);
  const runtime = runtimeFor(context, answers.options.globalBudget);
  const textJudge = await createJudge({ tool, request, context, runtime, options: answers.options });
  const assess = tool.judgeAnswer && (async (answer: unknown) => tool.judgeAnswer?.(answer as T, request));
  const rules = { ...answers, assess };
  const work: BundleWork<Input> = { ...rules, request, context, runtime, textJudge, questionFor };
  const models = await boundModels(tool, work);
  const { evidenceBundle, schedule, isAnswered } = await askModels({ task: tool.name, work, startedMs }, models);
  const failure = schedule.halt ?? (isAnswered ? undefined : schedule.failures[0]);
  if (failure) throw incomplete(tool.name, evidenceBundle, causeOf(failure, schedule));
  warnOfFailures(schedule, context);
  return evidenceBundle;
}

/** Warns of replicates that were lost to failures: the bundle is complete without their votes, and says less. */
function warnOfFailures({ failures, replicates }: Schedule, { events }: ToolContext): void {
  const lost = failures.filter(({ facts }) => facts.category !== "invalid_output");
  const [first] = lost;
  if (!first) return;
  const message = `${lost.length} of ${replicates.length} replicates failed and do not vote. The first: ${first.facts.message}`;
  events.emit("warning", { code: "replicates_failed", message });
}

/** Finds each model that may be asked, and the bounds of its replicates. */
async function boundModels<Input, T>(
  tool: ReplicateSource<Input, T>,
  { request, options, schema, resampling, context, runtime }: BundleWork<Input>,
): Promise<BoundSource<Input, T>[]> {
  const answers = { responseSchema: schema?.jsonSchema, askableFields: resampling?.parts };
  const bundleContext = innerContext(context, { ...runtime, ...answers });
  const sources = [tool, ...(options.escalate?.to ?? []).map((model) => tool.withModel?.(model) ?? tool)];
  const models: BoundSource<Input, T>[] = [];
  for (const source of sources) {
    const members: BoundMember<Input, T>[] = [];
    for (const member of source.members ?? [source])
      members.push({ member, bound: await member.boundReplicates(request, options, bundleContext) });
    models.push({ source, members });
  }
  return models;
}

/** Bundle of all models that were asked, and how the asking of the last one ended. */
interface AskedModels<T> {
  readonly evidenceBundle: EvidenceBundle<T>;
  readonly schedule: Schedule;
  /** True where the last model has a valid answer. */
  readonly isAnswered: boolean;
}

/** A bundle in the making. */
interface Making<Input> {
  readonly task: string;
  readonly work: BundleWork<Input>;
  readonly startedMs: number;
}

/** Asks one model after the other, until one is certain enough. */
async function askModels<Input, T>(
  making: Making<Input>,
  models: readonly BoundSource<Input, T>[],
): Promise<AskedModels<T>> {
  const { work } = making;
  const { context, runtime, options } = work;
  const { below = 0 } = options.escalate ?? {};
  const kind = kindOf(making);
  const calibration = await openCalibration(kind, context);
  const labelled = await labelsForTarget(options, kind, models[0]?.source.modelId, calibration);
  if (options.escalate || runtime.minConfidence !== undefined) {
    const { warnOfReach } = await import("./confidence-reach.ts");
    const modelIds = models.map(({ source }) => source.modelId);
    await warnOfReach(modelIds, work, calibration);
  }
  const stages: BundleStage<T>[] = [];
  for (const [index, model] of models.entries()) {
    const offset = stages.flatMap(({ replicates }) => replicates).length;
    const isLast = index === models.length - 1;
    const stage = await runStage(model, work, { stage: index, offset, isLast, labelled });
    stages.push(stage);
    const { schedule, summary } = stage;
    const isAnswered = summary.validCount > 0;
    const evidenceBundle = await calibratedBundle(making, stages, stage, calibration);
    if (isLast || schedule.halt || confidenceOf(summary) >= below) return { evidenceBundle, schedule, isAnswered };
    if (!context.signal.aborted) continue;
    const { reason } = context.signal;
    const halted = { ...schedule, halt: { error: reason, facts: runtime.failureOf(reason, 0) } };
    return { evidenceBundle: await bundleOf(making, stages, halted), schedule: halted, isAnswered };
  }
  throw new Error("A bundle has at least one stage");
}

/** Makes the bundle of the stages so far, with the numbers that the calibration gives the last one. */
async function calibratedBundle<T>(
  making: Making<any>,
  stages: readonly BundleStage<T>[],
  { schedule, summary, question }: BundleStage<T>,
  calibration: BundleCalibration,
): Promise<EvidenceBundle<T>> {
  const { options, context } = making.work;
  const isAnswered = summary.validCount > 0;
  const evidenceBundle = await bundleOf(making, stages, schedule);
  if (isAnswered) await calibration.calibrate(evidenceBundle, question);
  noteTarget(evidenceBundle, options, context);
  if (isAnswered && !schedule.halt) await calibration.observe(evidenceBundle, question);
  return evidenceBundle;
}

function confidenceOf({ calibratedConfidence, confidence }: BundleSummary): number {
  return calibratedConfidence ?? confidence;
}

/** Facts that this bundle shares with others of its job. */
function kindOf({ task, work: { options, schema } }: Making<any>): BundleKind {
  return { task, k: options.k, schemaFingerprint: schema && schemaFingerprint(schema.jsonSchema) };
}

/** Makes the bundle of all stages so far. Replicates of those before the one that votes are kept, and do not vote. */
async function bundleOf<T>(
  { task, work, startedMs }: Making<any>,
  stages: readonly BundleStage<T>[],
  schedule: Schedule,
): Promise<EvidenceBundle<T>> {
  const { options, schema, resampling, context, textJudge } = work;
  const replicates = stages.flatMap((stage) => stage.replicates);
  const voting = stages.findLastIndex(({ summary }) => summary.validCount > 0);
  const replaced = stages.slice(0, voting < 0 ? -1 : voting);
  return createEvidenceBundle<T>({
    task,
    replicates,
    summary: await summaryOf(stages.slice(replaced.length)),
    options,
    source: stages[replaced.length]?.source,
    elapsedMs: Math.round(context.clock.now() - startedMs),
    earlyStopReason: earlyStopReason(schedule),
    schemaFingerprint: schema && schemaFingerprint(schema.jsonSchema),
    escalations: replaced.map((stage) => escalationOf(stage, task)),
    fieldsAsked: resampling && countAsked(replicates, resampling.parts),
    judge: textJudge?.report,
  });
}

/** Returns the summary of the first of these stages; those after it have no valid answer. */
async function summaryOf<T>(stages: readonly BundleStage<T>[]): Promise<BundleSummary<T>> {
  const [voting, ...unanswered] = stages as [BundleStage<T>, ...BundleStage<T>[]];
  const others = unanswered.flatMap(({ replicates }) => replicates);
  if (others.length === 0) return voting.summary;
  // Answers that are not valid take nothing from the confidence.
  const { fields, confidence, confidenceBasis, calibratedConfidence, weakest, allRight } = voting.summary;
  const summary = await voting.summaryWith(others);
  return Object.assign(summary, {
    ...(calibratedConfidence !== undefined && { calibratedConfidence }),
    ...{ fields, confidence, confidenceBasis, weakest, allRight },
  });
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

/** Returns the cause of a failed bundle. An open circuit follows from failures: the first of this bundle's own counts. */
function causeOf(failure: Failure, { failures }: Schedule): Failure {
  if (failure.facts.category !== "circuit_open") return failure;
  return failures.find(({ facts }) => consequencesOf(facts.category).breaker !== "neutral") ?? failure;
}

function incomplete(toolName: string, evidenceBundle: EvidenceBundle, { error, facts }: Failure): PartialResult {
  return new PartialResult({
    content: { evidenceBundle },
    isUsable: evidenceBundle.summary.validCount > 0,
    failures: { [toolName]: facts },
    cause: error,
  });
}

/** Providers take seeds as 32-bit signed integers. */
const seedLimit = 2 ** 31;

/**
 * Derives a seed for each of `k` replicates from the tool and the caller's request alone, so that the same question is
 * asked with the same seeds wherever and whenever it is asked.
 */
export function deriveSeeds(toolName: string, request: unknown, k: number): number[] {
  const random = seededRandom(startFor(toolName, request));
  const seeds = new Set<number>();
  while (seeds.size < k) seeds.add(Math.floor(random.next() * seedLimit));
  return [...seeds];
}

function startFor(toolName: string, request: unknown): number {
  try {
    return Number.parseInt(fingerprint({ toolName, request }).slice(0, 8), 16);
  } catch {
    // A request with functions or BigInt in it has no canonical form; the tool's name still tells tools apart.
    return Number.parseInt(fingerprint(toolName).slice(0, 8), 16);
  }
}
