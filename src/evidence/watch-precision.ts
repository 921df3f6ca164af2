import { assertUsable } from "../core/errors.ts";

/** Precision that was certified, and how sure a withdrawal is to be. */
export interface WatchOptions {
  /** Share of right answers that the certificate promises, in (0, 1). */
  readonly precision: number;
  /** Probability that a certificate which still holds is never withdrawn, in (0, 1); 0.9 where it is left out. */
  readonly confidence?: number;
}

/** Verdict of later labels on a certificate. */
export interface PrecisionWatch {
  /** `contradicted`: withdraw the certificate. */
  readonly verdict: "holds" | "contradicted";
  /** Number of labels after which it was contradicted first; `null` where it holds. */
  readonly after: number | null;
  /** Wealth of a bet against the certificate that began with 1; it is withdrawn at `1 / (1 - confidence)`. */
  readonly wealth: number;
  /** Labels seen, and those of them that say wrong. */
  readonly labels: number;
  readonly wrongLabels: number;
}

/** Shares of wrong answers that the bet takes for possible, as places between the promise (0) and all wrong (1). */
const alternatives = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8];

/**
 * Watches a certificate by labels of accepted answers of later inputs, in the order of the inputs: it says when they contradict
 * the precision. The answers are to be drawn without looking at them (all of them, or a uniform share).
 *
 * The labels are a bet against the promise that begins with 1: a mixture of likelihood ratios of larger shares of wrong
 * answers against the promised one, half of it from the first label on, the rest from each later label k with 1 / (2k(k - 1)), so
 * that a fall in the middle is seen. While every next answer is right with at least the promised probability the wealth is a
 * nonnegative supermartingale, so it ever reaches `1 / (1 - confidence)` with a probability of at most `1 - confidence` (Ville
 * 1939; Waudby-Smith and Ramdas 2024): it may be looked at after each label.
 *
 * @param labels `true` (right) or `false` (wrong), of accepted answers
 * @throws InvalidOptionsError for what is no label, no share
 *
 * @example
 * ```ts
 * const fallen = Array.from({ length: 40 }, (_, index) => index % 4 > 0); // 75 % right
 * watchPrecision(fallen, { precision: 0.95 }).verdict; // "contradicted"
 * ```
 */
export function watchPrecision(
  labels: readonly boolean[],
  { precision, confidence = 0.9 }: WatchOptions,
): PrecisionWatch {
  assertUsable(Array.isArray(labels), "labels", labels, "a list of true and false");
  assertShare("precision", precision);
  assertShare("confidence", confidence);
  const mostWrong = 1 - precision;
  const bets = alternatives.map((place) => {
    const wrong = mostWrong + place * precision;
    return { onWrong: wrong / mostWrong, onRight: (1 - wrong) / precision, wealth: 0 };
  });
  let [reserve, wealth, wrongLabels] = [1, 1, 0];
  let after: number | null = null;
  for (const [index, label] of labels.entries()) {
    assertUsable(typeof label === "boolean", `labels[${index}]`, label, "true or false");
    const stake = index === 0 ? 0.5 : 0.5 / (index * (index + 1));
    reserve -= stake;
    if (!label) wrongLabels++;
    wealth = reserve;
    for (const bet of bets) {
      bet.wealth = (bet.wealth + stake / bets.length) * (label ? bet.onRight : bet.onWrong);
      wealth += bet.wealth;
    }
    if (after === null && wealth * (1 - confidence) >= 1) after = index + 1;
  }
  return { verdict: after === null ? "holds" : "contradicted", after, wealth, labels: labels.length, wrongLabels };
}

function assertShare(name: string, share: number): void {
  assertUsable(typeof share === "number" && share > 0 && share < 1, name, share, "a number between 0 and 1");
}
