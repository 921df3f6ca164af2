import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { certify, labelsNeeded } from "../../src/evidence/certify.ts";

/** All ways to choose `chosen` of `count` places. */
function* choices(count: number, chosen: number, from = 0): Generator<number[]> {
  if (chosen === 0) return yield [];
  for (let first = from; first <= count - chosen; first++) {
    for (const others of choices(count, chosen - 1, first + 1)) yield [first, ...others];
  }
}

/** Every job of `count` answers, each right or wrong, under these scores. */
function* jobs(count: number): Generator<boolean[]> {
  for (let bits = 0; bits < 2 ** count; bits++)
    yield Array.from({ length: count }, (_, at) => ((bits >> at) & 1) === 1);
}

const labelsOf = (right: readonly boolean[], chosen: readonly number[]) =>
  right.map((isRight, index) => (chosen.includes(index) ? isRight : null));

describe("certify", () => {
  test.each([
    { scores: [9, 8, 7, 6, 5, 4, 3, 2, 1], drawn: 5, precision: 0.6, confidence: 0.8 },
    { scores: [3, 3, 3, 2, 2, 2, 1, 1, 1], drawn: 6, precision: 0.7, confidence: 0.7 },
    { scores: [1, 1, 1, 1, 1, 1, 1, 1, 1], drawn: 4, precision: 0.5, confidence: 0.9 },
  ])("is false in at most 1 - confidence of all draws of $drawn labels, whatever is right", (given) => {
    const { scores, drawn, precision, confidence } = given;
    const draws = [...choices(scores.length, drawn)];
    let worst = 0;
    for (const right of jobs(scores.length)) {
      const isFalse = (chosen: number[]) => {
        const { threshold, acceptedCount } = certify(scores, labelsOf(right, chosen), { precision, confidence });
        if (threshold === null) return false;
        const rightCount = right.filter((isRight, index) => isRight && (scores[index] as number) >= threshold).length;
        return rightCount / acceptedCount < precision;
      };
      worst = Math.max(worst, draws.filter(isFalse).length / draws.length);
    }
    expect(worst).toBeLessThanOrEqual(1 - confidence + 1e-12);
    // A test that accepts nothing would be as safe, and no use.
    expect(worst).toBeGreaterThan(0);
  });

  test("all looks together are false in at most 1 - confidence of all draws", () => {
    const scores = [8, 7, 6, 5, 4, 3, 2, 1];
    const options = { precision: 0.55, confidence: 0.6 };
    let worst = 0;
    for (const right of jobs(scores.length)) {
      let [falseCount, count] = [0, 0];
      for (const first of choices(scores.length, 3)) {
        for (const more of [...choices(scores.length, 3)].filter(
          (second) => !second.some((at) => first.includes(at)),
        )) {
          const isFalse = (chosen: number[], look: number) => {
            const { threshold, acceptedCount } = certify(scores, labelsOf(right, chosen), { ...options, look });
            if (threshold === null) return false;
            const rightCount = right.filter((isRight, at) => isRight && (scores[at] as number) >= threshold).length;
            return rightCount / acceptedCount < options.precision;
          };
          count++;
          if (isFalse(first, 1) || isFalse([...first, ...more], 2)) falseCount++;
        }
      }
      worst = Math.max(worst, falseCount / count);
    }
    expect(worst).toBeLessThanOrEqual(1 - options.confidence + 1e-12);
  });

  test("needs 29 right labels for 90 % and 59 for 95 %, at 95 % confidence, of a large job", () => {
    const scores = new Array<number>(100_000).fill(0.5);
    for (const [precision, needed] of [
      [0.9, 29],
      [0.95, 59],
    ] as const) {
      const labels = (count: number) => scores.map((_, index) => (index < count ? true : null));
      const options = { precision, confidence: 0.95 };
      expect(certify(scores, labels(needed - 1), options)).toMatchObject({ threshold: null, fewestLabels: needed });
      expect(certify(scores, labels(needed), options)).toMatchObject({ threshold: 0.5, acceptedCount: 100_000 });
    }
  });

  test("says before any label how many are needed: 29 right ones for 90 %, 59 for 95 %", () => {
    expect([labelsNeeded(0.9, 0.95), labelsNeeded(0.95, 0.95), labelsNeeded(0.95)]).toEqual([29, 59, 45]);
    expect(() => labelsNeeded(1)).toThrow("precision");
  });

  test("certifies no bad job with so many labels that the chance of its draw is too small for a number", () => {
    const scores = new Array<number>(200_000).fill(0.5);
    const labelled = (right: number) => scores.map((_, index) => (index < 40_000 ? index % 100 < right : null));
    expect(certify(scores, labelled(90), { precision: 0.95 }).threshold).toBeNull();
    expect(certify(scores, labelled(96), { precision: 0.95 })).toMatchObject({ threshold: 0.5, wrongLabels: 1_600 });
  });

  test("knows a job that is labelled whole", () => {
    const scores = Array.from({ length: 40 }, (_, index) => 40 - index);
    const labels = scores.map((_, index) => index < 36);
    const certificate = certify(scores, labels, { precision: 0.9 });
    expect(certificate).toMatchObject({ threshold: 1, acceptedCount: 40, wrongLabels: 4, precisionBound: 0.9 });
    expect(certify(scores, labels, { precision: 0.91 }).acceptedCount).toBeLessThan(40);
  });

  test("certifies a small job with fewer labels than a large one needs", () => {
    const scores = new Array<number>(30).fill(1);
    const certificate = certify(scores, new Array<boolean>(30).fill(true), { precision: 0.95 });
    expect(certificate).toMatchObject({ acceptedCount: 30, precisionBound: 1, fewestLabels: 45 });
  });

  test("accepts no fewer answers where one more label says right", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(9), fc.constantFrom(true, false)), { minLength: 30, maxLength: 120 }),
        fc.nat(),
        (answers, chosen) => {
          const scores = answers.map(([score]) => score);
          const labels = answers.map(([, isRight]) => isRight);
          const better = labels.with(chosen % labels.length, true);
          const options = { precision: 0.6, confidence: 0.8 };
          expect(certify(scores, better, options).acceptedCount).toBeGreaterThanOrEqual(
            certify(scores, labels, options).acceptedCount,
          );
        },
      ),
    );
  });

  test("bounds the precision from below by what it certifies", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(20), fc.constantFrom(true, true, true, true, false, null)), { maxLength: 200 }),
        (answers) => {
          const scores = answers.map(([score]) => score);
          const { threshold, precisionBound, acceptedCount } = certify(
            scores,
            answers.map(([, label]) => label),
            { precision: 0.7 },
          );
          if (threshold === null) {
            expect(precisionBound).toBe(0);
            return;
          }
          expect(precisionBound).toBeGreaterThanOrEqual(0.7 - 1e-9);
          expect(acceptedCount).toBe(scores.filter((score) => score >= threshold).length);
        },
      ),
    );
  });

  test("accepts no answer without a score, and takes no label of one", () => {
    const scores = [...new Array<number>(50).fill(1), ...new Array<null>(50).fill(null)];
    const labels = scores.map((score) => score !== null);
    expect(certify(scores, labels, { precision: 0.95 })).toMatchObject({ acceptedCount: 50, labelCount: 50 });
    expect(certify([], [], { precision: 0.95 })).toMatchObject({ threshold: null, acceptedCount: 0 });
    expect(certify([null], [true], { precision: 0.95 })).toMatchObject({ threshold: null, labelCount: 0 });
  });

  test("refuses what is no score, no label, no share", () => {
    expect(() => certify([Number.NaN], [null], { precision: 0.9 })).toThrow("scores[0]");
    expect(() => certify([1], [], { precision: 0.9 })).toThrow("labels has 0 entries and scores has 1");
    expect(() => certify([1], ["yes" as never], { precision: 0.9 })).toThrow("labels[0]");
    expect(() => certify([1], [null], { precision: 95 })).toThrow("precision");
    expect(() => certify([1], [null], { precision: 0.9, confidence: 1 })).toThrow("confidence");
    expect(() => certify([1], [null], { precision: 0.9, look: 0 })).toThrow("look");
  });
});
