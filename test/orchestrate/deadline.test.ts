import { describe, expect, test } from "vitest";
import {
  type BundleToolOptions,
  CancelledError,
  defineTool,
  hasEvidence,
  type OrchestrationEvent,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
  type ToolContext,
} from "../../src/index.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { scriptedModel } from "../../src/testing.ts";

const stuck = defineTool({ name: "stuck", execute: () => new Promise<never>(() => {}) });

async function rejection(run: Promise<unknown>, clock: ReturnType<typeof createFakeClock>): Promise<any> {
  const caught = run.then(
    () => expect.fail("the run resolved"),
    (error) => error,
  );
  await clock.runAll();
  return caught;
}

test("a run that its deadline ends says how long that was, what it waited for, and what to raise", async () => {
  const clock = createFakeClock();
  const orchestrator = new ReliableOrchestrator({ clock });
  const run = orchestrator.run({ tool: stuck, request: {}, options: { timeoutMs: 10_000 } });
  const { message, budgetType, limit, partial } = await rejection(run, clock);
  expect(message).toBe(
    'The deadline of 10000 ms passed while the run waited for tool "stuck". Raise the ceiling (options.timeoutMs, options.budget.timeMs; of a bundle globalBudget.timeMs, of a replicate perReplicateBudget.timeMs), or ask for less.',
  );
  expect([budgetType, limit]).toEqual(["timeMs", 10_000]);
  expect(partial.usage.totalTokens).toBe(0);
});

test("a run that its deadline ends before a tool is chosen says so", async () => {
  const clock = createFakeClock();
  const planner = { plan: () => new Promise<never>(() => {}) };
  const run = new ReliableOrchestrator({ clock, planner }).run({ request: {}, options: { timeoutMs: 10 } });
  expect((await rejection(run, clock)).message).toContain("of 10 ms passed while the run waited for its planner.");
});

test("a replicate that passes its own time is named", async () => {
  const clock = createFakeClock();
  const model = scriptedModel(({ index }) => (index === 0 ? { hang: true } : { text: "yes" }));
  const tool = new PromptBundleTool({ name: "t", model, prompt: "x" });
  const toolOptions = { k: 2, stopping: "none", perReplicateBudget: { timeMs: 500 } } as const;
  const errors: string[] = [];
  const onEvent = (event: OrchestrationEvent) => {
    if (event.type === "replicate_done" && !event.replicate.valid)
      errors.push(...(event.replicate.quality.errors ?? []));
  };
  const pending = new ReliableOrchestrator({ clock }).run({ tool, request: {}, toolOptions, onEvent });
  await clock.runAll();
  expect((await pending).status).toBe("completed");
  expect(errors).toEqual([expect.stringContaining("of 500 ms passed while the run waited for replicate r1.")]);
});

test("a call that would last past the deadline is refused with the time that it needs", async () => {
  const clock = createFakeClock();
  const slow = Object.assign(defineTool({ name: "slow", execute: () => 1 }), { estimate: () => ({ timeMs: 700 }) });
  const run = new ReliableOrchestrator({ clock }).run({ tool: slow, request: {}, options: { timeoutMs: 500 } });
  expect((await rejection(run, clock)).message).toContain("limited to 500 milliseconds, and 700 are needed");
});

describe("a bundle tool with an execute of its own", () => {
  const usage = { inputTokens: 2, outputTokens: 3 };

  class Stuck extends PromptBundleTool {
    override async execute(request: any, options: BundleToolOptions, context: ToolContext) {
      await super.execute(request, options, context);
      return new Promise<never>(() => {});
    }
  }
  const stuckIn = (model = scriptedModel(() => ({ text: "yes", usage }))) =>
    new Stuck({ name: "stuck", model, prompt: "x", defaultOptions: { k: 2 } });

  test.each([Orchestrator, ReliableOrchestrator])(
    "is ended by the deadline of %o while its own code hangs",
    async (Kind) => {
      const clock = createFakeClock();
      const run = new Kind({ clock }).run({ tool: stuckIn(), request: {}, options: { timeoutMs: 100 } });
      const error = await rejection(run, clock);
      expect(error).toMatchObject({
        code: "BUDGET_EXCEEDED",
        budgetType: "timeMs",
        partial: { usage: { totalTokens: 10 } },
      });
      expect(clock.pending).toBe(0);
    },
  );

  test("is ended by an abort while its own code hangs", async () => {
    const model = scriptedModel(() => ({ text: "yes", usage }));
    const controller = new AbortController();
    const run = new Orchestrator().run({ tool: stuckIn(model), request: {}, signal: controller.signal });
    const caught = run.catch((error) => error);
    await expect.poll(() => model.calls.length).toBe(2);
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort("enough");
    const error = await caught;
    expect(error).toBeInstanceOf(CancelledError);
    expect(error.partial.usage.totalTokens).toBe(10);
  });

  test("still gives what its replicates have answered by the deadline", async () => {
    class Logged extends PromptBundleTool {
      override async execute(request: any, options: BundleToolOptions, context: ToolContext) {
        return super.execute(request, options, context);
      }
    }
    const clock = createFakeClock();
    const model = scriptedModel(({ index }) => (index === 0 ? { text: "yes" } : { hang: true }));
    const tool = new Logged({ name: "logged", model, prompt: "x", defaultOptions: { k: 3, stopping: "none" } });
    const run = new ReliableOrchestrator({ clock }).run({ tool, request: {}, options: { timeoutMs: 100 } });
    await clock.runAll();
    const output = await run;
    expect(output.status).toBe("partial");
    expect(hasEvidence(output) && output.content.evidenceBundle.summary.consensus).toBe("yes");
  });
});
