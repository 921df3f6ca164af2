import { describe, expect, test } from "vitest";
import { defineTool, Orchestrator, PromptBundleTool, ReliableOrchestrator } from "../../../src/index.ts";
import { ReliabilityState } from "../../../src/reliability.ts";
import { scriptedModel } from "../../../src/testing.ts";

const options = { idempotencyKey: "auto" };
const reliable = () => new ReliableOrchestrator({ state: new ReliabilityState() });

function counted() {
  let executions = 0;
  const tool = defineTool({ name: "count", execute: (_request: unknown) => Promise.resolve(++executions) });
  return { tool, executions: () => executions };
}

describe("under the automatic key", () => {
  test("equal requests are one execution, at once and later, whatever the order of their keys", async () => {
    const { tool, executions } = counted();
    const orchestrator = reliable();
    const run = (request: object) => orchestrator.run({ tool, request, options });
    await Promise.all([run({ a: 1, b: [2] }), run({ b: [2], a: 1 })]);
    expect((await run({ a: 1, b: [2] })).metadata.replayed).toBe(true);
    expect(executions()).toBe(1);
    await run({ a: 1, b: [3] });
    expect(executions()).toBe(2);
  });

  test("other options of the tool are another question", async () => {
    const { tool, executions } = counted();
    const orchestrator = reliable();
    for (const toolOptions of [{ depth: 1 }, { depth: 2 }, { depth: 1 }])
      await orchestrator.run({ tool, request: {}, toolOptions, options });
    expect(executions()).toBe(2);
  });

  test.each([
    ["prompt", { prompt: "Say {{q}}" }],
    ["model", { modelId: "other" }],
    ["schema", { schema: { type: "string", maxLength: 9 } as const }],
    ["K", { defaultOptions: { k: 2 } }],
    ["version", { version: "2.0.0" }],
  ])("a tool with another %s asks anew", async (_what, { modelId = "m", ...change }: any) => {
    const orchestrator = reliable();
    const ask = async (id: string, more: object) => {
      const model = scriptedModel(() => ({ text: '"yes"' }), { modelId: id });
      const tool = new PromptBundleTool({
        name: "ask",
        model,
        prompt: "{{q}}",
        schema: { type: "string" },
        defaultOptions: { k: 1 },
        ...more,
      });
      return (await orchestrator.run({ tool, request: { q: "?" }, options })).metadata.replayed ?? false;
    };
    expect(await ask("m", {})).toBe(false);
    expect(await ask("m", {})).toBe(true);
    expect(await ask(modelId, change)).toBe(false);
  });

  test("equal inputs of many are asked once", async () => {
    const { tool, executions } = counted();
    const requests = ["a", "b", "a", "b", "a"];
    let outputs = 0;
    for await (const _output of reliable().runMany({ tool, requests, options, concurrency: 5 })) outputs++;
    expect(outputs).toBe(5);
    expect(executions()).toBe(2);
  });

  test("a request that has no canonical form is refused, since equal ones could not be told", async () => {
    const { tool } = counted();
    const run = reliable().run({ tool, request: { at: new Map() }, options });
    await expect(run).rejects.toThrow(/request\.at is a Map/);
  });

  test("an orchestrator that keeps no keys refuses it", async () => {
    const { tool } = counted();
    const run = new Orchestrator().run({ tool, request: {}, options });
    await expect(run).rejects.toThrow(/options.idempotencyKey needs a ReliableOrchestrator/);
  });
});
