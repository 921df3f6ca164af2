import { expect, test } from "vitest";
import { z } from "zod";
import { PromptBundleTool } from "../../src/index.ts";
import { scriptedModel } from "../../src/testing.ts";

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
