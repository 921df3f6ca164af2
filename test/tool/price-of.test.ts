import { describe, expect, test } from "vitest";
import { InvalidOptionsError, Orchestrator, PromptBundleTool, unwrap } from "../../src/index.ts";
import { scriptedModel } from "../../src/testing.ts";

const faults: [string, () => unknown][] = [
  ["gives NaN", () => Number.NaN],
  ["gives a text", () => "1 $"],
  ["gives a negative number", () => -1],
  ["gives nothing", () => undefined],
  ["has to be awaited", async () => 1],
  ["has to be awaited, and fails", () => Promise.reject(new Error("no such table"))],
  [
    "throws",
    () => {
      throw new Error("no such table");
    },
  ],
];

describe.each(faults)("a price source that %s", (_, costUsd) => {
  const model = () => scriptedModel(() => ({ text: "yes", usage: { inputTokens: 10, outputTokens: 5 } }));
  const orchestrator = new Orchestrator({ prices: { costUsd: costUsd as () => number } });

  test("takes no answer away that is paid for: its cost is unknown, and a warning says why", async () => {
    const tool = new PromptBundleTool({ name: "t", model: model(), prompt: "x", defaultOptions: { k: 2 } });
    const warnings: unknown[] = [];
    const output = await orchestrator.run({
      tool,
      request: {},
      onEvent: (event) => event.type === "warning" && warnings.push(event.code),
    });
    expect(output).toMatchObject({ status: "completed", usage: { totalTokens: 30 }, costUsd: null });
    expect(unwrap(output).evidenceBundle).toMatchObject({ summary: { validCount: 2 }, costTotalUsd: null });
    expect(warnings).toEqual(["unknown_cost", "unknown_cost"]);
  });

  test("keeps no budget in dollars: the run is refused before the first call", async () => {
    const asked = model();
    const tool = new PromptBundleTool({ name: "t", model: asked, prompt: "x" });
    const run = orchestrator.run({ tool, request: {}, options: { budget: { costUsd: 1 } } });
    expect(InvalidOptionsError.isInstance(await run.catch((error: unknown) => error))).toBe(true);
    expect(asked.calls).toHaveLength(0);
  });
});
