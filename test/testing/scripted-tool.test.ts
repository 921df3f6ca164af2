import { expect, test } from "vitest";
import type { ToolContext } from "../../src/contract/tool.ts";
import { scriptedTool } from "../../src/testing.ts";

const context = {} as ToolContext;

test("takes one step an execution, throwing the errors and giving back the rest", async () => {
  const busy = new Error("busy");
  const tool = scriptedTool("flaky", [busy, "done"]);
  await expect(tool.execute("a", {}, context)).rejects.toBe(busy);
  await expect(tool.execute("b", {}, context)).resolves.toBe("done");
  expect(tool.calls).toEqual(["a", "b"]);
  expect([tool.name, tool.version]).toEqual(["flaky", "1.0.0"]);
});

test("fails without hope of a retry past its last step, and gives back an undefined step", async () => {
  const tool = scriptedTool("short", [undefined]);
  await expect(tool.execute("a", {}, context)).resolves.toBeUndefined();
  await expect(tool.execute("b", {}, context)).rejects.toMatchObject({
    isRetryable: false,
    message: expect.stringContaining('"short" was executed once more than its script has steps (1)'),
  });
});
