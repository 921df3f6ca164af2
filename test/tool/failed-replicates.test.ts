import { expect, test } from "vitest";
import { Orchestrator, PromptBundleTool } from "../../src/index.ts";
import { scriptedModel } from "../../src/testing.ts";

test("warns of replicates that were lost to failures, with the first failure's words", async () => {
  const warnings: { code?: string; message: string }[] = [];
  const model = scriptedModel([{ status: 500 }, { text: "yes" }, { text: "yes" }]);
  const tool = new PromptBundleTool({ name: "t", model, prompt: "x", defaultOptions: { k: 3, stopping: "none" } });
  const output = await new Orchestrator().run({
    tool,
    request: {},
    onEvent: (event) => void (event.type === "warning" && warnings.push(event)),
  });
  expect(output.status).toBe("completed");
  expect(warnings).toEqual([
    expect.objectContaining({ code: "replicates_failed", message: expect.stringMatching(/^1 of 3 replicates .*500/) }),
  ]);
});
