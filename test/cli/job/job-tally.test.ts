import { describe, expect, test } from "vitest";
import { JobTally } from "../../../src/cli/job/job-tally.ts";
import { describeEnd } from "../../../src/cli/job/run-tool-job.ts";
import type { OutputLine } from "../../../src/cli/output/output-line.ts";
import { createTerminal } from "../../../src/cli/progress/terminal.ts";

const line = (status: "completed" | "failed", costUsd: number | null) => ({ status, costUsd }) as OutputLine;
const plain = createTerminal({ write: () => true }, {});

describe("JobTally", () => {
  test("estimates what is left by the pace since the start, kept lines aside", () => {
    const tally = new JobTally(1000);
    tally.totalCount = 10;
    tally.keep(line("completed", 1));
    tally.keep(line("completed", 1));
    expect(tally.remainingMs(5000)).toBeUndefined();
    for (let count = 0; count < 4; count++) tally.settle(line("completed", 1));
    expect(tally.remainingMs(5000)).toBe(4000);
    expect(tally.costUsd).toBe(6);
  });

  test("one unknown price makes the sum unknown", () => {
    const tally = new JobTally(0);
    tally.settle(line("completed", 1));
    tally.settle(line("completed", null));
    expect(tally.costUsd).toBeNull();
  });

  test("the end says what was done, what failed, and how to go on", () => {
    const tally = new JobTally(0);
    tally.totalCount = 1200;
    tally.settle(line("completed", 0.5));
    tally.settle(line("failed", 0));
    expect(describeEnd(tally, "out.jsonl", plain)).toBe(
      "2 of 1,200 inputs done, 1 without an answer, $0.50. 2 lines in out.jsonl. The same command goes on from there.",
    );
    tally.totalCount = 2;
    expect(describeEnd(tally, "out.jsonl", plain)).toContain("--retry-failed asks the failed ones again.");
    expect(describeEnd(tally, undefined, plain)).toBe("2 of 2 inputs done, 1 without an answer, $0.50.");
  });
});
