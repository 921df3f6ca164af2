import { expect, test } from "vitest";
import { defineTool, type OrchestrationEvent, PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
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
