import type { BundleSummary, EvidenceBundle, FieldSummary } from "../contract/bundle.ts";
import type { BundleCalibrations, BundleKind, OpenCalibration } from "../contract/settings.ts";
import { atOnce, inSlices, type Slices, visiting } from "../core/slices.ts";
import { setOwn } from "../evidence/internal/values.ts";
import { type Counted, FieldJobs, type JobCalibrationData, type JobNumbers } from "../evidence/job-calibration.ts";
import { bundleIdOf, type CalibrationKey, calibrationKeyOf, type Verdict } from "./calibration-key.ts";

/** Source of labels, as votes that were judged. */
type KeptLabels = (key: CalibrationKey, k: number) => Promise<JobCalibrationData | undefined>;
type KeptModels = (kind: Omit<CalibrationKey, "model">) => Promise<readonly string[]>;

/** A verdict on a bundle that was judged longer ago counts as one on another. */
const mostVerdicts = 10_000;

/** A bundle that was counted more questions ago is counted again when its answers are reused. */
const mostQuestions = 10_000;

/** Jobs that are remembered; the one that was asked for longest ago makes room. */
const mostKinds = 200;

/**
 * Job: remember the votes of the bundles of a process by task, model, schema and K, and judge further ones by them.
 * Boundary: `FieldJobs` computes; labels may come from elsewhere.
 * Invariants:
 * 1. A bundle is judged by what was known at its start, and by its own votes; not by a bundle whose answers it reuses.
 * 2. An answer counts once, in the last of the bundles that use it.
 */
export class JobCalibrations implements BundleCalibrations {
  /** Keyed by kind, then by model. */
  readonly #jobs = new Map<string, Map<string, CountedJob>>();
  readonly #keptLabels: KeptLabels | undefined;
  readonly #keptModels: KeptModels | undefined;
  /** Number of bundles so far of questions whose answers are kept. */
  #observed = 0;
  /** The last verdict on each bundle. */
  readonly #verdicts = new Map<string, Verdict>();

  /**
   * @param keptLabels labels that are kept elsewhere
   * @param keptModels models that these are of
   */
  constructor(keptLabels?: KeptLabels, keptModels?: KeptModels) {
    this.#keptLabels = keptLabels;
    this.#keptModels = keptModels;
  }

