import { atOnce, type Slices, visiting } from "../core/slices.ts";
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
  return atOnce(signallingAcceptance(answers));
}

/** `acceptanceSignalsOf`, in slices. */
export function* signallingAcceptance(answers: readonly AcceptableAnswer[]): Slices<AcceptanceSignals[]> {
  const jobs = new Map<string, FieldJobs>();
  yield* visiting(answers, ({ votes, job }) => {
    const known = jobs.get(job) ?? new FieldJobs({});
    jobs.set(job, known);
    known.observe(votes);
  });
  const found: AcceptanceSignals[] = [];
  yield* visiting(answers, ({ votes, job, signals }) => {
    const verifier = meanOf(signals.verifier);
    const secondModel = meanOf(signals.secondModel);
    found.push({
      votes: (jobs.get(job) as FieldJobs).numbers(votes).allRight,
      ...(verifier !== undefined && { verifier }),
      ...(secondModel !== undefined && { secondModel }),
    });
  });
  return found;
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
 * Ranks the signals that are worth buying, the largest gain for a dollar first, against a guess of where the accepted answers
 * will end. A verdict may lift an answer over that place; of one above it, it may find an error that all votes share. The guess
 * is the votes' alone, so that signals do not move it, and reads no label, so that what is bought takes no label its right to
 * certify. Empty where nothing pays.
 */
export function planPurchases(
  answers: readonly AcceptableAnswer[],
  { precision, prices, mostSamples }: PurchasePlan,
): Purchase[] {
  const signals = acceptanceSignalsOf(answers);
  const { scores, weights } = scoreAcceptance(signals);
  const threshold = guessThreshold(scoreAcceptance(signals.map(({ votes }) => ({ votes }))).scores, precision);
  const forSale = answers.map(({ signals: bought }) => {
    const left = (Object.keys(prices) as BoughtSignal[]).filter((kind) =>
      mayBuy(bought[kind] ?? [], mostSamples[kind] ?? 0),
    );
    return Object.fromEntries(left.map((kind) => [kind, prices[kind]])) as Partial<Record<BoughtSignal, number>>;
  });
  const lifting = rankPurchases(
    scores.map((score, at) => ({ score, prices: forSale[at] as object })),
    { threshold, weights },
  );
  const checking = scores.flatMap((score, bundle) => {
    if (score === null || score < threshold) return [];
    const offers = (Object.entries(forSale[bundle] as object) as [BoughtSignal, number][]).map(([signal, dollars]) => {
      const gain = (1 - score) / (1 + Math.exp(-weights[signal]));
      return { bundle, signal, calls: 1, dollars, gain };
    });
    return offers
      .filter(({ gain }) => gain > leastGain)
      .toSorted((a, b) => ratioOf(b) - ratioOf(a))
      .slice(0, 1);
  });
  return [...lifting, ...checking].toSorted(
    (a, b) => ratioOf(b) - ratioOf(a) || b.gain - a.gain || a.bundle - b.bundle,
  );
}

/** Chances of finding an error that are smaller are noise. */
const leastGain = 0.005;

/** A further sample pays where those so far have not decided. One that gave no value is not asked for again. */
function mayBuy(samples: readonly (number | undefined)[], most: number): boolean {
  if (samples.length === 0) return most > 0;
  const mean = meanOf(samples);
  return samples.length < most && mean !== undefined && mean > undecided && mean < 1 - undecided;
}

const undecided = 0.2;

function ratioOf({ gain, dollars }: Purchase): number {
  return dollars > 0 ? gain / dollars : Number.POSITIVE_INFINITY;
}
