import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createStoppingRule } from "../../src/evidence.ts";
import { type OrchestrationEvent, Orchestrator, PromptBundleTool, unwrap } from "../../src/index.ts";
import { createFakeClock, scriptedModel } from "../../src/testing.ts";

const closed = z.object({ severity: z.enum(["low", "middle", "high"]) });
const open = z.object({ severity: z.string() });

/** Asks a tool whose answers are all equal, and gives the warnings, in order with the first question. */
async function ask(
  toolOptions: object,
  { schema = open as z.ZodType, minConfidence = undefined as number | undefined, orchestrator = ofItsOwn() } = {},
) {
  const model = scriptedModel(() => ({ text: '{"severity":"low"}' }));
  const tool = new PromptBundleTool({ name: "triage", model, prompt: "x", schema });
  const events: OrchestrationEvent[] = [];
  const output = await orchestrator.run({
    tool,
    request: {},
    toolOptions,
    options: { ...(minConfidence !== undefined && { qualityRequirements: { minConfidence } }) },
    onEvent: (event) => events.push(event),
  });
  const types = events.map((event) => (event.type === "warning" ? event.code : event.type));
  const told = events.filter((event) => event.type === "warning" && event.code === "threshold_out_of_reach");
  return {
    types,
    messages: told.map((event) => (event as { message: string }).message),
    confidence: unwrap(output).evidenceBundle.summary.confidence,
    bundle: unwrap(output).evidenceBundle,
  };
}

/** A clock of its own gives an orchestrator a memory of its own. */
const ofItsOwn = () => new Orchestrator({ clock: createFakeClock() });
const strong = () => scriptedModel(() => ({ text: '{"severity":"low"}' }), { provider: "strong", modelId: "strong" });

describe("a threshold that no answer can reach", () => {
  test("is said before the first question, with the confidence that equal answers have", async () => {
    const { types, messages, confidence } = await ask({ k: 5, stopping: "none" }, { minConfidence: 0.95 });
    expect(types.indexOf("threshold_out_of_reach")).toBeLessThan(types.indexOf("replicate_started"));
    expect(messages).toEqual([
      "No answer can reach qualityRequirements.minConfidence = 0.95. 5 equal answers have a confidence of at most 0.924. " +
        "Raise k, label answers, or lower the threshold.",
    ]);
    expect(confidence).toBeCloseTo(0.923, 3);
  });

  test("is measured by the choices of the schema's fields", async () => {
    const { messages, confidence } = await ask({ k: 5, stopping: "none" }, { schema: closed, minConfidence: 0.8 });
    expect(messages).toHaveLength(1);
    expect(confidence).toBeLessThan(0.8);
    const { messages: ofOpen } = await ask({ k: 5, stopping: "none" }, { minConfidence: 0.8 });
    expect(ofOpen).toEqual([]);
  });

  test("is not said of one that equal answers reach exactly", async () => {
    const { confidence } = await ask({ k: 4, stopping: "none" });
    expect((await ask({ k: 4, stopping: "none" }, { minConfidence: confidence })).messages).toEqual([]);
    expect((await ask({ k: 4, stopping: "none" }, { minConfidence: confidence + 1e-6 })).messages).toHaveLength(1);
  });

  test("counts the answers at which the stopping rule ends, and names the way out", async () => {
    const { messages, confidence } = await ask({ k: 10 }, { minConfidence: 0.93 });
    const rule = createStoppingRule({ k: 10 });
    let asked = 1;
    while (!rule.observe("same").stop) asked++;
    expect(asked).toBeLessThan(10);
    expect(messages).toEqual([
      expect.stringMatching(/^No answer .* = 0\.93\. Early stopping ends .* stopping: "none"/),
    ]);
    expect(confidence).toBeLessThan(0.93);
    const { messages: ofAll, confidence: more } = await ask({ k: 10, stopping: "none" }, { minConfidence: 0.93 });
    expect(ofAll).toEqual([]);
    expect(more).toBeGreaterThanOrEqual(0.93);
  });

  test("is said of one answer, whose votes say nothing", async () => {
    const { messages } = await ask({ k: 1 }, { minConfidence: 0.7 });
    expect(messages).toEqual([expect.stringContaining("One answer has a confidence of at most 0.646.")]);
  });

  test("of escalate.below sends every answer on, and that is said", async () => {
    const escalate = { below: 0.95, to: [strong()] };
    const { messages, bundle } = await ask({ k: 3, escalate });
    expect(messages).toEqual([
      expect.stringMatching(/^Every answer goes on to the model after .*below = 0\.95 is out/),
    ]);
    expect(bundle.meta.escalations).toHaveLength(1);
    const { messages: ofReachable, bundle: kept } = await ask({ k: 3, escalate: { ...escalate, below: 0.8 } });
    expect(ofReachable).toEqual([]);
    expect(kept.meta.escalations).toBeUndefined();
  });

  test("comes into reach with what the job has taught", async () => {
    const orchestrator = ofItsOwn();
    const options = { k: 5, stopping: "none" };
    const { messages: atFirst } = await ask(options, { orchestrator, minConfidence: 0.95 });
    for (let asked = 0; asked < 20; asked++) await ask(options, { orchestrator });
    const { messages, confidence } = await ask(options, { orchestrator, minConfidence: 0.95 });
    expect(atFirst).toHaveLength(1);
    expect(messages).toEqual([]);
    expect(confidence).toBeGreaterThanOrEqual(0.95);
  });

  test("is not guessed of a calibration of the caller's own", async () => {
    const orchestrator = new Orchestrator({ calibrations: { confidence: async () => 0.99 } });
    expect((await ask({ k: 2 }, { orchestrator, minConfidence: 0.98 })).messages).toEqual([]);
  });

  test("is measured by the bundle's own votes where calibrations are off", async () => {
    const orchestrator = new Orchestrator({ calibrations: "off" });
    expect((await ask({ k: 2 }, { orchestrator, minConfidence: 0.98 })).messages).toHaveLength(1);
  });
});
