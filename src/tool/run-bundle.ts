import type { EvidenceBundle, Replicate, ResolvedBundleOptions } from "../contract/bundle.ts";
import { type Lent, lentWith } from "../contract/call.ts";
import { BudgetExceeded } from "../contract/errors.ts";
import { Incomplete } from "../contract/incomplete.ts";
import type { ToolContext } from "../contract/tool.ts";
import type { Budget } from "../contract/usage.ts";
import { createStoppingRule } from "../evidence/stopping.ts";
import { askReplicate, type BundleAsking } from "./ask-replicate.ts";
import { resolveBundleSchema } from "./bundle-schema.ts";
import type { BundleTool } from "./bundle-tool.ts";
import { createEvidenceBundle, summarizeReplicates, summarizeWithin } from "./create-evidence-bundle.ts";
import { lendByHand } from "./direct-guard.ts";
import { type Failure, type Schedule, scheduleReplicates } from "./replicate-scheduler.ts";

/**
 * Asks for replicates until the answer is settled, and gives the evidence bundle of them.
 *
 * @throws Incomplete with the bundle, where budget, deadline, cancellation or failures ended it before that
 */
export async function runBundle<Input, T>(
  tool: BundleTool<Input, T>,
  request: Input,
  given: ResolvedBundleOptions,
  context: ToolContext,
): Promise<EvidenceBundle<T>> {
  const startedMs = context.clock.now();
  const { schema, options } = await resolveBundleSchema(given);
  const lent = lentFor(context, options.globalBudget);
  const bound = await tool.boundReplicates(request, options, context);
  const asking: BundleAsking<Input, T> = {
    tool,
    request,
    options,
    context,
    lent,
    bound,
    schema,
    responseIds: new Set(),
  };

  const schedule = await scheduleReplicates({
    k: options.k,
    maxParallel: Math.min(options.maxParallel, lent.maxParallel),
    rule: ruleFor(options),
    ask: (index) => askReplicate(asking, index),
    onObserved: (replicates) => reportPartialSummary(replicates, options, context),
  });

  const replicates = schedule.replicates as Replicate<T>[];
  const evidenceBundle = createEvidenceBundle<T>({
    task: tool.name,
    replicates,
    summary: await summarizeWithin(schema, replicates, options),
    options,
    source: tool.source,
    elapsedMs: Math.round(context.clock.now() - startedMs),
    earlyStopReason: earlyStopReason(schedule),
  });
  const failure = schedule.halt ?? (evidenceBundle.summary.validCount === 0 ? schedule.lastFailure : undefined);
  if (failure) throw incomplete(tool.name, evidenceBundle, failure);
  return evidenceBundle;
}

function lentFor(context: ToolContext, limits: Budget | undefined): Lent {
  const lent = lentWith(context) ?? lendByHand(context);
  return limits ? { ...lent, guard: lent.guardWithin(limits) } : lent;
}

function ruleFor(options: ResolvedBundleOptions) {
  const { k, epsilon, stopping, compare, fields } = options;
  const { rule, threshold } = typeof stopping === "object" ? stopping : { rule: stopping, threshold: undefined };
  return createStoppingRule({ k, epsilon, rule, threshold, compare, fields });
}

/** Of many replicates, a summary at each tenth of them is enough, and keeps the whole linear. */
function reportPartialSummary(
  replicates: readonly Replicate[],
  options: ResolvedBundleOptions,
  { events }: ToolContext,
): void {
  const count = replicates.length;
  if (count < 2 || count % Math.max(1, Math.floor(options.k / 10)) !== 0) return;
  events.emit("partial_summary", { summary: summarizeReplicates(replicates, options) });
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
