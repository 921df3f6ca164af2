import type { Escalation, EvidenceBundle, Replicate } from "../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../contract/bundle-options.ts";
import { type Lent, lentWith } from "../contract/call.ts";
import { BudgetExceeded } from "../contract/errors.ts";
import { Incomplete } from "../contract/incomplete.ts";
import type { ToolContext } from "../contract/tool.ts";
import type { Budget } from "../contract/usage.ts";
import { addCalibratedConfidence } from "./add-calibrated-confidence.ts";
import { resolveBundleSchema } from "./bundle-schema.ts";
import { type BundleStage, type BundleWork, runBundleStage } from "./bundle-stage.ts";
import { createEvidenceBundle } from "./create-evidence-bundle.ts";
import { lendByHand } from "./direct-guard.ts";
import { FieldResampling } from "./field-resampling.ts";
import type { Failure, Schedule } from "./replicate-scheduler.ts";
import type { ReplicateSource } from "./replicate-source.ts";
import { schemaFingerprint } from "./schema-fingerprint.ts";

/**
 * Asks for replicates until the answer is settled, and gives the evidence bundle of them. Where the answers of a model
 * stay too uncertain, and `escalate` names a stronger one, that one is asked instead; the summary is then of the last
 * model's answers, and the bundle keeps all.
 *
 * @throws Incomplete with the bundle, where budget, deadline, cancellation or failures ended it before that
 */
export async function runBundle<Input, T>(
  tool: ReplicateSource<Input, T>,
  request: Input,
  given: ResolvedBundleOptions,
  context: ToolContext,
): Promise<EvidenceBundle<T>> {
  const startedMs = context.clock.now();
  const { schema, options } = await resolveBundleSchema(given);
  const resampling = FieldResampling.of(options, schema);
  const lent = lentFor(context, options.globalBudget);
  const work: BundleWork<Input> = { request, options, schema, resampling, context, lent };
  const { evidenceBundle, schedule } = await runStages(tool, work, startedMs);
  const failure = schedule.halt ?? (evidenceBundle.summary.validCount === 0 ? schedule.failures[0] : undefined);
  if (failure) throw incomplete(tool.name, evidenceBundle, causeOf(failure, schedule));
  return evidenceBundle;
}

/** What a circuit opens at, or pauses for. */
const failuresOfProviders = new Set(["rate_limit", "overloaded", "server_error", "timeout", "network"]);

/** An open circuit is what follows from failures; where they are this bundle's own, the first of them is the cause. */
function causeOf(failure: Failure, { failures }: Schedule): Failure {
  if (failure.facts.category !== "circuit_open") return failure;
  return failures.find(({ facts }) => failuresOfProviders.has(facts.category ?? "")) ?? failure;
}

/** Everything that was asked, and how the asking of the last model ended. */
interface Stages<T> {
  readonly evidenceBundle: EvidenceBundle<T>;
  readonly schedule: Schedule;
}

/** Asks the tool's own model, then those it may escalate to, until one is certain enough. */
async function runStages<Input, T>(
  tool: ReplicateSource<Input, T>,
  work: BundleWork<Input>,
  startedMs: number,
): Promise<Stages<T>> {
  const { options, context } = work;
  const { below = 0, to = [] } = options.escalate ?? {};
  const replicates: Replicate<T>[] = [];
  const escalations: Escalation[] = [];
  let asked = tool;
  for (const next of [...to, undefined]) {
    const before = { stage: escalations.length, offset: replicates.length };
    const stage = await runBundleStage(asked, work, before, next === undefined);
    replicates.push(...stage.replicates);
    const evidenceBundle = bundleOf(tool, work, stage, { replicates, escalations, startedMs });
    await addCalibratedConfidence(evidenceBundle, context);
    const { schedule, summary } = stage;
    const confidence = summary.calibratedConfidence ?? summary.confidence;
    if (next === undefined || schedule.halt || context.signal.aborted || confidence >= below) {
      return { evidenceBundle, schedule };
    }
    asked = tool.withModel?.(next) ?? asked;
    const replicateIds = stage.replicates.map(({ id }) => id);
    escalations.push({ from: stage.replicates[0]?.model ?? tool.name, replicateIds, confidence });
  }
  throw new Error("A bundle has at least one stage");
}

/** The bundle of a stage and those before it, whose replicates are kept and do not vote. */
function bundleOf<T>(
  { name, source }: ReplicateSource<any, T>,
  { options, schema, resampling, context }: BundleWork<any>,
  { schedule, summary }: BundleStage<T>,
  asked: {
    readonly replicates: readonly Replicate<T>[];
    readonly escalations: readonly Escalation[];
    readonly startedMs: number;
  },
): EvidenceBundle<T> {
  const { replicates, escalations, startedMs } = asked;
  return createEvidenceBundle<T>({
    task: name,
    replicates,
    summary,
    options,
    source,
    elapsedMs: Math.round(context.clock.now() - startedMs),
    earlyStopReason: earlyStopReason(schedule),
    schemaFingerprint: schema && schemaFingerprint(schema.jsonSchema),
    escalations,
    fieldsAsked: resampling && countAsked(replicates, resampling.parts),
  });
}

function countAsked(replicates: readonly Replicate[], parts: readonly string[]): Record<string, number> {
  const count = (part: string) => replicates.filter(({ fields }) => fields?.includes(part) ?? true).length;
  return Object.fromEntries(parts.map((part) => [part, count(part)]));
}

function lentFor(context: ToolContext, limits: Budget | undefined): Lent {
  const lent = lentWith(context) ?? lendByHand(context);
  return limits ? { ...lent, guard: lent.guardWithin(limits) } : lent;
}

function earlyStopReason({ halt, stopReason }: Schedule): string | undefined {
  if (!halt) return stopReason;
  if (!BudgetExceeded.isInstance(halt.error)) return halt.facts.message;
  return halt.error.budgetType === "timeMs" ? "time" : "budget";
}

function incomplete(toolName: string, evidenceBundle: EvidenceBundle, { error, facts }: Failure): Incomplete {
  return new Incomplete({
    content: { evidenceBundle },
    isUsable: evidenceBundle.summary.validCount > 0,
    failures: { [toolName]: facts },
    cause: error,
  });
}
