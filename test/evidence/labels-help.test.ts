import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { createJobCalibration } from "../../src/evidence/job-calibration.ts";
import { groupAnswers, sameAnswer } from "../../src/evidence/same-answer.ts";

const samples = 5;
/** Thirty draws of labels tell the squared error to some twentieth of a point. */
const chance = 0.0005;

/** Votes of each question of a recorded set at K = 5, the consensus first, and if that is right. */
function votesIn(file: string): { sizes: number[]; isRight: boolean }[] {
  const lines = readFileSync(`bench/data/${file}`, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return lines.flatMap(({ samples: given, gold }) => {
    const answers = (given as unknown[])
      .slice(0, samples)
      .filter((one) => one !== null && one !== "")
      .map(String);
    if (answers.length === 0) return [];
    const groups = groupAnswers(answers);
    const sizes = [...Map.groupBy(groups, (group) => group).values()].map(({ length }) => length);
    const largest = sizes.indexOf(Math.max(...sizes));
    const consensus = answers[groups.indexOf(largest)] as string;
    const others = sizes.toSpliced(largest, 1).sort((a, b) => b - a);
    return [{ sizes: [sizes[largest] as number, ...others], isRight: sameAnswer(consensus, String(gold)) }];
  });
}

describe("labels of recorded answers", () => {
  for (const file of ["triviaqa-llama13b-20.jsonl", "gsm8k-gpt4omini-40.jsonl"])
    for (const count of [10, 30, 100])
      test(`${count} of them make the confidence of ${file} no worse on the rest, on average over draws`, () => {
        const all = votesIn(file);
        const observed = createJobCalibration();
        for (const { sizes } of all) observed.observe(sizes);
        const random = seededRandom(count);
        let [before, after, answers, used] = [0, 0, 0, 0];
        for (let draw = 0; draw < 30; draw++) {
          const shuffled = all.map((one) => ({ one, at: random.next() })).sort((a, b) => a.at - b.at);
          const job = createJobCalibration().merge(observed);
          for (const { one } of shuffled.slice(0, count)) job.label(one.sizes, one.isRight);
          if (job.confidence([5]) !== observed.confidence([5])) used++;
          for (const { one } of shuffled.slice(count)) {
            before += ((observed.confidence(one.sizes) as number) - Number(one.isRight)) ** 2;
            after += ((job.confidence(one.sizes) as number) - Number(one.isRight)) ** 2;
            answers++;
          }
        }
        expect(used).toBeGreaterThan(0);
        expect(after / answers).toBeLessThanOrEqual(before / answers + chance);
      });
});
