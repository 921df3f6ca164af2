import { isDeepStrictEqual } from "node:util";
import { calibrationKeyOf, type KeyedBundle } from "../../calibration/calibration-key.ts";
import type { BundleSummary, ConfidenceBasis, EvidenceBundle } from "../../contract/bundle.ts";
import type { EvidenceSource } from "../../contract/model.ts";
import { hasEvidence } from "../../contract/output.ts";
import type { SignalLine } from "../accept/signals-file.ts";
import { contentOf } from "../label/answer.ts";
import { verdictOnAll } from "../label/effect.ts";
import { type LabelLine, labelOf } from "../label/labels.ts";
import { bundleIn, isFailed, type OutputLine } from "../output/output-line.ts";
import { hasConfidence } from "../progress/format.ts";
import { type FieldVotes, fieldVotes, modelsOf, type Vote } from "../view/facts.ts";
import { type CostFacts, CostTally } from "./cost-tally.ts";
import { copyOf, excerptOf, showInput } from "./excerpt.ts";
import { type FailureKind, FailureTally } from "./failure-tally.ts";
import { type ContestedField, FieldTally } from "./field-tally.ts";
import { Histogram, Largest, MostFrequent } from "./tallies.ts";

/** A job on one page, as data: what `steer report --json` prints. */
export interface JobReport {
  readonly inputs: InputCounts;
  /** Tasks that were asked, the commonest first. */
  readonly questions: readonly AskedQuestion[];
  readonly confidence: ConfidenceFacts;
  /** Least sure first. */
  readonly leastSure: readonly UnsureInput[];
  readonly contested: {
    /** Most inputs first. */
    readonly fields: readonly ContestedField[];
    /** Fields beyond these on which answers differ. */
    readonly moreCount: number;
  };
  /** Votes by model, where answers of several models voted together. */
  readonly models: readonly ModelVotes[];
  /** Kinds by falling count. */
  readonly failures: readonly FailureKind[];
  readonly cost: CostFacts;
  readonly time: TimeFacts;
}

export interface InputCounts {
  readonly total: number;
  readonly completed: number;
  /** Those with less evidence than was asked for. */
  readonly partial: number;
  readonly failed: number;
  /** Those whose deadline or budget was too small for one answer. */
  readonly rejected: number;
  /** Answers of tools that bring no evidence. */
  readonly withoutEvidence: number;
}

/** One tool over one model. */
export interface AskedQuestion {
  readonly task: string;
  readonly model: string;
  readonly source: EvidenceSource;
  readonly count: number;
}

/** Votes of one model on the fields of all inputs. */
export interface ModelVotes {
  readonly model: string;
  readonly votes: number;
  /** Those for the value that the consensus has. */
  readonly agreeing: number;
}

export interface ConfidenceFacts {
  /** Inputs with a confidence. */
  readonly count: number;
  /** Mean of the confidences: where they can be trusted, the share of consensus that is right. */
  readonly mean: number | null;
  readonly median: number | null;
  /** Answers to expect right in all of their fields, of `count`, where the confidences hold; those judged count as judged. */
  readonly right: number;
  /** True where an answer has several fields: its confidence is then the mean of theirs, unless labels say more. */
  readonly hasFields: boolean;
  /** Inputs by confidence, over [0, 1]; the last bin includes 1. */
  readonly histogram: readonly { readonly from: number; readonly to: number; readonly count: number }[];
  /** Inputs by what their confidence was learnt from. */
  readonly basis: { readonly labels: number; readonly job: number; readonly answers: number };
  /** Inputs whose confidence is a guess: yes or no, without labels. */
  readonly uncalibrated: number;
  /** Inputs with one valid answer and no labels: nothing tells how sure it is, so they have no confidence here. */
  readonly singleAnswer: number;
  /** Answers of the job that `steer label` has verdicts on; their mean confidence, of those that have one. */
  readonly judged: { readonly count: number; readonly right: number; readonly meanConfidence: number | null };
  /** Threshold that was given to the report. */
  readonly minConfidence: number | null;
  /** Inputs below that threshold; without one, those that the job marked. */
  readonly below: number;
}

/** An input, and what its answers said. */
export interface UnsureInput {
  /** Line of the output file, from 1. */
  readonly line: number;
  readonly index: number;
  readonly input: string;
  readonly consensus: string;
  readonly confidence: number;
  /** Fields on which the answers differ, the most contested first. */
  readonly votes: readonly FieldVotes[];
  /** Fields of the answer. */
  readonly fieldCount: number;
}

/** Times of single inputs, in milliseconds. */
export interface TimeFacts {
  readonly medianMs: number | null;
  readonly slowest: { readonly line: number; readonly ms: number } | null;
}

