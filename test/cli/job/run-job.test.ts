import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { JobBudget } from "../../../src/cli/job/job-tally.ts";
import { type Job, runJob } from "../../../src/cli/job/run-job.ts";
import type { OutputLine } from "../../../src/cli/output/output-line.ts";
import { ReliableOrchestrator } from "../../../src/orchestrate/reliable-orchestrator.ts";
import { defineTool } from "../../../src/tool/define-tool.ts";

async function* inputs(count: number, breaksAt = Number.POSITIVE_INFINITY) {
  for (let index = 0; index < count; index++) {
    if (index === breaksAt) throw new Error("the pipe broke");
    yield { index, request: { index }, place: `in:${index + 1}` };
  }
}

function jobOf(facts: Partial<Job>, lines: OutputLine[]): Job {
  return {
    orchestrator: new ReliableOrchestrator(),
    tool: defineTool({ name: "same", execute: (request: { index: number }) => request.index }),
    toolOptions: {},
    options: {},
    concurrency: 3,
    giveUpAfterMs: 60_000,
    budget: new JobBudget(undefined, 3),
    inputs: inputs(5),
    fingerprintOf: ({ index }) => `f${index}`,
    listen: () => () => {},
    onLine: (line) => lines.push(line),
    ...facts,
  };
}

const indexesOf = (lines: readonly OutputLine[]) => lines.map(({ index }) => index).toSorted((a, b) => a - b);

describe("runJob", () => {
  test("gives each input one line, in whatever order the runs end, and never starts more than its concurrency", async () => {
    const sizes = fc.record({ count: fc.integer({ min: 0, max: 20 }), concurrency: fc.integer({ min: 1, max: 6 }) });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), sizes, async (scheduler, { count, concurrency }) => {
        const lines: OutputLine[] = [];
        let inFlight = 0;
        const tool = defineTool({
          name: "slow",
          async execute(request: { index: number }) {
            expect(++inFlight).toBeLessThanOrEqual(concurrency);
            await scheduler.schedule(Promise.resolve());
            inFlight--;
            return request.index;
          },
        });
        await scheduler.waitFor(runJob(jobOf({ tool, concurrency, inputs: inputs(count) }, lines)));
        expect(indexesOf(lines)).toEqual([...Array(count).keys()]);
        for (const line of lines)
          expect(line).toMatchObject({ fingerprint: `f${line.index}`, output: { content: line.index } });
      }),
      { numRuns: 50 },
    );
  });

  test("inputs that break off end the job with their error, after what came before has its lines", async () => {
    const lines: OutputLine[] = [];
    await expect(runJob(jobOf({ inputs: inputs(9, 4) }, lines))).rejects.toThrow("the pipe broke");
    expect(indexesOf(lines)).toEqual([0, 1, 2, 3]);
  });

  test("a run that is refused gets no line; its input is named where the fault is in it", async () => {
    const lines: OutputLine[] = [];
    const tool = defineTool({ name: "typed", input: z.object({ missing: z.string() }), execute: () => 1 });
    await expect(runJob(jobOf({ tool }, lines))).rejects.toThrow(/^in:1: request.missing/);
    await expect(runJob(jobOf({ options: { maxParallel: 0 } }, lines))).rejects.toThrow(/^options.maxParallel/);
    expect(lines).toEqual([]);
  });

  test("a run whose deadline passes gets a rejected line that says so", async () => {
    const lines: OutputLine[] = [];
    const tool = defineTool({ name: "stuck", execute: () => new Promise<never>(() => {}) });
    await runJob(jobOf({ tool, options: { timeoutMs: 1 }, inputs: inputs(1) }, lines));
    expect(lines).toMatchObject([{ index: 0, status: "rejected", error: { code: "BUDGET_EXCEEDED" } }]);
  });

  test("a tool that does not say what it costs cannot be held under a ceiling", async () => {
    const lines: OutputLine[] = [];
    const tool = defineTool({
      name: "silent",
      execute(_request: { index: number }, _options, context) {
        context.reportUsage({ inputTokens: 1, outputTokens: 1, totalTokens: 2 }, null);
        return 1;
      },
    });
    const job = jobOf({ tool, concurrency: 1, budget: new JobBudget(1, 1) }, lines);
    await expect(runJob(job)).rejects.toThrow(/"silent" does not say what it costs/);
    expect(lines).toHaveLength(1);
  });
});
