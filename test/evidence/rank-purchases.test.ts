import { describe, expect, test } from "vitest";
import { acceptanceWeights } from "../../src/evidence/acceptance-score.ts";
import { guessThreshold, rankPurchases } from "../../src/evidence/rank-purchases.ts";

const options = { threshold: 0.95, weights: acceptanceWeights };
const prices = { sample: 0.001, verifier: 0.002, secondModel: 0.01, label: 0.5 };

describe("rankPurchases", () => {
  test("buys nothing for bundles that are accepted or have no answer", () => {
    expect(
      rankPurchases(
        [
          { score: 0.95, prices },
          { score: null, prices },
        ],
        options,
      ),
    ).toEqual([]);
  });

  test("buys the signal that gains most per dollar, and the best bundle first", () => {
    const bundles = [
      { score: 0.8, prices },
      { score: 0.94, prices },
      { score: 0.5, prices },
    ];
    const purchases = rankPurchases(bundles, options);
    expect(purchases.map(({ bundle, signal }) => [bundle, signal])).toEqual([
      [1, "verifier"],
      [0, "label"],
      [2, "label"],
    ]);
    expect(purchases[0]?.gain).toBeCloseTo(0.94 * 0.731_058_6 + 0.06 * 0.268_941_4, 6);
  });

  test("buys samples where votes are near enough to pass", () => {
    const bundle = { score: 0.945, samples: 5, prices: { sample: 0.001 } };
    expect(rankPurchases([bundle], options)).toMatchObject([
      { signal: "sample", calls: 1, dollars: 0.001, gain: 0.945 },
    ]);
    expect(rankPurchases([{ ...bundle, score: 0.935 }], options)).toMatchObject([{ calls: 2, gain: 0.935 ** 2 }]);
    expect(rankPurchases([{ ...bundle, score: 0.3 }], options)).toEqual([]);
  });

  test("buys nothing that costs more than its gain is worth, or than a label's", () => {
    const dear = [{ score: 0.94, prices: { verifier: 2 } }];
    expect(rankPurchases(dear, options)).toHaveLength(1);
    expect(rankPurchases(dear, { ...options, worth: 0.5 })).toEqual([]);
    expect(rankPurchases([{ score: 0.94, prices: { verifier: 2, label: 0.5 } }], { ...options, worth: 0.4 })).toEqual(
      [],
    );
  });

  test("sells nothing that has no price", () => {
    expect(rankPurchases([{ score: 0.94, prices: {} }], options)).toEqual([]);
  });

  test("refuses what is no score, no price", () => {
    expect(() => rankPurchases([{ score: 2, prices }], options)).toThrow("candidates[0].score");
    expect(() => rankPurchases([{ score: 0.5, prices: { label: -1 } }], options)).toThrow("candidates[0].prices.label");
    expect(() => rankPurchases([], { ...options, threshold: 2 })).toThrow("threshold");
  });
});

describe("guessThreshold", () => {
  test("is the least score above which scores promise the precision on average", () => {
    expect(guessThreshold([0.99, 0.95, null, 0.9, 0.2], 0.94)).toBe(0.9);
    expect(guessThreshold([0.6, 0.5], 0.95)).toBe(0.6);
    expect(guessThreshold([], 0.95)).toBe(1);
  });
});
