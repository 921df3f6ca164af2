import { assertUsable } from "../core/errors.ts";
import type { AcceptanceScores } from "./acceptance-score.ts";

/** Signals that can be bought for a bundle: a further sample, a call of the verifier or of a second model, a label. */
export type BuyableSignal = "sample" | "verifier" | "secondModel" | "label";

/** A bundle for which signals can be bought. */
export interface PurchaseCandidate {
  /** Its acceptance score; `null` without a valid answer. */
  readonly score: number | null;
  /** Dollars of one more of each signal; a signal without a price is not for sale. */
  readonly prices: Readonly<Partial<Record<BuyableSignal, number>>>;
  /** Valid samples it has; without them no sample is bought. */
  readonly samples?: number;
}

/** A purchase for one bundle, and what is to be expected of it. */
export interface Purchase {
  /** Index of the bundle. */
  readonly bundle: number;
  readonly signal: BuyableSignal;
  /** Calls that it takes; above 1 for samples only. */
  readonly calls: number;
  readonly dollars: number;
  /** Probability that the bundle is accepted after it, by its score: the expected gain in coverage, in bundles. */
  readonly gain: number;
}

/** Facts that purchases are ranked by. */
export interface PurchaseOptions {
  /** Least accepted score: that of the certificate, else a guess such as `guessThreshold` gives. */
  readonly threshold: number;
  /** Weights of the score. */
  readonly weights: AcceptanceScores["weights"];
  /**
   * Dollars that one more accepted answer is worth. A purchase whose expected gain is worth less than its price is left out.
   * Default: every gain pays that costs less than the same gain by labels.
   */
  readonly worth?: number;
}

/**
 * Ranks what to buy: for each bundle below the threshold the signal with the largest expected gain in coverage per dollar,
 * the best bundle first. An empty list means that nothing pays.
 *
 * The expectation takes the score for the probability of being right, and a verdict to be right with the probability that its
 * weight stands for. It decides the order of purchases and no certificate: with a poor guess money is spent, and the promise is
 * kept.
 *
 * @throws InvalidOptionsError for a score, a price or a threshold that is none
 *
 * @example
 * ```ts
 * const prices = { verifier: 0.002, label: 0.5 };
 * const [first] = rankPurchases([{ score: 0.9, prices }, { score: 0.3, prices }], { threshold: 0.95, weights: acceptanceWeights });
 * first; // { bundle: 0, signal: "verifier", calls: 1, dollars: 0.002, gain: … }
 * ```
 */
export function rankPurchases(
  candidates: readonly PurchaseCandidate[],
  { threshold, weights, worth = Number.POSITIVE_INFINITY }: PurchaseOptions,
): Purchase[] {
  assertUsable(Array.isArray(candidates), "candidates", candidates, "a list of { score, prices }");
  assertUsable(threshold >= 0 && threshold <= 1, "threshold", threshold, "a number from 0 to 1");
  assertUsable(worth >= 0, "worth", worth, "dollars, from 0");
  const wanted = logOdds(threshold);
  const best: Purchase[] = [];
  for (const [bundle, candidate] of candidates.entries()) {
    const { score, prices } = candidate;
    const isScore = score === null || (typeof score === "number" && score >= 0 && score <= 1);
    assertUsable(isScore, `candidates[${bundle}].score`, score, "a number from 0 to 1, or null without an answer");
    assertPrices(prices, bundle);
    if (score === null || score >= threshold) continue;
    const offers = offersOf(bundle, candidate, wanted, weights);
    let chosen: Purchase | undefined;
    for (const offer of offers) {
      if (offer.gain <= leastGain || offer.gain * worth < offer.dollars) continue;
      if (!chosen || ratio(offer) > ratio(chosen)) chosen = offer;
    }
    if (chosen) best.push(chosen);
  }
  return best.sort((a, b) => ratio(b) - ratio(a) || b.gain - a.gain || a.bundle - b.bundle);
}

/**
 * Guesses where the threshold of a job without a certificate may come to stand: the least score above which the scores, taken
 * for probabilities, promise the precision on average; the highest score where none does.
 */
export function guessThreshold(scores: readonly (number | null)[], precision: number): number {
  const sorted = scores.filter((score) => score !== null).toSorted((a, b) => b - a);
  let [sum, threshold] = [0, sorted[0] ?? 1];
  for (const [index, score] of sorted.entries()) {
    sum += score;
    if (sorted[index + 1] !== score && sum >= precision * (index + 1)) threshold = score;
  }
  return threshold;
}

/** Smaller chances are noise. */
const leastGain = 0.005;
const mostSamples = 5;
const smallestOdds = 1e-6;

function offersOf(
  bundle: number,
  { score, prices, samples = 0 }: PurchaseCandidate,
  wanted: number,
  weights: AcceptanceScores["weights"],
): Purchase[] {
  const probability = score as number;
  const offers: Purchase[] = [];
  const gap = wanted - logOdds(probability);
  for (const signal of ["verifier", "secondModel"] as const) {
    const dollars = prices[signal];
    if (dollars === undefined || weights[signal] < gap) continue;
    // A verdict that moves the log-odds by w either way is right with probability sigmoid(w).
    const accuracy = 1 / (1 + Math.exp(-weights[signal]));
    const gain = probability * accuracy + (1 - probability) * (1 - accuracy);
    offers.push({ bundle, signal, calls: 1, dollars, gain });
  }
  if (prices.sample !== undefined && samples > 0 && weights.votes > 0) {
    // One more agreeing vote of n raises the odds of Laplace's rule by (n + 2) / (n + 1).
    for (let calls = 1; calls <= mostSamples; calls++) {
      if (weights.votes * Math.log((samples + 1 + calls) / (samples + 1)) < gap) continue;
      offers.push({ bundle, signal: "sample", calls, dollars: calls * prices.sample, gain: probability ** calls });
      break;
    }
  }
  if (prices.label !== undefined)
    offers.push({ bundle, signal: "label", calls: 1, dollars: prices.label, gain: probability });
  return offers;
}

function ratio({ gain, dollars }: Purchase): number {
  return dollars > 0 ? gain / dollars : Number.POSITIVE_INFINITY;
}

function logOdds(share: number): number {
  const kept = Math.max(smallestOdds, Math.min(1 - smallestOdds, share));
  return Math.log(kept / (1 - kept));
}

function assertPrices(prices: PurchaseCandidate["prices"], bundle: number): void {
  const path = `candidates[${bundle}].prices`;
  assertUsable(typeof prices === "object" && prices !== null, path, prices, "dollars by signal: { verifier: 0.001 }");
  for (const signal in prices) {
    const dollars = prices[signal as BuyableSignal];
    const isPrice = dollars === undefined || (Number.isFinite(dollars) && dollars >= 0);
    assertUsable(isPrice, `${path}.${signal}`, dollars, "dollars, from 0");
  }
}
