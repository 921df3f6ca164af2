import { describe, expect, test } from "vitest";
import { CancelledError, Orchestrator, PromptBundleTool, unwrap } from "../../src/index.ts";
import { createFakeClock, scriptedModel } from "../../src/testing.ts";

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

  test("that fails takes no answer away: they are compared without it, and the run says so", async () => {
    let asked = 0;
    const tool = toolWith(async () => {
      if (++asked > 1) throw Object.assign(new Error("the judge is out"), { statusCode: 401 });
      return 1;
    });
    const warnings: unknown[] = [];
    const output = await new Orchestrator().run({
      tool,
      request: {},
      toolOptions: { maxParallel: 1 },
      onEvent: (event) => event.type === "warning" && warnings.push(event.code),
    });
    expect(output).toMatchObject({ status: "partial", errors: { vehicle: { category: "authentication" } } });
    const { summary, replicates } = unwrap(output).evidenceBundle;
    expect(replicates.map(({ data }) => data)).toEqual(answers.slice(0, 3));
    expect(summary).toMatchObject({ validCount: 3, stability: expect.any(Number) });
    expect(summary.pairwiseDistance?.flat()).not.toContain(null);
    expect(warnings).toEqual(["similarity_failed"]);
  });

  test("that has not answered by the deadline leaves a partial bundle of what is there", async () => {
    const clock = createFakeClock();
    const tool = toolWith(() => new Promise<number>(() => {}));
    const pending = new Orchestrator({ clock }).run({ tool, request: {}, options: { timeoutMs: 100 } });
    await clock.runAll();
    const output = await pending;
    expect(output).toMatchObject({ status: "partial", errors: { vehicle: { code: "BUDGET_EXCEEDED" } } });
    const { meta, summary } = unwrap(output).evidenceBundle;
    expect(meta.earlyStopReason).toBe("time");
    expect(summary.validCount).toBeGreaterThanOrEqual(2);
  });

  test("that is cancelled leaves the answers on the error", async () => {
    const controller = new AbortController();
    const tool = toolWith(() => {
      controller.abort();
      return new Promise<number>(() => {});
    });
    const run = new Orchestrator().run({ tool, request: {}, signal: controller.signal });
    const error = await run.catch((thrown: unknown) => thrown);
    expect(CancelledError.isInstance(error) && error.partial?.content).toMatchObject({
      evidenceBundle: { summary: { consensus: expect.any(String) } },
    });
  });
});
