import type { EvidenceBundle, EvidenceContent } from "../../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import type { CallAttempt, ReplicateJournal, ToolRuntime } from "../../contract/call.ts";
import { attemptHasEnded } from "../../contract/enclosing-work.ts";
import { causeOf, PartialResult } from "../../contract/partial-result.ts";
import type { ToolContext } from "../../contract/tool.ts";
import { showValue } from "../../core/errors.ts";
import { CancelScope } from "../../core/signal.ts";
import { completeBundle } from "./create-evidence-bundle.ts";
import { journalQuestions } from "./journal.ts";
import { amountsOf, type BundleSource } from "./replicate-source.ts";
import { InnerCalibrations, openCalibration } from "./summary.ts";
import { attemptContext, countUse, runtimeFor } from "./tool-runtime.ts";

/**
 * Runs an overridden `executeBundle` as one guarded call. Replicates that it asks for through `super.executeBundle` run
 * inside that call and are not guarded again, so that retries never multiply. Where the call is ended from outside, the
 * evidence that `super.executeBundle` has found is kept.
 */
export async function runWhole<Input, T>(
  tool: BundleSource<Input, T>,
  request: Input,
  options: ResolvedBundleOptions,
  context: ToolContext,
): Promise<EvidenceBundle<T>> {
  const runtime = runtimeFor(context);
  const found = new InnerEvidence();
  const within = journalQuestions(context, tool, request)(tool);
  const calibrations = runtime.calibrations && new InnerCalibrations(runtime.calibrations);
  let latest: CallAttempt | undefined;
  const outcome = await runtime.guard<EvidenceBundle<T>>({
    provider: tool.provider ?? `tool:${tool.name}`,
    bound: () => amountsOf(options.globalBudget),
    limits: options.globalBudget,
    async execute(attempt) {
      latest = attempt;
      found.startAttempt();
      const { journal, hasFound } = journalWithin(runtime, attempt);
      const onBundle: ToolRuntime["onBundle"] = (source, bundle) => source === tool && found.follow(bundle, attempt);
      const inner = attemptContext(context, runtime, attempt, {
        within,
        journal: within === undefined ? undefined : journal,
        onBundle,
        calibrations,
      });
      const bundle = await tool.executeBundle(request, options, inner);
      assertBundle(bundle, tool.name);
      const isPaidFor = attempt.hasSpent || hasFound();
      const uncounted = isPaidFor ? undefined : countUse(attempt, bundle.usageTotal, bundle.costTotalUsd);
      if (uncounted) context.events.emit("warning", { code: "uncounted_usage", message: uncounted });
      return completeBundle(bundle);
    },
  });
  if (outcome.ok) {
    if (!(await calibrations?.observe(outcome.value))) await calibrateAndObserve(outcome.value, tool, options, context);
    return outcome.value;
  }
  const isEnded = latest !== undefined && wasEnded(latest);
  const { content, isUsable } = await found.find();
  const failures = { [tool.name]: outcome.failure };
  // A tool that fails by itself has not answered, whatever its base class has found.
  const isAnswer = isUsable && (isEnded || outcome.error instanceof PartialResult);
  throw new PartialResult({ content, isUsable: isAnswer, failures, cause: causeOf(outcome.error) });
}

/** Calibrates a bundle that a tool made by itself, and observes it. */
async function calibrateAndObserve(
  bundle: EvidenceBundle<any>,
  { name: task }: BundleSource<any, any>,
  { k }: ResolvedBundleOptions,
  context: ToolContext,
): Promise<void> {
  const { schemaFingerprint } = bundle.meta;
  const calibration = await openCalibration({ task, k, schemaFingerprint }, context);
  await calibration.calibrate(bundle);
  await calibration.observe(bundle);
}

/** Returns true of an attempt that was ended from outside, as against one that has ended by itself. */
function wasEnded({ signal }: Pick<CallAttempt, "signal">): boolean {
  return signal.aborted && signal.reason !== attemptHasEnded();
}

function assertBundle(bundle: EvidenceBundle<unknown>, toolName: string): void {
  const { replicates, summary } = (bundle ?? {}) as Partial<EvidenceBundle>;
  if (Array.isArray(replicates) && typeof summary === "object" && summary !== null) return;
  const advice = "has to give an evidence bundle, such as createEvidenceBundle makes";
  throw new TypeError(`executeBundle of "${toolName}" ${advice}, and gave ${showValue(bundle)}`);
}

/** Returns the journal inside one attempt, and whether anything was found in it, which is paid for. */
function journalWithin(
  { journal }: ToolRuntime,
  attempt: CallAttempt,
): { journal: ReplicateJournal | undefined; hasFound: () => boolean } {
  let hasFound = false;
  const within: ReplicateJournal | undefined = journal && {
    whyUnkept: (place) => journal.whyUnkept(place),
    async find(...replicate) {
      const found = await journal.find(...replicate);
      hasFound ||= found !== undefined;
      return found;
    },
    // Once the attempt is over, the store is not awaited: the replicate is there.
    async append(...replicate) {
      const scope = new CancelScope(attempt.signal);
      return scope.race(journal.append(...replicate)).finally(() => scope.dispose());
    },
  };
  return { journal: within, hasFound: () => hasFound };
}

/**
 * Job: keep what `super.executeBundle` has found inside an overridden one, for when the call around it fails.
 * Boundary: what the call failed with, and what becomes of the run, is the caller's.
 * Invariants:
 * 1. Kept evidence answers the last question that was asked: the further one, where attempts came to different ones.
 * 2. Evidence with a valid answer to it is replaced only by other such evidence.
 * 3. Bundles whose attempt was ended from outside are waited for; one that nothing has ended is not.
 */

/** Content to show, and whether it answers the request at all. */
export interface Kept {
  readonly content: unknown;
  readonly isUsable: boolean;
}

const nothing: Kept = { content: null, isUsable: false };

export class InnerEvidence {
  #kept: Kept = nothing;
  /** Place of the kept bundle in its attempt; later ones may ask another question. */
  #place = 0;
  /** Number of bundles of the current attempt. */
  #count = 0;
  readonly #followed: { readonly attempt: Pick<CallAttempt, "signal">; readonly isKept: Promise<void> }[] = [];

  /** Counts bundles anew: an attempt asks from the start. */
  startAttempt(): void {
    this.#count = 0;
  }

  /** Follows a bundle that is being made in an attempt. */
  follow(bundle: Promise<EvidenceBundle<any>>, attempt: Pick<CallAttempt, "signal">): void {
    const place = ++this.#count;
    if (place > this.#place) this.#kept = nothing;
    this.#place = Math.max(place, this.#place);
    const isKept = bundle.then(
      (evidenceBundle) => this.#keep(whole({ evidenceBundle }), place),
      (error) => {
        if (error instanceof PartialResult) this.#keep(error, place);
      },
    );
    this.#followed.push({ attempt, isKept });
  }

  /** Aborted bundles settle at once, so they are awaited. */
  async find(): Promise<Kept> {
    const ended = this.#followed.filter(({ attempt }) => wasEnded(attempt));
    await Promise.all(ended.map(({ isKept }) => isKept));
    return this.#kept;
  }

  #keep(kept: Kept, place: number): void {
    if (place === this.#place && (kept.isUsable || !this.#kept.isUsable)) this.#kept = kept;
  }
}

function whole(content: EvidenceContent): Kept {
  return { content, isUsable: content.evidenceBundle.summary.validCount > 0 };
}
