import { describe, expect, test } from "vitest";
import {
  BudgetExceeded,
  CancelledError,
  InvalidOptionsError,
  type OrchestrationEvent,
  Orchestrator,
  ReliableOrchestrator,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { createFakeClock, type Script, type ScriptedModel, scriptedModel } from "../../src/testing.ts";
import { AgentsTool } from "../../src/tool/agents-tool.ts";
import { storeWith } from "../orchestrate/store-with.ts";

const usage = { inputTokens: 10, outputTokens: 5 };
const says = (text: string): Script => [{ text, usage }];

/** Agents by their names; the last one's model may be anything. */
function agentsOf(models: Record<string, ScriptedModel | string>) {
  return Object.entries(models).map(([name, model]) => ({ name, prompt: "You answer.", model: model as string }));
}

const failureOf = (run: Promise<unknown>): Promise<any> =>
  run.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("agents", () => {
  test("one that fails takes no other's answer away", async () => {
    const [first, third] = [scriptedModel(says("one")), scriptedModel(says("three"))];
    const broken = scriptedModel([{ status: 400 }]);
    const output = await new Orchestrator().run({
      request: "?",
      agents: agentsOf({ first, broken, third }),
      options: { maxParallel: 1 },
    });
    expect(output).toMatchObject({
      status: "partial",
      content: { first: "one", third: "three" },
      errors: { broken: { code: "HTTP_400", category: "invalid_request" } },
      usage: { totalTokens: 30 },
    });
  });

  test("keep an answer that the store would not take: it stands on the error", async () => {
    const refused = Object.assign(new Error("full"), { code: "ENOSPC" });
    const tool = new AgentsTool(agentsOf({ first: scriptedModel(says("one")) }));
    const orchestrator = new ReliableOrchestrator({
      state: new ReliabilityState(),
      store: storeWith(() => ({ append: () => Promise.reject(refused) })),
    });
    const error = await failureOf(orchestrator.run({ tool, request: "?", options: { idempotencyKey: "a" } }));
    expect(error).toMatchObject({ code: "STORE", partial: { content: { first: "one" }, usage: { totalTokens: 15 } } });
  });

  test("are asked only once all their models are found, so that a wrong name costs nothing", async () => {
    const first = scriptedModel(says("one"));
    const agents = agentsOf({ first, second: "opnai:gpt-5" });
    const events: OrchestrationEvent[] = [];
    const run = new Orchestrator().run({ request: "?", agents, onEvent: (event) => events.push(event) });
    const error = await failureOf(run);
    expect(InvalidOptionsError.isInstance(error) && error.message).toContain("opnai:gpt-5");
    expect(first.calls).toHaveLength(0);
    expect(events.at(-1)?.type).toBe("run_failed");
  });

  test("are asked only once all prices are known that a budget in dollars needs", async () => {
    const first = scriptedModel(says("one"), { modelId: "known" });
    const agents = agentsOf({ first, second: scriptedModel(says("two")) });
    const prices = { costUsd: ({ modelId }: { modelId: string }) => (modelId === "known" ? 0.001 : null) };
    const run = new Orchestrator({ prices }).run({ request: "?", agents, options: { budget: { costUsd: 1 } } });
    const error = await failureOf(run);
    expect(InvalidOptionsError.isInstance(error) && error.message).toContain("scripted:scripted-1");
    expect(first.calls).toHaveLength(0);
  });

  test("that are refused for the budget leave the answers before them", async () => {
    const models = { first: scriptedModel(says("one")), second: scriptedModel(says("two")) };
    const output = await new Orchestrator().run({
      request: "?",
      agents: agentsOf(models),
      options: { budget: { tokens: 40 }, maxParallel: 1 },
    });
    expect(output).toMatchObject({
      status: "partial",
      content: { first: "one" },
      errors: { second: { code: "BUDGET_EXCEEDED" } },
    });
  });

  test("none of which the budget has room for reject as any run does, whatever failed beside", async () => {
    const models = { first: scriptedModel([{ status: 400 }]), second: scriptedModel(says("two")) };
    const run = new Orchestrator().run({ request: "?", agents: agentsOf(models), options: { budget: { tokens: 5 } } });
    expect(BudgetExceeded.isInstance(await failureOf(run))).toBe(true);
  });

  test("nothing of them is left once a cancelled run has settled, and what they paid is on the error", async () => {
    const clock = createFakeClock();
    const controller = new AbortController();
    const slow = scriptedModel(async ({ signal }) => {
      await clock.sleep(1_000, { signal });
      return { text: "slow", usage };
    });
    const last = scriptedModel(says("last"));
    const agents = agentsOf({ first: scriptedModel(says("one")), slow, last });
    const { signal } = controller;
    const run = new Orchestrator({ clock }).run({ request: "?", agents, signal, options: { maxParallel: 1 } });
    const settled = failureOf(run);
    await clock.advance(10);
    controller.abort("enough");
    const error = await settled;
    expect(CancelledError.isInstance(error) && error.partial).toMatchObject({
      content: { first: "one" },
      usage: { requests: 2, outputTokens: 5, estimated: true },
    });
    await clock.runAll();
    expect(last.calls).toHaveLength(0);
  });

  test("are asked no further once the run has to reject, and those in flight are waited for and kept", async () => {
    const clock = createFakeClock();
    const refusing = scriptedModel([{ error: new InvalidOptionsError([{ path: "x", given: 1, allowed: "2" }]) }]);
    const slow = scriptedModel(async () => {
      await clock.sleep(1_000);
      return { text: "slow", usage };
    });
    const last = scriptedModel(says("last"));
    const agents = agentsOf({ refusing, slow, last });
    const pending = new Orchestrator({ clock }).run({ request: "?", agents, options: { maxParallel: 2 } });
    await clock.runAll();
    expect(await pending).toMatchObject({
      status: "partial",
      content: { slow: "slow" },
      errors: { refusing: { code: "INVALID_OPTIONS" } },
    });
    expect(last.calls).toHaveLength(0);
  });
});
