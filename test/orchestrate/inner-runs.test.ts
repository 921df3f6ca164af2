import { describe, expect, test } from "vitest";
import { type AnyTool, defineTool, PromptBundleTool, ReliableOrchestrator, type RunParams } from "../../src/index.ts";
import { createFakeClock, scriptedModel } from "../../src/testing.ts";

const leaf = defineTool({ name: "leaf", execute: async (_request: object, _options, { clock }) => clock.sleep(50) });
const asking = new PromptBundleTool({
  name: "asking",
  model: scriptedModel([{ text: "yes" }]),
  prompt: "{{question}}",
});
const spare = defineTool({ name: "spare", execute: () => "spare" });

/** A tool that pays, and then starts a run of its own. */
function around(inner: Partial<RunParams<any, AnyTool, never>>, clock = createFakeClock()) {
  const orchestrator = new ReliableOrchestrator({ clock });
  const tool = defineTool({
    name: "outer",
    async execute(_request: object, _options, { reportUsage }) {
      reportUsage({ inputTokens: 100, outputTokens: 0, totalTokens: 100 }, 5);
      return (await orchestrator.run({ tool: leaf, request: {}, ...inner } as any)).status;
    },
  });
  return { orchestrator, clock, tool };
}

describe("a run that a tool has started is the tool's affair", () => {
  test.each([
    ["has options that cannot be used", { options: { maxParallel: 0 } }, "INVALID_OPTIONS"],
    ["names a tool that is not there", { tool: undefined, toolName: "nowhere" } as any, "TOOL_NOT_FOUND"],
    ["has a request that its tool refuses", { tool: asking }, "INVALID_OPTIONS"],
  ])("one that %s is a failure of the tool, which a fallback makes good", async (_, inner, code) => {
    const { orchestrator, tool } = around(inner);
    const output = await orchestrator.run({ tool, request: {}, fallbackTools: [spare] });
    expect(output).toMatchObject({ status: "completed", content: "spare", costUsd: 5 });
    expect(output.errors).toMatchObject({ outer: { code } });
  });

  test.each([
    ["its own budget ends", { options: { budget: { tokens: 0 } } }, "BUDGET_EXCEEDED"],
    ["its own deadline ends", { options: { timeoutMs: 5 } }, "BUDGET_EXCEEDED"],
    ["its own signal ends", { signal: AbortSignal.abort("hedge lost") }, "CANCELLED"],
  ])("one that %s is a failure of the tool, with what the tool has paid for", async (_, inner, code) => {
    const { orchestrator, tool, clock } = around(inner);
    const pending = orchestrator.run({ tool, request: {} });
    await clock.runAll();
    expect(await pending).toMatchObject({ status: "failed", costUsd: 5, errors: { outer: { code } } });
  });

  test("one whose key stands for another request is not kept for the outer run's own key", async () => {
    const { orchestrator, tool, clock } = around({ request: { other: 1 }, options: { idempotencyKey: "inner" } });
    const first = orchestrator.run({ tool: leaf, request: {}, options: { idempotencyKey: "inner" } });
    await clock.runAll();
    await first;
    for (const _ of [1, 2]) {
      const output = await orchestrator.run({ tool, request: {}, options: { idempotencyKey: "outer" } });
      expect(output).toMatchObject({ status: "failed", costUsd: 5, errors: { outer: { code: "CONFLICT" } } });
      expect(output.metadata.replayed).toBeUndefined();
    }
  });

  test("but what ends the outer run ends it, also where the inner one hears of it first", async () => {
    const controller = new AbortController();
    const { orchestrator, tool, clock } = around({ signal: controller.signal });
    const pending = orchestrator.run({ tool, request: {}, signal: controller.signal });
    const rejection = pending.catch((error: unknown) => error);
    await clock.advance(1);
    controller.abort("enough");
    await clock.runAll();
    expect(await rejection).toMatchObject({ code: "CANCELLED", cause: "enough", partial: { costUsd: 5 } });
  });
});
