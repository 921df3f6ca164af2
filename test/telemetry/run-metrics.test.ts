import { execFileSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CallGuard } from "../../src/contract/call.ts";
import { defineTool, PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { meterCalls } from "../../src/telemetry/run-metrics.ts";
import { createFakeClock, type FakeClock, scriptedModel } from "../../src/testing.ts";
import { collectMetrics, stopMetering } from "./collect-metrics.ts";

const usage = { inputTokens: 12, outputTokens: 5 };
const secret = "the caller's own words";

/** A tool whose first calls fail. */
function flaky(failures: number) {
  let calls = 0;
  const answer = () => (++calls <= failures ? Promise.reject(Object.assign(new Error(secret), { status: 503 })) : "ok");
  return defineTool({ name: "flaky", provider: "acme", execute: answer });
}

describe("with OpenTelemetry", () => {
  let metrics: ReturnType<typeof collectMetrics>;
  let clock: FakeClock;
  let state: ReliabilityState;

  beforeEach(() => {
    metrics = collectMetrics();
    clock = createFakeClock();
    state = new ReliabilityState({ clock });
  });
  afterEach(stopMetering);

  async function run(tool: object, options: object = {}, reliabilityConfig = {}): Promise<unknown> {
    const prices = { costUsd: () => 0.25 };
    const running = new ReliableOrchestrator({ clock, state, prices, reliabilityConfig })
      .run({ tool, request: { text: secret }, options } as any)
      .catch((error) => error);
    await clock.runAll();
    return running;
  }

  test("each answer is measured: time, tokens in and out, and what it cost", async () => {
    const model = scriptedModel(
      async ({ signal }) => {
        await clock.sleep(500, { signal });
        return { text: "yes", usage };
      },
      { modelId: "small" },
    );
    await run(
      new PromptBundleTool({ name: "ask", model, prompt: "{{text}}", defaultOptions: { k: 2, stopping: "none" } }),
    );
    const measured = await metrics.measured();
    const target = { "gen_ai.provider.name": model.provider, "gen_ai.request.model": "small" };
    const chat = { ...target, "gen_ai.operation.name": "chat", "gen_ai.response.model": "small" };
    expect(measured["gen_ai.client.operation.duration"]).toEqual([{ attributes: chat, value: { count: 2, sum: 1 } }]);
    expect(measured["gen_ai.client.token.usage"]).toEqual([
      { attributes: { ...chat, "gen_ai.token.type": "input" }, value: { count: 2, sum: 24 } },
      { attributes: { ...chat, "gen_ai.token.type": "output" }, value: { count: 2, sum: 10 } },
    ]);
    expect(measured["steer.cost"]).toEqual([{ attributes: target, value: 0.5 }]);
    expect(JSON.stringify(measured)).not.toContain(secret);
  });

  test("runs are counted by how they ended", async () => {
    await run(defineTool({ name: "echo", execute: (request: object) => request }));
    await run(defineTool({ name: "broken", execute: () => Promise.reject(new Error(secret)) }));
    await run(defineTool({ name: "endless", execute: () => new Promise(() => {}) }), { timeoutMs: 5 });
    const { "steer.runs": runs, ...others } = await metrics.measured();
    expect(runs).toEqual([
      { attributes: { "gen_ai.agent.name": "echo", "steer.status": "completed" }, value: 1 },
      { attributes: { "gen_ai.agent.name": "broken", "steer.status": "failed", "error.type": "UNKNOWN" }, value: 1 },
      {
        attributes: { "gen_ai.agent.name": "endless", "steer.status": "rejected", "error.type": "BUDGET_EXCEEDED" },
        value: 1,
      },
    ]);
    expect(others).toEqual({});
  });

  test("retries are counted by their category", async () => {
    await run(flaky(2), {}, { maxRetries: 2 });
    const retry = { "gen_ai.tool.name": "flaky", "steer.error.category": "server_error" };
    expect((await metrics.measured())["steer.retries"]).toEqual([{ attributes: retry, value: 2 }]);
  });

  test("changes of a circuit are counted by its new state", async () => {
    const tool = flaky(1);
    const config = { maxRetries: 0, circuitBreaker: { failureThreshold: 1, openMs: 1_000, successThreshold: 1 } };
    await run(tool, {}, config);
    await clock.advance(1_000);
    await run(tool, {}, config);
    expect((await metrics.measured())["steer.circuit.changes"]).toEqual(
      ["open", "half_open", "closed"].map((state) => ({
        attributes: { "gen_ai.provider.name": "acme", "steer.circuit.state": state },
        value: 1,
      })),
    );
  });

  test("a budget that is overrun unforeseen is counted, and so is what a plain tool cost", async () => {
    const tool = defineTool({
      name: "dear",
      execute: (_request: object, _options, { reportUsage }) =>
        reportUsage({ inputTokens: 90, outputTokens: 60, totalTokens: 150 }, 0.5),
    });
    await run(tool, { budget: { tokens: 100 } });
    const measured = await metrics.measured();
    expect(measured["steer.budget.overruns"]).toEqual([{ attributes: { "gen_ai.tool.name": "dear" }, value: 1 }]);
    expect(measured["steer.cost"]).toEqual([{ attributes: { "gen_ai.provider.name": "tool:dear" }, value: 0.5 }]);
    expect(measured).not.toHaveProperty(["gen_ai.client.token.usage"]);
  });

  test("counting is not listening: an attempt whose deltas nobody saw is tried again in silence", async () => {
    let attempts = 0;
    const tool = defineTool({
      name: "talks",
      async execute(_request: object, _options, { events }) {
        events.emit("delta", { text: "half" });
        if (++attempts === 1) throw Object.assign(new Error("busy"), { statusCode: 503 });
        return "whole";
      },
    });
    expect(await run(tool, { streaming: true })).toMatchObject({ status: "completed", content: "whole" });
  });

  test("leaves out a cost that is not known", async () => {
    const model = scriptedModel(() => ({ text: "yes", usage }));
    const tool = new PromptBundleTool({ name: "ask", model, prompt: "x", defaultOptions: { k: 1 } });
    await new ReliableOrchestrator({ clock, prices: { costUsd: () => null } }).run({ tool, request: {} });
    expect(await metrics.measured()).not.toHaveProperty(["steer.cost"]);
  });
});

describe("without OpenTelemetry", () => {
  test("the guard is what it was", () => {
    const guard: CallGuard = () => Promise.reject(new Error("unused"));
    expect(meterCalls(guard)).toBe(guard);
  });

  test("nothing of it is loaded", () => {
    const script = `
      import { defineTool, Orchestrator } from "./src/index.ts";
      import { createRequire } from "node:module";
      const tool = defineTool({ name: "echo", execute: (request) => request });
      await new Orchestrator().run({ tool, request: {} });
      const loaded = Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes("opentelemetry"));
      console.log(loaded.length);`;
    const output = execFileSync(process.execPath, ["--input-type=module-typescript", "-e", script], {
      encoding: "utf8",
    });
    expect(output.trim()).toBe("0");
  });
});
