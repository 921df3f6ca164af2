import { expect, test } from "vitest";
import { z } from "zod";
import { Orchestrator, PromptBundleTool } from "../../../src/index.ts";
import { scriptedModel } from "../../../src/testing.ts";

const asking = { name: "ask", model: scriptedModel(() => ({ text: "yes" })), prompt: "{{question}}" };

test("answers without a schema are compared as free text", () => {
  expect(new PromptBundleTool(asking).defaultOptions?.compare).toEqual({ text: true });
});

test("answers that have to fit a schema are not, wherever it was given", () => {
  const schema = z.object({ severity: z.string() });
  expect(new PromptBundleTool({ ...asking, schema }).defaultOptions?.compare).toBeUndefined();
  for (const defaultOptions of [{ schema }, { schemaUri: "urn:severity" }])
    expect(new PromptBundleTool({ ...asking, defaultOptions }).defaultOptions?.compare).toBeUndefined();
});

test.each([
  [null, []],
  ["", []],
  ["chat-1", ["equal_response_ids"]],
])("answers that are all named %j: those without a name are no single answer", async (id, expected) => {
  const answer = { content: [{ type: "text", text: "yes" }], finishReason: { unified: "stop" }, response: { id } };
  const model = { specificationVersion: "v4", provider: "p", modelId: "m", doGenerate: async () => answer } as never;
  const warnings: unknown[] = [];
  await new Orchestrator().run({
    tool: new PromptBundleTool({ name: "ask", model, prompt: "x", defaultOptions: { k: 2 } }),
    request: {},
    onEvent: (event) => event.type === "warning" && warnings.push(event.code),
  });
  expect(warnings).toEqual(expected);
});