/** Part of a job that is kept in full. */
export interface FactsLimits {
  readonly leastSure: number;
  readonly minConfidence?: number | undefined;
}

/** Steps of the histogram. */
const binCount = 20;
/** A router may answer with any number of models. */
const mostModels = 50;
const mostQuestions = 5;
const mostContested = 20;
const mostFields = 6;
const mostValues = 6;

/**
 * Job: take in the lines of a job one by one, and tell what they come to.
 * Boundary: knows lines; reads and shows nothing.
 * Invariants:
 * 1. A line leaves sums and, where it is among the least sure or failed, a short copy: memory does not grow with the job.
 * 2. Each input counts once in `inputs`, and once in the histogram where it has a confidence.
 */
export class JobFacts {
  readonly #limits: FactsLimits;
  readonly #labels: ReadonlyMap<string, Pick<LabelLine, "label">>;
  readonly #judged = { count: 0, right: 0, sure: 0, confidenceSum: 0 };
  readonly #counts = {
    completed: 0,
    partial: 0,
    failed: 0,
    rejected: 0,
    withoutEvidence: 0,
    singleAnswer: 0,
    uncalibrated: 0,
    below: 0,
  };
  readonly #questions = new MostFrequent<{ question: Omit<AskedQuestion, "count">; key: KeyedBundle }>();
  readonly #confidences = new Histogram((confidence) => confidence * 1_000);
  readonly #bins = new Array<number>(binCount).fill(0);
  #confidenceSum = 0;
  #rightSum = 0;
  #hasFields = false;
  readonly #basis = { labels: 0, job: 0, answers: 0 };
  readonly #leastSure: Largest<UnsureInput>;
  readonly #fields = new FieldTally();
  readonly #models = new Map<string, { votes: number; agreeing: number }>();
  readonly #failures = new FailureTally();
  readonly #cost = new CostTally();
  readonly #times = new Histogram((ms) => Math.log1p(ms) * 50);
  #slowest: TimeFacts["slowest"] = null;

  /** @param labels verdicts on answers, as `readLabels` gives them */
  constructor(limits: FactsLimits, labels: ReadonlyMap<string, Pick<LabelLine, "label">> = new Map()) {
    this.#limits = limits;
    this.#labels = labels;
    this.#leastSure = new Largest(limits.leastSure);
  }

  addSignal(signal: SignalLine): void {
    this.#cost.addSignal(signal);
  }

  /** @param place number of the line in its file, from 1 */
  add(line: OutputLine, place: number): void {
    this.#counts[line.status]++;
    this.#cost.addLine(line);
    if (isFailed(line)) this.#failures.add(line, place);
    if (line.status === "rejected") return;
    this.#addTime(line.output.elapsedMs, place);
    const bundle = bundleIn(line);
    if (bundle) this.#cost.addBundle(bundle);
    if (line.status === "failed") return;
    if (!bundle || !hasEvidence(line.output)) this.#counts.withoutEvidence++;
    else this.#addBundle(line, bundle, place);
  }

  report(): JobReport {
    const { completed, partial, failed, rejected, withoutEvidence, singleAnswer, uncalibrated, below } = this.#counts;
    const count = this.#confidences.count;
    const { count: judged, right, sure, confidenceSum } = this.#judged;
    return {
      inputs: {
        total: completed + partial + failed + rejected,
        completed,
        partial,
        failed,
        rejected,
        withoutEvidence,
      },
      questions: this.#questions.top(mostQuestions).map(({ value, count }) => ({ ...value.question, count })),
      confidence: {
        count,
        mean: count === 0 ? null : withoutOrder(this.#confidenceSum / count),
        median: count === 0 ? null : this.#confidences.quantile(0.5) / 1_000,
        right: withoutOrder(this.#rightSum),
        hasFields: this.#hasFields,
        histogram: this.#bins.map((count, bin) => ({ from: bin / binCount, to: (bin + 1) / binCount, count })),
        basis: { ...this.#basis },
        uncalibrated,
        singleAnswer,
        judged: { count: judged, right, meanConfidence: sure === 0 ? null : confidenceSum / sure },
        minConfidence: this.#limits.minConfidence ?? null,
        below,
      },
      leastSure: this.#leastSure.items,
      contested: this.#fields.contested(mostContested),
      models: [...this.#models].map(([model, votes]) => ({ model, ...votes })).sort((a, b) => b.votes - a.votes),
      failures: this.#failures.kinds,
      cost: this.#cost.facts,
      time: {
        medianMs: this.#times.count === 0 ? null : Math.round(Math.expm1(this.#times.quantile(0.5) / 50)),
        slowest: this.#slowest,
      },
    };
  }

  /** A bundle of the commonest question: says which labels are about this job. */
  get commonest(): KeyedBundle | undefined {
    return this.#questions.top(1)[0]?.value.key;
  }

  #addBundle(line: OutputLine & { confidence?: number }, bundle: EvidenceBundle, place: number): void {
    const { summary, meta, replicates } = bundle;
    const question = { task: meta.task, model: modelsOf(bundle), source: meta.source };
    this.#questions.add(JSON.stringify(calibrationKeyOf(bundle)), () => ({
      question,
      key: { meta: { ...meta, seeds: [] }, replicates: replicates.filter(({ valid }) => valid) },
    }));
    this.#fields.add(summary, place);
    this.#addModels(summary);
    const { calibratedConfidence } = summary;
    const confidence = calibratedConfidence ?? summary.confidence;
    if (this.#isBelow(line, confidence)) this.#counts.below++;
    const isRight = this.#addVerdict(line, bundle, confidence);
    const basis = basisOf(summary);
    if (basis === "none") {
      this.#counts.singleAnswer++;
      return;
    }
    this.#basis[basis]++;
    if (basis !== "labels" && summary.confidenceBasis?.calibrated === false) this.#counts.uncalibrated++;
    this.#confidences.add(confidence);
    this.#confidenceSum += confidence;
    const isSplit = Object.keys(summary.fields).length > 1;
    this.#hasFields ||= isSplit;
    // Lines of earlier releases have no number for the whole answer: it is at most that of its weakest field.
    const whole = isSplit ? Math.min(confidence, summary.allRight ?? summary.weakest ?? confidence) : confidence;
    this.#rightSum += isRight === undefined ? whole : Number(isRight);
    (this.#bins[Math.min(binCount - 1, Math.floor(confidence * binCount))] as number)++;
    this.#leastSure.add(-confidence, () => unsureInput(line, bundle, confidence, place));
  }

  #addModels({ fields }: BundleSummary): void {
    for (const { value, distribution } of Object.values(fields)) {
      for (const vote of distribution) {
        for (const [model, count] of Object.entries(vote.models ?? {})) {
          if (!this.#models.has(model) && this.#models.size === mostModels) continue;
          const known = this.#models.get(model) ?? { votes: 0, agreeing: 0 };
          const agreeing = isDeepStrictEqual(vote.value, value) ? count : 0;
          this.#models.set(model, { votes: known.votes + count, agreeing: known.agreeing + agreeing });
        }
      }
    }
  }

  /** Returns the verdict of a label; `undefined` where there is none. */
  #addVerdict({ fingerprint }: OutputLine, bundle: EvidenceBundle, confidence: number): boolean | undefined {
    const { summary } = bundle;
    const { label = null } = labelOf(this.#labels, { fingerprint, content: contentOf(bundle) }) ?? {};
    const isRight = label === null ? undefined : verdictOnAll(summary.fields, label);
    if (isRight === undefined) return undefined;
    this.#judged.count++;
    this.#judged.right += Number(isRight);
    if (basisOf(summary) === "none") return isRight;
    this.#judged.sure++;
    this.#judged.confidenceSum += confidence;
    return isRight;
  }

  #isBelow(line: OutputLine, confidence: number): boolean {
    const { minConfidence } = this.#limits;
    if (minConfidence !== undefined) return confidence < minConfidence;
    return "output" in line && line.output.metadata?.["belowMinConfidence"] === true;
  }

  #addTime(ms: number, line: number): void {
    if (typeof ms !== "number") return;
    this.#times.add(ms);
    if (ms > (this.#slowest?.ms ?? -1)) this.#slowest = { line, ms };
  }
}

/** Rounds away what a sum owes to the order of its lines: that of a job that was gone on with is another. */
function withoutOrder(sum: number): number {
  return Number(sum.toFixed(9));
}

/** Ground of a confidence; lines of earlier releases do not name theirs. */
function basisOf(summary: BundleSummary): ConfidenceBasis["kind"] | "answers" {
  if (summary.calibratedConfidence !== undefined) return "labels";
  return hasConfidence(summary) ? (summary.confidenceBasis?.kind ?? "answers") : "none";
}

function unsureInput(line: OutputLine, { summary }: EvidenceBundle, confidence: number, place: number): UnsureInput {
  const votes = fieldVotes(summary).filter(({ votes }) => votes.length > 1);
  return copyOf({
    line: place,
    index: line.index,
    input: showInput(line.input),
    consensus: excerptOf(summary.consensusJson ?? summary.consensus),
    confidence,
    votes: votes
      .slice(0, mostFields)
      .map((field) => ({ ...field, votes: field.votes.slice(0, mostValues).map(shorten) })),
    fieldCount: Object.keys(summary.fields).length,
  });
}

function shorten(vote: Vote): Vote {
  if (!("value" in vote)) return vote;
  const shown = excerptOf(vote.value);
  return shown.endsWith("…") ? { ...vote, value: shown } : vote;
}
