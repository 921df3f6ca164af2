import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { type AcceptanceSignals, acceptanceWeights, scoreAcceptance } from "../../src/evidence/acceptance-score.ts";

/** A job in which only the verifier tells right from wrong. */
function verifiedJob(count: number, seed = 1) {
  const random = seededRandom(seed);
  const right = Array.from({ length: count }, () => random.next() < 0.7);
  const bundles = right.map(
    (isRight): AcceptanceSignals => ({
      votes: 0.5 + 0.4 * random.next(),
      verifier: Number(random.next() < 0.95 === isRight),
      logprob: -random.next(),
    }),
  );
  return { right, bundles };
}

const separation = (scores: readonly (number | null)[], right: readonly boolean[]) => {
  const of = (wanted: boolean) => scores.flatMap((score, at) => (right[at] === wanted ? [score as number] : []));
  const [rights, wrongs] = [of(true), of(false)];
  const won = rights.map((score) => wrongs.filter((other) => other < score).length);
  return won.reduce((sum, each) => sum + each, 0) / (rights.length * wrongs.length);
};

describe("scoreAcceptance", () => {
  test("adds signals with fixed weights where there is no label, and calls it a ranking", () => {
    const { kind, scores, weights, labels } = scoreAcceptance([
      { votes: 0.9, verifier: 1 },
      { votes: 0.9 },
      { votes: 0.9, verifier: 0.5, check: 0.5, secondModel: 0.5 },
      { votes: 0.9, secondModel: 0 },
      { votes: null, verifier: 1 },
    ]);
    expect({ kind, weights, labels }).toEqual({ kind: "ranking", weights: acceptanceWeights, labels: 0 });
    expect(scores[0]).toBeCloseTo(1 / (1 + Math.exp(-Math.log(9) - 1)), 12);
    expect(scores[1]).toBeCloseTo(0.9, 12);
    expect(scores[2]).toBe(scores[1]);
    expect(scores[3]).toBeLessThan(scores[1] as number);
    expect(scores[4]).toBeNull();
  });

  test("counts a log-probability by its place in the job alone", () => {
    const job = (scale: number) => [-3, -2, -1].map((each) => ({ votes: 0.8, logprob: scale * each }));
    const [low, middle, high] = scoreAcceptance(job(1)).scores as [number, number, number];
    expect([low < middle, middle < high]).toEqual([true, true]);
    expect(middle).toBeCloseTo(0.8, 12);
    const scaled = scoreAcceptance(job(7)).scores as number[];
    for (const [at, score] of [low, middle, high].entries()) expect(scaled[at]).toBeCloseTo(score, 12);
    expect(scoreAcceptance([{ votes: 0.8, logprob: -1 }]).scores[0]).toBeCloseTo(0.8, 12);
  });

  test("learns from labels which signal to trust", () => {
    const { right, bundles } = verifiedJob(400);
    const labels = right.map((isRight, index) => (index < 100 ? isRight : null));
    const fitted = scoreAcceptance(bundles, labels);
    expect(fitted.kind).toBe("fitted");
    expect(fitted.weights.verifier).toBeGreaterThan(1.3);
    expect(fitted.loss?.fitted).toBeLessThan(fitted.loss?.fixed as number);
    const later = (scores: readonly (number | null)[]) => separation(scores.slice(100), right.slice(100));
    expect(later(fitted.scores)).toBeGreaterThan(later(scoreAcceptance(bundles).scores));
  });

  test("scores a labelled bundle by a fit that has not seen its label", () => {
    const { right, bundles } = verifiedJob(60);
    for (const index of [0, 17, 59]) {
      const other = right.with(index, !right[index]);
      expect(scoreAcceptance(bundles, other).scores[index]).toBe(scoreAcceptance(bundles, right).scores[index]);
    }
  });

  test("keeps the order of the fixed weights where the fit predicts unseen labels no better", () => {
    const random = seededRandom(3);
    const bundles = Array.from({ length: 24 }, () => ({ votes: 0.5, verifier: random.next() }));
    const right = bundles.map(() => random.next() < 0.5);
    const { loss, scores } = scoreAcceptance(bundles, [...right]);
    expect(loss?.fitted).toBeGreaterThanOrEqual(loss?.fixed as number);
    const unseen = scoreAcceptance(
      [...bundles, { votes: 0.5, verifier: 1 }, { votes: 0.5, verifier: 0 }],
      [...right, null, null],
    ).scores;
    expect(unseen.at(-2)).toBeGreaterThan(unseen.at(-1) as number);
    expect(scores).toHaveLength(24);
  });

  test("gives no signal a weight below zero", () => {
    const { right, bundles } = verifiedJob(200);
    const inverted = right.map((isRight) => !isRight);
    for (const weight of Object.values(scoreAcceptance(bundles, inverted).weights))
      expect(weight).toBeGreaterThanOrEqual(0);
  });

  test("refuses a signal out of its range, and labels that do not stand beside the bundles", () => {
    expect(() => scoreAcceptance([{ votes: 1.2 }])).toThrow("bundles[0].votes");
    expect(() => scoreAcceptance([{ votes: 0.5, verifier: -1 }])).toThrow("bundles[0].verifier");
    expect(() => scoreAcceptance([{ votes: 0.5, logprob: Number.NaN }])).toThrow("bundles[0].logprob");
    expect(() => scoreAcceptance([{ votes: 0.5 }], [true, false])).toThrow("labels has 2 entries and bundles has 1");
    expect(() => scoreAcceptance([null as never])).toThrow("bundles[0]");
  });
});
