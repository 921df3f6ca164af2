import { describe, expect, test } from "vitest";
import { z } from "zod";
import { defineTool, type OrchestrationEvent, PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { scriptedModel } from "../../src/testing.ts";

const usage = { inputTokens: 10, outputTokens: 5 };
const schema = z.object({ yes: z.boolean() });

/** Pays for two answers that fit nothing, and fails. */
const paying = () =>
  new PromptBundleTool({
    name: "a",
    model: scriptedModel(() => ({ text: '{"yes":"maybe"}', usage })),
    prompt: "{{report}}",
    schema,
    defaultOptions: { k: 1 },
  });
const answer = () => scriptedModel([{ object: { yes: true }, usage }]);
const lacksVariable = () => new PromptBundleTool({ name: "b", model: answer(), prompt: "{{customer}}", schema });
const lacksPackage = () => new PromptBundleTool({ name: "b", model: "xai:grok-4", prompt: "{{report}}", schema });
const good = () =>
  new PromptBundleTool({ name: "c", model: answer(), prompt: "{{report}}", schema, defaultOptions: { k: 1 } });

const orchestrate = () =>
  new ReliableOrchestrator({
    state: new ReliabilityState(),
    store: new MemoryStore(),
    reliabilityConfig: { maxRetries: 0 },
  });
const request = { report: "It crashes" };

describe.each([
  ["lacks a variable of its prompt", lacksVariable],
  ["lacks the package of its provider", lacksPackage],
])("a fallback that %s", (_, refusing) => {
  test("is one more failure of the run, beside the first tool's and with what was paid", async () => {
    const errors: string[] = [];
    const onEvent = (event: OrchestrationEvent) => event.type === "error" && errors.push(event.error.code);
    const output = await orchestrate().run({ tool: paying(), fallbackTools: [refusing()], request, onEvent });
    expect(output).toMatchObject({
      status: "failed",
      content: null,
      errors: { a: { code: "INVALID_OUTPUT" }, b: { type: "InvalidOptionsError", code: "INVALID_OPTIONS" } },
    });
    expect(output.usage.totalTokens).toBe(30);
    expect(errors).toEqual(["INVALID_OUTPUT", "INVALID_OPTIONS"]);
  });

  test("is passed over for the next one", async () => {
    const output = await orchestrate().run({ tool: paying(), fallbackTools: [refusing(), good()], request });
    expect(output).toMatchObject({
      status: "completed",
      metadata: { toolName: "c" },
      errors: { a: {}, b: { code: "INVALID_OPTIONS" } },
    });
    expect(output.usage.totalTokens).toBe(45);
  });

  test("does not settle the key: once it can run, the same request may succeed", async () => {
    const orchestrator = orchestrate();
    const tooLong = defineTool({
      name: "a",
      execute: (_request: object) => {
        throw Object.assign(new Error("too long"), { code: "context_length_exceeded" });
      },
    });
    const run = (fallback: PromptBundleTool<any, any>) => {
      const options = { idempotencyKey: "key" };
      return orchestrator.run({ tool: tooLong, fallbackTools: [fallback], request, options });
    };
    expect((await run(refusing())).status).toBe("failed");
    expect((await run(good())).status).toBe("completed");
  });
});

test("the tool that was asked for is refused as before, and so is its request: nothing has been paid", async () => {
  const run = orchestrate().run({ tool: lacksPackage(), fallbackTools: [good()], request });
  await expect(run).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
});
