import { describe, expect, test } from "vitest";
import { recordedJob, recordedSets } from "../../bench/right/jobs.ts";
import { measureValidity, wayNames } from "../../bench/right/validity.ts";

const shareOf = (all: readonly { draws: number; falsified: number }[]) =>
  all.reduce((sum, each) => sum + each.falsified, 0) / all.reduce((sum, each) => sum + each.draws, 0);
// GSM8K, TriviaQA, crosswords and dates.
const jobs = recordedSets().slice(0, 6).map(recordedJob);
const [offered, notOffered] = [wayNames.slice(0, -1), wayNames.at(-1) as string];

describe("certificates of recorded answers", () => {
  for (const way of offered)
    test(`are false in at most a tenth of all draws: ${way}`, () => {
      const all = measureValidity(way, 8, jobs);
      expect(shareOf(all)).toBeLessThanOrEqual(0.1);
      expect(all.some(({ certified }) => certified > 0)).toBe(true);
    });

  test("are false too often where labels certify what they chose, which the measurement sees", () => {
    expect(Math.max(...measureValidity(notOffered, 8, jobs).map((each) => shareOf([each])))).toBeGreaterThan(0.2);
  });
});
