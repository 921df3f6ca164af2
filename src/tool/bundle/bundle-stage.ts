import type { BundleSummary, Replicate } from "../../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import type { ToolRuntime } from "../../contract/call.ts";
import type { EvidenceSource } from "../../contract/model.ts";
import type { ToolContext } from "../../contract/tool.ts";
import { messageOf } from "../../core/errors.ts";
import { CancelScope, onAbort } from "../../core/signal.ts";
import { summarizeParts } from "../../evidence/internal/parts.ts";
import { isAtOrBelow } from "../../evidence/internal/pointer.ts";
import type { ResolvedSchema } from "../../schema/resolve.ts";
import type { FieldResampling } from "./answer-rules.ts";
import { askReplicate, type BundleAsking } from "./ask-replicate.ts";
import { createBundleRule } from "./bundle-rule.ts";
import { type Failure, type Schedule, scheduleReplicates } from "./replicate-scheduler.ts";
import type { BoundSource, ReplicateSource } from "./replicate-source.ts";
import { SettledComparison } from "./settled-comparison.ts";

/** What the stages of a bundle have in common. */
export interface BundleWork<Input> {
  readonly request: Input;
  readonly options: ResolvedBundleOptions;
  readonly schema: ResolvedSchema | undefined;
  /** Where single fields are asked for again. */
  readonly resampling: FieldResampling | undefined;
  readonly context: ToolContext;
  readonly runtime: ToolRuntime;
  /** What the journal knows the question by that is asked of a model. */
  readonly questionFor: (model: ReplicateSource<any, any>) => string | undefined;
}

/** All replicates of one model, and what they come to. */
export interface BundleStage<T> {
  /** Where the answers of its model come from. */
  readonly source: EvidenceSource;
  readonly schedule: Schedule;
  readonly replicates: Replicate<T>[];
  readonly summary: BundleSummary<T>;
  /** The summary of these and of other replicates, none of which is valid. */
  summaryWith(others: readonly Replicate<T>[]): Promise<BundleSummary<T>>;
}

/**
 * Asks one tool for replicates until they settle the answer.
 *
 * @param before how many models were asked before, and for how many replicates
 * @param isLast false where another model can be asked in place of sampling on
 */
export async function runBundleStage<Input, T>(
  { source: tool, bound }: BoundSource<Input, T>,
  { request, options, schema, resampling, context, runtime, questionFor }: BundleWork<Input>,
  before: { readonly stage: number; readonly offset: number },
  isLast: boolean,
): Promise<BundleStage<T>> {
  const asking: BundleAsking<Input, T> = {
    tool,
    request,
    options,
    context,
    runtime,
    bound,
    schema,
    resampling,
    question: questionFor(tool),
    ...before,
    responseIds: new Set(),
  };
  const comparison = new SettledComparison(options.compare);
  const settled = () => ({ ...options, compare: comparison.compare });
  const schedule = await scheduleReplicates({
    k: options.k,
    maxParallel: Math.min(options.maxParallel, runtime.maxParallel),
    rule: createBundleRule({ options: settled, schema, resampling, isLast, learns: comparison.isAwaited }),
    async ask(index, fields) {
      const asked = await askReplicate(asking, index, fields);
      const { replicate } = asked;
      if (!replicate?.valid) return asked;
      if (!replicate.fields) resampling?.learn(replicate.data);
      const failure = comparison.isAwaited ? await learn(replicate, comparison, asking) : undefined;
      return failure ? { replicate, failure: asked.failure ?? failure, isHopeless: true } : asked;
    },
    onObserved(count, seen) {
      if (isSummaryDue(count, options.k) && (runtime.isHeard?.() ?? true))
        context.events.emit("partial_summary", { summary: summarizeReplicates(seen(), settled()) });
    },
  });
  const replicates = schedule.replicates as Replicate<T>[];
  const summaryWith = (others: readonly Replicate<T>[]) =>
    summarizeWithin(schema, [...replicates, ...others], settled(), context);
  const summary = await summaryWith([]);
  warnOfAbsentFields(options, summary, context);
  return { source: tool.source, schedule, replicates, summary, summaryWith };
}

/** Without a schema nobody can say beforehand that there is no such field. */
function warnOfAbsentFields(
  { fields = [] }: ResolvedBundleOptions,
  { fields: found, validCount }: BundleSummary,
  { events }: ToolContext,
): void {
  if (validCount === 0) return;
  const pointers = Object.keys(found);
  const absent = fields.filter((field) => !pointers.some((pointer) => isAtOrBelow(pointer, field)));
  if (absent.length === 0) return;
  const shown = pointers.slice(0, 20).map((pointer) => pointer || '""');
  const message = `no answer has ${absent.join(", ")}, given as toolOptions.fields; answers have ${shown.join(", ")}`;
  events.emit("warning", { code: "absent_fields", message });
}

/**
 * Lets the similarity be asked about a replicate. Where that fails, or the run ends before it has answered, no more are
 * asked for, and those that are there are compared without it: they are paid for.
 */
async function learn(
  { data }: Replicate,
  comparison: SettledComparison,
  { context, runtime }: BundleAsking<any, any>,
): Promise<Failure | undefined> {
  const scope = new CancelScope(context.signal);
  try {
    await scope.race(comparison.learn(data));
    return undefined;
  } catch (error) {
    comparison.giveUp();
    const message = `The answers are compared without the similarity that was given: ${messageOf(error)}`;
    context.events.emit("warning", { code: "similarity_failed", message });
    return { error, facts: runtime.failureOf(error, 1) };
  } finally {
    scope.dispose();
  }
}

/** After two, and then at each tenth of many: enough to watch, and linear as a whole. */
function isSummaryDue(count: number, k: number): boolean {
  return count === 2 || (count > 2 && count < k && count % Math.ceil(k / 10) === 0);
}

/** What replicates agree on, compared as the options say. `fits` refuses a consensus that no schema allows. */
function summarizeReplicates<T>(
  replicates: readonly Replicate<T>[],
  { compare }: ResolvedBundleOptions,
  fits?: (value: unknown) => boolean,
): BundleSummary<T> {
  return summarizeParts(replicates as readonly (Replicate<T> & { data: T })[], { ...compare, check: fits });
}

/**
 * Like `summarizeReplicates`, with a consensus that fits the schema: put together from fields that were voted on one by
 * one, it may not, or nobody knows by the end of the run, and is then a replicate that was given as a whole.
 */
async function summarizeWithin<T>(
  schema: ResolvedSchema | undefined,
  replicates: readonly Replicate<T>[],
  options: ResolvedBundleOptions,
  context: Pick<ToolContext, "signal">,
): Promise<BundleSummary<T>> {
  const summary = summarizeReplicates(replicates, options);
  if (!schema || summary.consensus === null) return summary;
  if (await inTime(isAllowed(schema, summary.consensus), context.signal)) return summary;
  return summarizeReplicates(replicates, options, () => false);
}

/** A schema may throw at what no answer was. */
async function isAllowed(schema: ResolvedSchema, consensus: unknown): Promise<boolean> {
  try {
    return (await schema.check(consensus)).ok;
  } catch {
    return false;
  }
}

/** What has to be waited for is false once the run has ended; a check that only computes is still heard of then. */
function inTime(isTrue: Promise<boolean>, signal: AbortSignal): Promise<boolean> {
  const over = new CancelScope();
  const leave = onAbort(signal, () => process.nextTick(() => over.abort(signal.reason)));
  return over
    .race(isTrue)
    .catch(() => false)
    .finally(leave);
}
