import { expect, test } from "vitest";
import { z } from "zod";
import { PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { scriptedModel } from "../../src/testing.ts";

const wrong = `{"n": "${"many ".repeat(200)}"}`;

function asking(tokens: number) {
  const model = scriptedModel([{ text: wrong, usage: { inputTokens: 60, outputTokens: 5 } }, { object: { n: 1 } }]);
  const schema = z.object({ n: z.number() });
  const tool = new PromptBundleTool({ name: "t", model, prompt: "How many?", schema, maxOutputTokens: 20 });
  const reserved: number[] = [];
  const output = new ReliableOrchestrator({ state: new ReliabilityState() })
    .run({
      tool,
      request: {},
      toolOptions: { k: 1 },
      options: { budget: { tokens } },
      onEvent: (event) => event.type === "budget_reserved" && reserved.push(event.reserved.tokens ?? 0),
    })
    .catch((error: unknown) => error);
  return { model, reserved, output };
}

test("an attempt that shows the model what was wrong is reserved with that longer prompt", async () => {
  const { reserved, output } = asking(10_000);
  expect(await output).toMatchObject({ status: "completed" });
  // Each word of the wrong answer is a token or more.
  expect(reserved[1]).toBeGreaterThan((reserved[0] as number) + 200);
});

test("an attempt that shows the model what was wrong is not started where the budget has no room for it", async () => {
  const { model, output } = asking(200);
  expect(await output).toMatchObject({ code: "BUDGET_EXCEEDED", partial: { usage: { totalTokens: 65, requests: 1 } } });
  expect(model.calls.length).toBe(1);
});
