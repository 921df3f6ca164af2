import { describe, expect, test } from "vitest";
import { z } from "zod";
import { Orchestrator, PromptBundleTool, ReliableOrchestrator, unwrap } from "../../../src/index.ts";
import { ReliabilityState } from "../../../src/reliability.ts";
import { MemoryStore } from "../../../src/stores/memory.ts";
import { scriptedModel } from "../../../src/testing.ts";

const plan = z.object({ menu: z.string(), euros: z.number() });
const cheapest = ({ euros }: z.infer<typeof plan>) => (euros > 60 ? `${euros} euros are more than 60` : -euros);

function planTool(prices: readonly number[], options: object = {}, check: any = cheapest) {
  const model = scriptedModel(({ index }) => ({ object: { menu: `number ${index}`, euros: prices[index] ?? 0 } }));
  const tool = new PromptBundleTool({
    name: "plan",
    model,
    prompt: "{{guests}}",
    schema: plan,
    check,
    defaultOptions: { k: prices.length, maxParallel: 1, ...options },
  });
  return { model, tool };
}

describe("a check that gives numbers", () => {
  test("ranks answers: the highest is the consensus, whole and as it was given", async () => {
    const { tool } = planTool([50, 40, 45]);
    const { summary, replicates } = unwrap(
      await new Orchestrator().run({ tool, request: { guests: "4" } }),
    ).evidenceBundle;
    expect(summary).toMatchObject({ consensus: { menu: "number 1", euros: 40 }, medoidId: "r2" });
    expect(replicates.map(({ score }) => score)).toEqual([-50, -40, -45]);
  });

  test("leaves the confidence to the votes: best of three that all differ is no sure answer", async () => {
    const confidenceOf = async (prices: readonly number[], check?: any) => {
      const { tool } = planTool(prices, { k: 3, stopping: "none" }, check);
      const output = await new Orchestrator({ calibrations: "off" }).run({ tool, request: { guests: "4" } });
      return unwrap(output).evidenceBundle.summary;
    };
    const ranked = await confidenceOf([50, 40, 45]);
    const voted = await confidenceOf([50, 40, 45], () => true);
    expect(ranked.confidence).toBeLessThanOrEqual(voted.confidence);
    expect(ranked.fields["/euros"]).toMatchObject({ value: 40, support: 1 });
  });

  test("asks for all K, as the next answer may be better, also where the first ones agree", async () => {
    const { tool, model } = planTool([50, 50, 50, 30]);
    const { summary, meta } = unwrap(await new Orchestrator().run({ tool, request: { guests: "4" } })).evidenceBundle;
    expect(model.calls).toHaveLength(4);
    expect(summary.consensus).toMatchObject({ euros: 30 });
    expect(meta.earlyStopped).toBe(false);
  });

  test("still refuses with a reason, and ranks what it does not refuse", async () => {
    const { tool } = planTool([55, 70, 58]);
    const { summary } = unwrap(await new Orchestrator().run({ tool, request: { guests: "4" } })).evidenceBundle;
    expect(summary).toMatchObject({ consensus: { euros: 55 }, validCount: 2, invalidCount: 1 });
  });

  test("lets votes decide among equally good ones", async () => {
    const words = ["no", "yes", "maybe", "yes"];
    const model = scriptedModel(({ index }) => ({ text: words[index] as string }));
    const check = (answer: string) => (answer === "no" ? 0 : 1);
    const tool = new PromptBundleTool({
      name: "t",
      model,
      prompt: "x",
      check,
      defaultOptions: { k: 4, maxParallel: 1 },
    });
    const { summary } = unwrap(await new Orchestrator().run({ tool, request: {} })).evidenceBundle;
    expect(summary).toMatchObject({ consensus: "yes", medoidId: "r2" });
  });

  test("gives the same answer out of the store, and out of the journal", async () => {
    const store = new MemoryStore();
    const orchestrator = new ReliableOrchestrator({ store, state: new ReliabilityState() });
    const { tool, model } = planTool([50, 40, 45]);
    const run = () => orchestrator.run({ tool, request: { guests: "4" }, options: { idempotencyKey: "k" } });
    const first = unwrap(await run()).evidenceBundle.summary;
    const second = unwrap(await run()).evidenceBundle.summary;
    expect([second.consensus, second.medoidId]).toEqual([first.consensus, first.medoidId]);
    expect(model.calls).toHaveLength(3);
  });

  test("fails the run with its own error where the number says nothing", async () => {
    const { tool } = planTool([50], {}, () => Number.NaN);
    const output = await new Orchestrator().run({ tool, request: { guests: "4" } });
    expect(output).toMatchObject({
      status: "failed",
      errors: { plan: { message: expect.stringMatching(/check gave NaN as the rank/) } },
    });
  });
});
