import { type AcceptanceSignals, scoreAcceptance } from "../evidence/acceptance-score.ts";
import { FieldJobs, type JobVotes } from "../evidence/job-calibration.ts";
import { guessThreshold, type Purchase, rankPurchases } from "../evidence/rank-purchases.ts";

/** Signals that models can be asked for. */
export type BoughtSignal = "verifier" | "secondModel";

/** An answer of a job, as its acceptance sees it. */
export interface AcceptableAnswer {
  readonly votes: JobVotes;
  /** Name of the answers that are alike: of one task, model, schema and K. */
  readonly job: string;
  /** Values of each signal's samples, in [0, 1]; one that gave no value counts as bought. */
  readonly signals: Readonly<Partial<Record<BoughtSignal, readonly (number | undefined)[]>>>;
}

/**
 * Returns the signals of the answers of a job. The votes are calibrated by those of the whole job and by no label, so that
 * every label may certify.
 */
export function acceptanceSignalsOf(answers: readonly AcceptableAnswer[]): AcceptanceSignals[] {
  const jobs = new Map<string, FieldJobs>();
  for (const { votes, job } of answers) {
    const known = jobs.get(job) ?? new FieldJobs({});
    jobs.set(job, known);
    known.observe(votes);
  }
  return answers.map(({ votes, job, signals }) => {
    const verifier = meanOf(signals.verifier);
    const secondModel = meanOf(signals.secondModel);
    return {
      votes: (jobs.get(job) as FieldJobs).numbers(votes).allRight,
      ...(verifier !== undefined && { verifier }),
      ...(secondModel !== undefined && { secondModel }),
    };
  });
}

function meanOf(samples: readonly (number | undefined)[] = []): number | undefined {
  const values = samples.filter((value) => value !== undefined);
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Facts by which signals are bought. */
export interface PurchasePlan {
  /** Precision that is wanted. */
  readonly precision: number;
  /** Dollars of one more of each signal that is for sale. */
  readonly prices: Readonly<Partial<Record<BoughtSignal, number>>>;
  /** Samples of each signal that one answer may have. */
  readonly mostSamples: Readonly<Partial<Record<BoughtSignal, number>>>;
}

/**
 * Ranks the signals that are worth buying, the largest gain for a dollar first: for answers near the place where the accepted
 * ones may come to end, on either side of it. A verdict lifts an answer over that place, or takes one away that is wrong for
 * all its votes. No label is read, so that what is bought takes no label its right to certify. Empty where nothing pays.
 */
export function planPurchases(
  answers: readonly AcceptableAnswer[],
  { precision, prices, mostSamples }: PurchasePlan,
): Purchase[] {
  const { scores, weights } = scoreAcceptance(acceptanceSignalsOf(answers));
  const threshold = guessThreshold(scores, precision);
  const forSale = answers.map(({ signals }) => {
    const left = (Object.keys(prices) as BoughtSignal[]).filter((kind) =>
      mayBuy(signals[kind] ?? [], mostSamples[kind] ?? 0),
    );
    return Object.fromEntries(left.map((kind) => [kind, prices[kind] as number]));
  });
  const lifting = rankPurchases(
    scores.map((score, at) => ({ score, prices: forSale[at] as object })),
    { threshold, weights },
  );
  const dropping = rankPurchases(
    scores.map((score, at) => ({ score: score === null ? null : 1 - score, prices: forSale[at] as object })),
    { threshold: Math.min(1, 1 - threshold + tie), weights },
  );
  return [...lifting, ...dropping].toSorted((a, b) => ratioOf(b) - ratioOf(a) || a.bundle - b.bundle);
}

/** A further sample pays where those so far have not decided. One that gave no value is not asked for again. */
function mayBuy(samples: readonly (number | undefined)[], most: number): boolean {
  if (samples.length === 0) return most > 0;
  const mean = meanOf(samples);
  return samples.length < most && mean !== undefined && mean > undecided && mean < 1 - undecided;
}

const undecided = 0.2;

/** Answers at the threshold are accepted, and may be dropped. */
const tie = 1e-9;

function ratioOf({ gain, dollars }: Purchase): number {
  return dollars > 0 ? gain / dollars : Number.POSITIVE_INFINITY;
}
