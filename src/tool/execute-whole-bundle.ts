import type { EvidenceBundle } from "../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../contract/bundle-options.ts";
import { type CallAttempt, type Lent, lend, lentWith, type ReplicateJournal } from "../contract/call.ts";
import { causeOf, Incomplete } from "../contract/incomplete.ts";
import { withLazySignal } from "../contract/lazy-signal.ts";
import type { ToolContext } from "../contract/tool.ts";
import { showValue } from "../core/errors.ts";
import { CancelScope } from "../core/signal.ts";
import { addCalibratedConfidence } from "./add-calibrated-confidence.ts";
import { amountsOf } from "./amounts-of.ts";
import { countUse } from "./count-use.ts";
import { createDirectGuard } from "./direct-guard.ts";
import { InnerEvidence } from "./inner-evidence.ts";
import type { BundleSource } from "./replicate-source.ts";

/**
 * Runs an overridden `executeBundle` as one guarded call. Replicates that it asks for through `super.executeBundle` run
 * inside that call and are not guarded again, so that retries never multiply. Where the call is ended from outside, what
 * `super.executeBundle` has by then is what there is.
 */
export async function executeWholeBundle<Input, T>(
  tool: BundleSource<Input, T>,
  request: Input,
  options: ResolvedBundleOptions,
  context: ToolContext,
): Promise<EvidenceBundle<T>> {
  const lent = lentWith(context);
  const guard = lent?.guard ?? createDirectGuard(context, undefined);
  const found = new InnerEvidence();
  let latest: CallAttempt | undefined;
  const outcome = await guard<EvidenceBundle<T>>({
    provider: tool.provider ?? `tool:${tool.name}`,
    bound: () => amountsOf(options.globalBudget),
    limits: options.globalBudget,
    async execute(attempt) {
      latest = attempt;
      const { context: inner, isPaidFor } = innerContext(context, attempt, (source, bundle) => {
        if (source === tool) found.follow(bundle);
      });
      const bundle = await tool.executeBundle(request, options, inner);
      assertBundle(bundle, tool.name);
      const uncounted = isPaidFor() ? undefined : countUse(attempt, bundle.usageTotal, bundle.costTotalUsd);
      if (uncounted) context.events.emit("warning", { code: "uncounted_usage", message: uncounted });
      return bundle;
    },
  });
  if (outcome.ok) {
    await addCalibratedConfidence(outcome.value, context);
    return outcome.value;
  }
  const isEnded = latest?.signal.aborted ?? false;
  const { content, isUsable } = await found.find(isEnded);
  const failures = { [tool.name]: outcome.failure };
  // A tool that fails by itself, whatever its base class has found, has not answered.
  const isAnswer = isUsable && (isEnded || outcome.error instanceof Incomplete);
  throw new Incomplete({ content, isUsable: isAnswer, failures, cause: causeOf(outcome.error) });
}

function assertBundle(bundle: EvidenceBundle<unknown>, toolName: string): void {
  const { replicates, summary } = (bundle ?? {}) as Partial<EvidenceBundle>;
  if (Array.isArray(replicates) && typeof summary === "object" && summary !== null) return;
  const advice = "has to give an evidence bundle, such as createEvidenceBundle makes";
  throw new TypeError(`executeBundle of "${toolName}" ${advice}, and gave ${showValue(bundle)}`);
}

/** The context of one attempt, and whether its replicates were paid for one by one, now or in an earlier run. */
function innerContext(
  context: ToolContext,
  attempt: CallAttempt,
  onBundle: NonNullable<Lent["onBundle"]>,
): { context: ToolContext; isPaidFor: () => boolean } {
  let paidFor = false;
  const observed: CallAttempt = {
    attempt: attempt.attempt,
    get signal() {
      return attempt.signal;
    },
    reserved: attempt.reserved,
    spend(usage, costUsd) {
      paidFor = true;
      attempt.spend(usage, costUsd);
    },
    commit: () => attempt.commit(),
    expectChunks: () => attempt.expectChunks(),
    chunk: () => attempt.chunk(),
  };
  const lent = lentWith(context);
  const own: ToolContext = Object.create(context, {
    attempt: { value: attempt.attempt, enumerable: true },
    events: { value: lent?.eventsFor?.(attempt.attempt, attempt) ?? context.events, enumerable: true },
    reportUsage: { value: observed.spend, enumerable: true },
  });
  const inner = withLazySignal(own, attempt);
  const guard = createDirectGuard(inner, observed);
  const kept = lent?.journal;
  const journal = kept && {
    async find(...replicate: Parameters<ReplicateJournal["find"]>) {
      const found = await kept.find(...replicate);
      paidFor ||= found !== undefined;
      return found;
    },
    // An attempt that is over waits for no store: what it has found is there.
    async append(...replicate: Parameters<ReplicateJournal["append"]>) {
      const scope = new CancelScope(inner.signal);
      await scope.race(kept.append(...replicate)).finally(() => scope.dispose());
    },
  };
  if (lent)
    lend(inner, {
      ...lent,
      guard,
      guardWithin: () => guard,
      journal,
      attempt: observed,
      onBundle,
      eventsFor: () => inner.events,
    });
  return { context: inner, isPaidFor: () => paidFor };
}