  open(kind: BundleKind): OpenCalibration {
    const known = new Map<string, FieldJobs>();
    for (const [model, { job }] of this.#modelsOf(kind)) known.set(model, job.snapshot());
    const openedAt = this.#observed;
    const knownBut = (bundle: EvidenceBundle<any>, model: string, question: string | undefined) => {
      const job = known.get(model) ?? new FieldJobs({});
      const before = this.#countedBefore(kind, model, bundle, question);
      if (!before || before.at > openedAt) return job;
      const without = job.snapshot();
      without.takeBack(before.counted);
      return without;
    };
    const namesOf = async () => [...known.keys(), ...((await this.#keptModels?.(kind)) ?? [])];
    const labelledJob = async (model: string) => {
      const labels = await this.#keptLabels?.({ ...kind, model }, kind.k);
      const job = (known.get(model) ?? new FieldJobs({})).snapshot();
      return labels ? job.merge({ toJSON: () => labels }) : job;
    };
    return {
      calibrate: (bundle, question, signal) => {
        const { summary } = bundle;
        const key = calibrationKeyOf(bundle);
        const job = knownBut(bundle, key.model, question);
        if (!this.#keptLabels) return inSlices(givingNumbers(summary, job, signal));
        return this.#keptLabels(key, kind.k).then((labels) =>
          inSlices(givingNumbers(summary, labels ? job.snapshot().merge({ toJSON: () => labels }) : job, signal)),
        );
      },
      labelled: async (modelId) => {
        const model = namedAs(modelId, await namesOf());
        if (model === undefined) return undefined;
        const job = await labelledJob(model);
        return { labels: job.labels, confidence: (votes) => job.numbersOfNext(votes).confidence };
      },
      reach: async (modelId) => {
        const names = await namesOf();
        const model = namedAs(modelId, names);
        if (model === undefined && modelId === undefined && names.length > 0) return undefined;
        const job = model === undefined ? new FieldJobs({}) : await labelledJob(model);
        return (sizes, choices) => job.highestOfNext(sizes, choices);
      },
      observe: (bundle, question) => this.#observe(kind, bundle, question),
    };
  }

  async #observe(kind: BundleKind, bundle: EvidenceBundle<any>, question: string | undefined): Promise<void> {
    const { model } = calibrationKeyOf(bundle);
    const { job, questions } = this.#jobOf(kind, model);
    const counted = await inSlices(job.observing(bundle.summary));
    if (question === undefined) return;
    const before = this.#countedBefore(kind, model, bundle, question);
    if (before) job.takeBack(before.counted);
    questions.delete(question);
    questions.set(question, { counted, at: ++this.#observed });
    if (questions.size > mostQuestions) questions.delete(questions.keys().next().value as string);
  }

  /** Finds what was counted of the answers that a bundle reuses; `undefined` where it reuses none. */
  #countedBefore(kind: BundleKind, model: string, { meta }: EvidenceBundle<any>, question: string | undefined) {
    if (question === undefined || !meta.reuse?.replicateIds.length) return undefined;
    return this.#jobOf(kind, model).questions.get(question);
  }

  /** Keeps if a bundle was right, for as long as the process lives; of two verdicts on one bundle the later counts. */
  label(bundle: EvidenceBundle<any>, correct: Verdict): void {
    const id = bundleIdOf(bundle);
    const { job } = this.#jobOf(kindOf(bundle), calibrationKeyOf(bundle).model);
    const before = this.#verdicts.get(id);
    job.label(bundle.summary, correct);
    if (before !== undefined) job.label(bundle.summary, before, -1);
    this.#verdicts.delete(id);
    this.#verdicts.set(id, correct);
    if (this.#verdicts.size > mostVerdicts) this.#verdicts.delete(this.#verdicts.keys().next().value as string);
  }

  #modelsOf(kind: BundleKind): Map<string, CountedJob> {
    const name = JSON.stringify([kind.task, kind.k, kind.schemaFingerprint]);
    const models = this.#jobs.get(name) ?? new Map<string, CountedJob>();
    this.#jobs.delete(name);
    this.#jobs.set(name, models);
    if (this.#jobs.size > mostKinds) this.#jobs.delete(this.#jobs.keys().next().value as string);
    return models;
  }

  #jobOf(kind: BundleKind, model: string): CountedJob {
    const models = this.#modelsOf(kind);
    const job = models.get(model) ?? { job: new FieldJobs({}), questions: new Map() };
    models.set(model, job);
    return job;
  }
}

/** Votes of a model's bundles, and what those counted whose answers later bundles may reuse. */
interface CountedJob {
  readonly job: FieldJobs;
  readonly questions: Map<string, { readonly counted: readonly Counted[]; readonly at: number }>;
}

/** Returns the name under which a model answers: its own, or a dated one. */
function namedAs(modelId: string | undefined, names: readonly string[]): string | undefined {
  if (modelId === undefined) return new Set(names).size === 1 ? names[0] : undefined;
  return names.find((name) => name === modelId) ?? names.find((name) => name.startsWith(`${modelId}-`));
}

/** Judges the bundles of a whole job by all of them, in whatever order they came. */
export class WholeJob {
  readonly #jobs = new Map<string, { readonly job: FieldJobs; labelled?: Promise<FieldJobs> }>();
  readonly #keptLabels: KeptLabels | undefined;
  /** Bundles by name, and if all of their answers are reused. */
  readonly #seen = new Map<string, boolean>();

  /** @param keptLabels labels that are kept elsewhere */
  constructor(keptLabels?: KeptLabels) {
    this.#keptLabels = keptLabels;
  }

  /** Counts a bundle. Of two inputs that are the same, one may have the answers of the other: these count once. */
  observe(bundle: EvidenceBundle<any>): void {
    const id = bundleIdOf(bundle);
    const isReused = bundle.replicates.every(({ reused, valid }) => reused || !valid);
    const isCounted = this.#seen.has(id) && (isReused || this.#seen.get(id));
    this.#seen.set(id, isReused);
    if (isCounted) return;
    const known = this.#jobOf(bundle);
    delete known.labelled;
    known.job.observe(bundle.summary);
  }

  /** Puts the numbers of the whole job into the summary of a bundle that was observed. */
  async judge(bundle: EvidenceBundle<any>): Promise<void> {
    const { summary, meta } = bundle;
    if (!summary.confidenceBasis || summary.validCount === 0) return;
    const known = this.#jobOf(bundle);
    known.labelled ??= this.#withLabels(known.job, calibrationKeyOf(bundle), meta.k);
    atOnce(applyingNumbers(summary, (await known.labelled).numbers(summary)));
  }

  async #withLabels(job: FieldJobs, key: CalibrationKey, k: number): Promise<FieldJobs> {
    const labels = await this.#keptLabels?.(key, k);
    return labels ? job.snapshot().merge({ toJSON: () => labels }) : job;
  }

  #jobOf(bundle: EvidenceBundle<any>): { readonly job: FieldJobs; labelled?: Promise<FieldJobs> } {
    const key = JSON.stringify([kindOf(bundle), calibrationKeyOf(bundle).model]);
    const known = this.#jobs.get(key) ?? { job: new FieldJobs({}) };
    this.#jobs.set(key, known);
    return known;
  }
}

/** Facts of a bundle that say which job it is part of. */
export function kindOf({ meta: { task, k, schemaFingerprint } }: Pick<EvidenceBundle<any>, "meta">): BundleKind {
  return { task, k, schemaFingerprint };
}

/** Numbers of a bundle that `job` has not observed. A summary that a tool made by itself keeps its own. */
function* givingNumbers(summary: BundleSummary<any>, job: FieldJobs, signal?: AbortSignal | undefined): Slices<void> {
  if (!summary.confidenceBasis) return;
  const numbers = yield* job.numberingNext(summary);
  yield* applyingNumbers(summary, numbers, signal);
}

/** Puts numbers into a summary, all at once; none after the signal is aborted. */
function* applyingNumbers(
  summary: BundleSummary<any>,
  { fields, ...numbers }: JobNumbers,
  signal?: AbortSignal | undefined,
): Slices<void> {
  const judged: BundleSummary["fields"] = {};
  const pointers = Object.keys(summary.fields);
  yield pointers.length / 6;
  yield* visiting(pointers, (pointer) => {
    const field = summary.fields[pointer] as FieldSummary;
    const confidence = fields[pointer];
    setOwn(judged, pointer, confidence === undefined ? field : { ...field, confidence });
  });
  if (signal?.aborted) return;
  Object.assign(summary, { ...numbers, fields: judged });
  if (numbers.confidenceBasis.kind === "labels") summary.calibratedConfidence = numbers.confidence;
}
