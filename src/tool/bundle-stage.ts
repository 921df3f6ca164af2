import type { BundleSummary, Replicate } from "../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../contract/bundle-options.ts";
import type { Lent } from "../contract/call.ts";
import type { ToolContext } from "../contract/tool.ts";
import { CancelScope } from "../core/signal.ts";
import { choicesFromSchema } from "../evidence/schema-hints.ts";
import { createStoppingRule, type StoppingRule, type StoppingVerdict } from "../evidence/stopping.ts";
import type { ResolvedSchema } from "../schema/resolve.ts";
import { askReplicate, type BundleAsking } from "./ask-replicate.ts";
import { summarizeReplicates, summarizeWithin } from "./create-evidence-bundle.ts";
import { type Schedule, scheduleReplicates } from "./replicate-scheduler.ts";
import type { ReplicateSource } from "./replicate-source.ts";
import { SettledComparison } from "./settled-comparison.ts";

/** What the stages of a bundle have in common. */
export interface BundleWork<Input> {
  readonly request: Input;
  readonly options: ResolvedBundleOptions;
  readonly schema: ResolvedSchema | undefined;
  readonly context: ToolContext;
  readonly lent: Lent;
}

/** All replicates of one model, and what they come to. */
export interface BundleStage<T> {
  readonly schedule: Schedule;
  readonly replicates: Replicate<T>[];
  readonly summary: BundleSummary<T>;
}

/** So many answers that all differ say that asking the same model on is of little use. */
const hopelessSpread = 3;

/**
 * Asks one tool for replicates until they settle the answer.
 *
 * @param offset replicates that were asked for before, of other models
 * @param isLast false where another model can be asked in place of sampling on
 */
export async function runBundleStage<Input, T>(
  tool: ReplicateSource<Input, T>,
  { request, options, schema, context, lent }: BundleWork<Input>,
  offset: number,
  isLast: boolean,
): Promise<BundleStage<T>> {
  const bound = await tool.boundReplicates(request, options, context);
  const asking: BundleAsking<Input, T> = {
    tool,
    request,
    options,
    context,
    lent,
    bound,
    schema,
    offset,
    responseIds: new Set(),
  };
  const comparison = new SettledComparison(options.compare);
  const settled = () => ({ ...options, compare: comparison.compare });
  const newRule = () => {
    const rule = ruleFor(settled(), schema);
    return isLast ? rule : stopWhenScattered(rule, settled());
  };
  const schedule = await scheduleReplicates({
    k: options.k,
    maxParallel: Math.min(options.maxParallel, lent.maxParallel),
    rule: comparison.isAwaited ? judgeAnew(newRule) : newRule(),
    async ask(index) {
      const asked = await askReplicate(asking, index);
      if (asked.replicate?.valid && comparison.isAwaited)
        await learnUnlessAborted(asked.replicate, comparison, context);
      return asked;
    },
    onObserved: (replicates) => reportPartialSummary(replicates, settled(), context),
  });
  const replicates = schedule.replicates as Replicate<T>[];
  return { schedule, replicates, summary: await summarizeWithin(schema, replicates, settled()) };
}

/** A judge that never answers must not keep a run from ending. */
async function learnUnlessAborted(
  { data }: Replicate,
  comparison: SettledComparison,
  { signal }: ToolContext,
): Promise<void> {
  const scope = new CancelScope(signal);
  try {
    await scope.race(comparison.learn(data));
  } finally {
    scope.dispose();
  }
}

function ruleFor(options: ResolvedBundleOptions, schema: ResolvedSchema | undefined): StoppingRule {
  const { k, epsilon, stopping, compare, fields } = options;
  const { rule, threshold } = typeof stopping === "object" ? stopping : { rule: stopping, threshold: undefined };
  const choices = schema && choicesFromSchema(schema.jsonSchema);
  return createStoppingRule({ k, epsilon, rule, threshold, compare, fields, choices });
}

/** A rule that looks at all replicates again each time, with what is known by then of how they compare. */
function judgeAnew(newRule: () => StoppingRule): StoppingRule {
  const observed: Parameters<StoppingRule["observe"]>[] = [];
  return {
    needed: newRule().needed,
    observe(...replicate) {
      observed.push(replicate);
      const rule = newRule();
      return observed.map((earlier) => rule.observe(...earlier)).at(-1) as StoppingVerdict;
    },
  };
}

/** A rule that also stops when the first few answers agree on nothing. */
function stopWhenScattered(rule: StoppingRule, { compare }: ResolvedBundleOptions): StoppingRule {
  const seen: { id: string; data: unknown; quality: { valid: boolean } }[] = [];
  return {
    needed: Math.min(hopelessSpread, rule.needed),
    observe(data, info) {
      const verdict = rule.observe(data, info);
      seen.push({ id: String(seen.length), data, quality: { valid: info?.valid ?? true } });
      const left = hopelessSpread - seen.length;
      if (verdict.stop || left < 0 || !isScattered(seen, compare)) return verdict;
      if (left > 0) return { ...verdict, needed: Math.min(left, verdict.needed) };
      return { ...verdict, stop: true, needed: 0, reason: `all of the first ${hopelessSpread} answers differ` };
    },
  };
}

function isScattered(
  seen: readonly { id: string; data: unknown; quality: { valid: boolean } }[],
  compare: ResolvedBundleOptions["compare"],
): boolean {
  const matrix = summarizeReplicates(
    seen as unknown as Replicate[],
    { compare } as ResolvedBundleOptions,
  ).pairwiseDistance;
  return matrix.every((row, index) => row.every((distance, other) => index === other || (distance ?? 1) > 0));
}

/** After two, and then at each tenth of many: enough to watch, and linear as a whole. */
function reportPartialSummary(
  replicates: readonly Replicate[],
  options: ResolvedBundleOptions,
  { events }: ToolContext,
): void {
  const count = replicates.length;
  const isDue = count === 2 || (count > 2 && count < options.k && count % Math.ceil(options.k / 10) === 0);
  if (isDue) events.emit("partial_summary", { summary: summarizeReplicates(replicates, options) });
}
