import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import {
  type CalibrationData,
  calibrationError,
  calibrationFromJSON,
  fitCalibration,
} from "../../src/evidence/calibration.ts";
import { summarize } from "../../src/evidence/summary.ts";

function summaryOf(votes: number, of: number, totalTokens?: number) {
  const usage = totalTokens === undefined ? undefined : { totalTokens };
  return summarize(
    Array.from({ length: of }, (_, at) => ({ id: `r${at + 1}`, data: at < votes ? "x" : `y${at}`, usage })),
  );
}

/** Labelled summaries of a task on which a consensus is right as often as `rightAt` says. */
function examples(count: number, rightAt: (votes: number, tokens: number) => number, seed = 1) {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    const votes = 2 + Math.floor(random.next() * 4);
    const tokens = Math.round(100 * Math.exp(2 * random.next()));
    return { summary: summaryOf(votes, 5, tokens), correct: random.next() < rightAt(votes, tokens) };
  });
}

describe("fitCalibration", () => {
  test("keeps the label-free confidence below 30 labels", () => {
    const wrong = Array.from({ length: 29 }, () => ({ summary: summaryOf(5, 5), correct: false }));
    const calibration = fitCalibration(wrong);
    expect(calibration.confidence(summaryOf(4, 5))).toBeCloseTo(summaryOf(4, 5).confidence, 12);
    expect(calibration.toJSON()).toEqual({ version: 1, slope: 1, shift: 0, n: 29 });
    expect(fitCalibration([...wrong, ...wrong.slice(0, 1)]).confidence(summaryOf(5, 5))).toBeLessThan(0.3);
  });

  test("learns how often a consensus of so many votes is right", () => {
    const rightAt = (votes: number) => {
      const { confidence } = summaryOf(votes, 5);
      return 1 / (1 + Math.exp(1.2 - 1.6 * Math.log(confidence / (1 - confidence))));
    };
    const calibration = fitCalibration(examples(3000, rightAt));
    for (const votes of [2, 3, 4, 5]) {
      expect(Math.abs(calibration.confidence(summaryOf(votes, 5)) - rightAt(votes))).toBeLessThan(0.04);
    }
  });

  test("learns which way tokens point, and from their logarithm", () => {
    const calibration = fitCalibration(examples(400, (_, tokens) => (tokens > 270 ? 0.2 : 0.9)));
    const [short, middle, long] = [110, 270, 700].map((tokens) => calibration.confidence(summaryOf(4, 5, tokens))) as [
      number,
      number,
      number,
    ];
    expect(short).toBeGreaterThan(middle + 0.1);
    expect(middle).toBeGreaterThan(long + 0.1);
    expect(calibration.confidence(summaryOf(4, 5))).toBeCloseTo(middle, 1);
  });

  test("rises with votes whatever the labels", () => {
    const upsideDown = examples(200, (votes) => (votes > 3 ? 0.1 : 0.9));
    const calibration = fitCalibration(upsideDown);
    for (const votes of [2, 3, 4]) {
      expect(calibration.confidence(summaryOf(votes + 1, 5))).toBeGreaterThanOrEqual(
        calibration.confidence(summaryOf(votes, 5)),
      );
    }
  });

  test("stays a probability where all labels agree", () => {
    for (const correct of [true, false]) {
      const same = Array.from({ length: 50 }, (_, at) => ({ summary: summaryOf(1 + (at % 5), 5, 100), correct }));
      const confidence = fitCalibration(same).confidence(summaryOf(3, 5, 100));
      expect(confidence).toBeGreaterThan(0);
      expect(confidence).toBeLessThan(1);
    }
  });

  test("is 0 without a valid replicate", () => {
    const calibration = fitCalibration(examples(60, () => 0.9));
    expect(calibration.confidence(summarize([{ id: "r1", data: 1, quality: { valid: false } }]))).toBe(0);
    expect(fitCalibration([]).confidence(summarize([]))).toBe(0);
  });

  test("tells the error of the label-free confidence, and its own on labels it has not seen", () => {
    const judged = examples(300, () => 0.3);
    const { calibrationError: error } = fitCalibration(judged).toJSON();
    const before = calibrationError(
      judged.map(({ summary, correct }) => ({ confidence: summary.confidence, correct })),
    );
    expect(error?.before).toBeCloseTo(before, 12);
    expect(error?.after).toBeLessThan(before / 2);
    const noise = fitCalibration(examples(30, () => 0.5)).toJSON().calibrationError;
    expect(noise?.after).toBeGreaterThan(0.05);
  });

  test("does not depend on the order of the labels", () => {
    const judged = examples(100, (votes) => votes / 6);
    const [one, other] = [fitCalibration(judged), fitCalibration(judged.toReversed())];
    expect(other.confidence(summaryOf(3, 5, 200))).toBeCloseTo(one.confidence(summaryOf(3, 5, 200)), 9);
  });
});

describe("calibrationFromJSON", () => {
  test("gives the same confidence after a way through JSON", () => {
    const calibration = fitCalibration(examples(120, (votes, tokens) => (votes / 6) * (tokens > 270 ? 0.8 : 1)));
    const restored = calibrationFromJSON(JSON.parse(JSON.stringify(calibration)));
    expect(restored.toJSON()).toEqual(calibration.toJSON());
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 1e6 }), (votes, tokens) => {
        const summary = summaryOf(votes, 5, tokens);
        expect(restored.confidence(summary)).toBe(calibration.confidence(summary));
      }),
    );
  });

  test("cannot be changed through what toJSON gives", () => {
    const calibration = calibrationFromJSON({ version: 1, slope: 1, shift: 0, n: 0 });
    calibration.toJSON().shift = 9;
    expect(calibration.toJSON().shift).toBe(0);
  });

  test.each([
    [{ version: 2, slope: 1, shift: 0, n: 0 }, "calibration.version: got 2"],
    [{ version: 1, slope: Number.NaN, shift: 0, n: 0 }, "calibration.slope"],
    [{ version: 1, slope: 1, shift: 0, n: 0, tokens: { slope: 1, mean: 0 } }, "calibration.tokens.deviation"],
    [null, "calibration: got null"],
  ])("refuses %j, and says where the fault is", (data, message) => {
    expect(() => calibrationFromJSON(data as CalibrationData)).toThrow(message);
  });
});

describe("calibrationError", () => {
  test("is the distance of confidence and accuracy by bin, each by its size", () => {
    const judged = [
      { confidence: 0.95, correct: true },
      { confidence: 0.95, correct: false },
      { confidence: 0.15, correct: false },
      { confidence: 1, correct: true },
    ];
    expect(calibrationError(judged)).toBeCloseTo((Math.abs(2.9 - 2) + 0.15) / 4, 12);
  });

  test("is 0 of a confidence that is right as often as it says", () => {
    const judged = Array.from({ length: 10 }, (_, at) => ({ confidence: 0.7, correct: at < 7 }));
    expect(calibrationError(judged)).toBeCloseTo(0, 12);
  });
});
