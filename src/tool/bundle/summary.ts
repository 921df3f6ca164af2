import type { BundleSummary, EvidenceBundle, Replicate } from "../../contract/bundle.ts";
import { withConsensus } from "../../contract/bundle-json.ts";
import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import { runtimeOf } from "../../contract/call.ts";
import { untilComputed } from "../../contract/enclosing-work.ts";
import type {
  BundleCalibrations,
  BundleKind,
  ConfidenceReach,
  LabelledCalibration,
  OpenCalibration,
} from "../../contract/settings.ts";
import type { ToolContext } from "../../contract/tool.ts";
import { messageOf } from "../../core/errors.ts";
import { CancelScope, onAbort } from "../../core/signal.ts";
import { inSlices } from "../../core/slices.ts";
import { choicesFromSchema } from "../../evidence/schema-hints.ts";
import { type AnswerRules, consensusOf } from "./answers.ts";
import { isRanked, isVotedAsGiven, summarizingJson, summarizingMedoid } from "./votes.ts";

/**
 * Counts the votes of replicates, puts the consensus together from the fields, and sends it through the schema once.
 * Where the schema or the tool refuses it, or the run ends before they have answered, one whole replicate is given instead.
 */
export async function summarizeReplicates<T>(
  replicates: readonly Replicate<T>[],
  { compare, k }: Pick<ResolvedBundleOptions, "compare" | "k">,
  { schema, assess }: Pick<AnswerRules, "schema" | "assess">,
  signal: AbortSignal,
): Promise<BundleSummary<T>> {
  const options = { ...compare, k, choices: schema && choicesFromSchema(schema.jsonSchema) };
  const summary = await untilComputed(inSlices(summarizingJson(replicates, options)));
  if ((!schema && !assess) || summary.validCount === 0) return summary;
  if (isRanked(replicates)) return withConsensus(summary, summary.consensus);
  const isOutput = replicates.every(isVotedAsGiven);
  const made = async () => {
    const consensus = await consensusOf(schema, summary.consensusJson, isOutput);
    return consensus && typeof (await assess?.(consensus.data)) !== "string" ? consensus : undefined;
  };
  const consensus = await inTime(made(), signal);
  return consensus
    ? withConsensus(summary, consensus.data as T)
    : untilComputed(inSlices(summarizingMedoid(replicates, options)));
}

/** Waits until the run ends, and one turn longer: a check that only computes is still heard of then. */
function inTime<R>(answer: Promise<R | undefined>, signal: AbortSignal): Promise<R | undefined> {
  const over = new CancelScope();
  const leave = onAbort(signal, () => process.nextTick(() => over.abort(signal.reason)));
  return over
    .race(answer)
    .catch(() => undefined)
    .finally(leave);
}

/** Calibrates the bundles of a run by those that other runs have made. */
export interface BundleCalibration {
  /** Puts the numbers that the calibration gives into a bundle's summary. */
  calibrate(bundle: EvidenceBundle<any>, question?: string | undefined): Promise<void>;
  /** Counts a bundle for those that start later. */
  observe(bundle: EvidenceBundle<any>, question?: string | undefined): void | Promise<void>;
  /** Finds what labels say of a model; `undefined` without a label, and where the calibration failed. */
  labelled(modelId: string | undefined): Promise<LabelledCalibration | undefined>;
  /** Finds what a model's bundles can reach; `undefined` where nothing tells. */
  reach(modelId: string | undefined): Promise<ConfidenceReach | undefined>;
}

/**
 * Opens the calibration of a bundle at its start. Where that fails, the answer is still paid for: the run goes on with a
 * warning, and the numbers are those of the bundle's own votes.
 */
export async function openCalibration(kind: BundleKind, context: ToolContext): Promise<BundleCalibration> {
  const source = runtimeOf(context)?.calibrations;
  const opened = source && (await tried(async () => source.open(kind), context));
  return {
    async calibrate(bundle, question) {
      if (opened && bundle.summary.validCount > 0)
        await tried(async () => opened.calibrate(bundle, question, context.signal), context);
    },
    observe(bundle, question) {
      return bundle.summary.validCount > 0 ? opened?.observe(bundle, question) : undefined;
    },
    labelled: async (modelId) => opened?.labelled && tried(async () => opened.labelled?.(modelId), context),
    async reach(modelId) {
      if (opened) return opened.reach && tried(async () => opened.reach?.(modelId), context);
      const { FieldJobs } = await import("../../evidence/job-calibration.ts");
      const alone = new FieldJobs({});
      return (sizes, choices) => alone.highestOfNext(sizes, choices);
    },
  };
}

/**
 * Calibrations inside an `executeBundle` of a tool's own: a bundle that it finds is calibrated, and observed only once the
 * tool returns it.
 */
export class InnerCalibrations implements BundleCalibrations {
  readonly #source: BundleCalibrations;
  /** Ways to observe bundles that were calibrated. */
  readonly #calibrated = new Map<BundleSummary<any>, () => void | Promise<void>>();

  constructor(source: BundleCalibrations) {
    this.#source = source;
  }

  async open(kind: BundleKind): Promise<OpenCalibration> {
    const opened = await this.#source.open(kind);
    return {
      calibrate: async (bundle, question, signal) => {
        await opened.calibrate(bundle, question, signal);
        this.#calibrated.set(bundle.summary, () => opened.observe(bundle, question));
      },
      observe() {},
      labelled: async (modelId) => opened.labelled?.(modelId),
      reach: async (modelId) => opened.reach?.(modelId),
    };
  }

  /** Observes a bundle that was calibrated here; false of any other. */
  async observe({ summary }: EvidenceBundle<any>): Promise<boolean> {
    await this.#calibrated.get(summary)?.();
    return this.#calibrated.has(summary);
  }
}

async function tried<R>(work: () => Promise<R>, { events, signal }: ToolContext): Promise<R | undefined> {
  const scope = new CancelScope(signal);
  try {
    return await scope.race(work());
  } catch (error) {
    const message = `The confidence comes from the votes of this bundle alone: ${messageOf(error)}`;
    if (!scope.aborted) events.emit("warning", { code: "calibration_failed", message });
    return undefined;
  } finally {
    scope.dispose();
  }
}
