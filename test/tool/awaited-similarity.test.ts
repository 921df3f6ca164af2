import { describe, expect, test } from "vitest";
import { CancelledError, Orchestrator, PromptBundleTool, unwrap } from "../../src/index.ts";
import { scriptedModel } from "../../src/testing.ts";

const answers = ["a car", "an automobile", "a boat", "a car", "a ship"];
const meaning = (text: string) => (/boat|ship/.test(text) ? "water" : "road");

function toolWith(similarity: (a: string, b: string) => Promise<number>) {
  return new PromptBundleTool({
    name: "vehicle",
    model: scriptedModel(answers.map((text) => ({ text }))),
    prompt: "What?",
    defaultOptions: { k: 5, stopping: "none", compare: { text: true, similarity } },
  });
}

describe("a similarity that has to be awaited", () => {
  test("groups answers by what it says, asking about each two texts once", async () => {
    const asked: string[] = [];
    const tool = toolWith(async (a, b) => {
      asked.push(JSON.stringify([a, b].toSorted()));
      return meaning(a) === meaning(b) ? 1 : 0;
    });
    const { summary } = unwrap(await new Orchestrator().run({ tool, request: {} })).evidenceBundle;
    expect(summary.fields[""]?.support).toBe(3);
    expect(meaning(String(summary.consensus))).toBe("road");
    expect(new Set(asked).size).toBe(asked.length);
  });

  test("that never answers does not keep a cancelled run from ending", async () => {
    const controller = new AbortController();
    const tool = toolWith(() => {
      controller.abort();
      return new Promise<number>(() => {});
    });
    const run = new Orchestrator().run({ tool, request: {}, signal: controller.signal });
    await expect(run).rejects.toBeInstanceOf(CancelledError);
  });
});
