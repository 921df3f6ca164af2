import { describe, expect, test } from "vitest";
import {
  BudgetExceeded,
  CancelledError,
  type EvidenceContent,
  InvalidOptionsError,
  type OrchestrationEvent,
  Orchestrator,
  PromptBundleTool,
  type PromptBundleToolOptions,
  ReliableOrchestrator,
  unwrap,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/orchestrate/state.ts";
import { createFakeClock, type Script, scriptedModel } from "../../src/testing.ts";

const usage = { inputTokens: 10, outputTokens: 10 };
const answer = (text: string) => ({ text, usage });
const strongModel = (script: Script) => scriptedModel(script, { provider: "strong", modelId: "strong" });

/** A tool whose first model gives two answers for "yes" and one for "no": too uncertain. */
function escalating(to: readonly Script[], options: Partial<PromptBundleToolOptions<string, string, string>> = {}) {
  const weak = scriptedModel(({ index }) => answer(index === 1 ? "no" : "yes"), { modelId: "weak" });
  const strong = to.map(strongModel);
  const tool = new PromptBundleTool({
    name: "t",
    model: weak,
    prompt: "x",
    maxOutputTokens: 10,
    ...options,
    defaultOptions: { k: 3, stopping: "none", maxParallel: 1, escalate: { below: 0.9, to: strong } },
  });
  return { tool, weak, strong };
}

const reliable = () =>
  new ReliableOrchestrator({ state: new ReliabilityState(), reliabilityConfig: { maxRetries: 0 } });

describe("an escalation keeps the evidence that is paid for", () => {
  test("where the budget ends before the stronger model's first answer", async () => {
    const { tool, strong } = escalating([() => answer("no")], { maxOutputTokens: 1_000 });
    const output = await reliable().run({ tool, request: {}, options: { budget: { tokens: 1_060 } } });
    expect(output.status).toBe("partial");
    const { meta, summary, replicates } = unwrap(output).evidenceBundle;
    expect(summary).toMatchObject({
      consensus: "yes",
      confidence: expect.closeTo(0.536, 3),
      validCount: 3,
      invalidCount: 0,
    });
    expect(replicates.map(({ id }) => id)).toEqual(["r1", "r2", "r3"]);
    expect(meta).toMatchObject({ earlyStopped: true, earlyStopReason: "budget" });
    expect(meta).not.toHaveProperty("escalations");
    expect(output).toMatchObject({ errors: { t: { code: "BUDGET_EXCEEDED" } }, usage: { totalTokens: 60 } });
    expect(strong[0]?.calls).toHaveLength(0);
  });

  test("where the stronger model refuses: its failures stand beside the answers, as invalid replicates do", async () => {
    const { tool } = escalating([() => ({ status: 401 })]);
    const output = await reliable().run({ tool, request: {} });
    expect(output).toMatchObject({ status: "partial", errors: { t: { category: "authentication" } } });
    const { summary, replicates } = unwrap(output).evidenceBundle;
    expect(summary).toMatchObject({
      consensus: "yes",
      confidence: expect.closeTo(0.536, 3),
      validCount: 3,
      invalidCount: 1,
    });
    expect(summary.pairwiseDistance?.at(-1)).toEqual([null, null, null, null]);
    expect(replicates.map(({ model, valid }) => [model, valid])).toEqual([
      ["weak", true],
      ["weak", true],
      ["weak", true],
      ["strong", false],
    ]);
  });

  test("where no answer of the stronger model can be read, with what labels said of the first ones", async () => {
    const { tool } = escalating([() => ({ text: "" })]);
    const calibrations = { confidence: async () => 0.4 };
    const output = await new Orchestrator({ calibrations }).run({ tool, request: {} });
    expect(output).toMatchObject({ status: "partial", errors: { t: { category: "invalid_output" } } });
    const { summary } = unwrap(output).evidenceBundle;
    expect(summary).toMatchObject({ consensus: "yes", calibratedConfidence: 0.4, validCount: 3, invalidCount: 3 });
  });

  test("where the second model gave no answer, and asks a third one", async () => {
    const { tool } = escalating([() => ({ text: "" }), () => answer("no")]);
    const output = await reliable().run({ tool, request: {} });
    expect(output.status).toBe("completed");
    const { meta, summary } = unwrap(output).evidenceBundle;
    expect(summary).toMatchObject({ consensus: "no", validCount: 3, invalidCount: 0 });
    expect(meta.escalations).toMatchObject([
      { from: "weak", replicateIds: ["r1", "r2", "r3"], confidence: expect.closeTo(0.536, 3) },
      { from: "strong", replicateIds: ["r4", "r5", "r6"], confidence: 0 },
    ]);
  });

  test("a stronger model that is cut short votes with what it has answered", async () => {
    const { tool } = escalating([() => answer("no")], { maxOutputTokens: 10 });
    const output = await reliable().run({ tool, request: {}, options: { budget: { tokens: 110 } } });
    expect(output.status).toBe("partial");
    const { meta, summary, replicates } = unwrap(output).evidenceBundle;
    expect(summary).toMatchObject({ consensus: "no", validCount: 2 });
    expect(replicates).toHaveLength(5);
    expect(meta).toMatchObject({ earlyStopReason: "budget", escalations: [{ from: "weak" }] });
  });

  test("where the deadline passes while the stronger model thinks", async () => {
    const clock = createFakeClock();
    const { tool } = escalating([() => ({ hang: true })]);
    const pending = new Orchestrator({ clock }).run({ tool, request: {}, options: { timeoutMs: 100 } });
    await clock.runAll();
    const output = await pending;
    expect(output).toMatchObject({ status: "partial", errors: { t: { code: "BUDGET_EXCEEDED" } } });
    const { meta, summary } = unwrap(output).evidenceBundle;
    expect(summary).toMatchObject({ consensus: "yes", validCount: 3, invalidCount: 1 });
    expect(meta.earlyStopReason).toBe("time");
  });

  test("on the error of a run that is cancelled while the stronger model thinks", async () => {
    const controller = new AbortController();
    const { tool } = escalating([
      () => {
        controller.abort("enough");
        return { hang: true };
      },
    ]);
    const error = await new Orchestrator().run({ tool, request: {}, signal: controller.signal }).catch((e) => e);
    expect(CancelledError.isInstance(error) && error.cause).toBe("enough");
    const { evidenceBundle } = error.partial.content as EvidenceContent<string>;
    expect(evidenceBundle.summary).toMatchObject({ consensus: "yes", validCount: 3, invalidCount: 1 });
    expect(error.partial.usage.totalTokens).toBeGreaterThanOrEqual(60);
  });

  test("says that less was asked for than wanted, where the run ends between two models", async () => {
    const controller = new AbortController();
    const calibrations = {
      confidence: async () => {
        controller.abort("enough");
        return 0.1;
      },
    };
    const { tool, strong } = escalating([() => answer("no")]);
    const run = new Orchestrator({ calibrations }).run({ tool, request: {}, signal: controller.signal });
    const error = await run.catch((e) => e);
    expect(CancelledError.isInstance(error) && error.partial?.content).toMatchObject({
      evidenceBundle: { summary: { consensus: "yes" }, meta: { earlyStopped: true } },
    });
    expect(strong[0]?.calls).toHaveLength(0);
  });

  test("where there is some: without a valid answer of any model it gives none", async () => {
    const tool = new PromptBundleTool({
      name: "t",
      model: scriptedModel(() => ({ text: "", usage })),
      prompt: "x",
      maxOutputTokens: 1_000,
      defaultOptions: { k: 2, escalate: { below: 0.9, to: [strongModel(() => answer("no"))] } },
    });
    const run = new Orchestrator().run({ tool, request: {}, options: { budget: { tokens: 1_030 } } });
    const error = await run.catch((e) => e);
    expect(BudgetExceeded.isInstance(error) && error.partial?.content).toMatchObject({
      evidenceBundle: { summary: { consensus: null, validCount: 0 } },
    });
  });
});

test.for([
  ["simulated", () => answer("no")],
  ["live", () => ({ status: 401 })],
] as const)(
  "a bundle of an escalation says %s of its answers where those that vote are that",
  async ([source, script]) => {
    const { tool, weak } = escalating([script]);
    Object.assign(weak, { source: "live" });
    const output = await reliable().run({ tool, request: {} });
    expect(unwrap(output).evidenceBundle.meta.source).toBe(source);
  },
);

describe("an escalation finds every model before the first call", () => {
  const refusedFor = async (run: Promise<unknown>) => {
    const error = await run.then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(InvalidOptionsError.isInstance(error)).toBe(true);
    return (error as Error).message;
  };

  test.for([
    ["the run's budget", { options: { budget: { costUsd: 1 } } }],
    ["globalBudget", { toolOptions: { globalBudget: { costUsd: 1 } } }],
    ["perReplicateBudget", { toolOptions: { perReplicateBudget: { costUsd: 1 } } }],
  ] as const)("and its price, where %s is in dollars", async ([, ceilings]) => {
    const { tool, weak } = escalating([() => answer("no")]);
    const prices = { costUsd: ({ modelId }: { modelId: string }) => (modelId === "weak" ? 0.001 : null) };
    const message = await refusedFor(new Orchestrator({ prices }).run({ tool, request: {}, ...ceilings }));
    expect(message).toContain("strong:strong");
    expect(message).toContain("prices");
    expect(weak.calls).toHaveLength(0);
  });

  test("without a price where no ceiling is in dollars", async () => {
    const { tool } = escalating([() => answer("no")]);
    const output = await new Orchestrator({ prices: { costUsd: () => null } }).run({ tool, request: {} });
    expect(output.status).toBe("completed");
  });

  test("so that a name that leads nowhere costs nothing", async () => {
    const { tool, weak } = escalating([]);
    const escalate = { below: 0.9, to: ["opnai:gpt-5"] };
    const message = await refusedFor(new Orchestrator().run({ tool, request: {}, toolOptions: { escalate } }));
    expect(message).toContain("opnai:gpt-5");
    expect(weak.calls).toHaveLength(0);
  });

  test.for([
    { below: 7, to: ["simulated:"] },
    { below: Number.NaN, to: ["simulated:"] },
    { below: 0.5, to: [null] },
    { below: 0.5, to: [7] },
  ])("and refuses %o", async (given) => {
    const { tool } = escalating([]);
    const escalate = given as { below: number; to: string[] };
    const message = await refusedFor(new Orchestrator().run({ tool, request: {}, toolOptions: { escalate } }));
    expect(message).toContain("escalate");
  });

  test("with one warning of temperature 0, of however many models", async () => {
    const codes: unknown[] = [];
    const onEvent = (event: OrchestrationEvent) => event.type === "warning" && codes.push(event.code);
    const { tool } = escalating([() => answer("no"), () => answer("no")], { temperature: 0 });
    await new Orchestrator().run({ tool, request: {}, onEvent });
    expect(codes).toEqual(["threshold_out_of_reach", "temperature_zero"]);
  });
});

test("a stronger model is asked by the tool's own subclass, with its methods and its fields", async () => {
  class Masked<P extends string> extends PromptBundleTool<P> {
    readonly mask = "#";

    override async executeReplicate(...call: Parameters<PromptBundleTool<P>["executeReplicate"]>) {
      const answer = await super.executeReplicate(...call);
      return { ...answer, data: answer.data.replace(/\d/g, this.mask) };
    }
  }
  const texts = ["call 111", "ring 222 now", "dial three"];
  const weak = scriptedModel(({ index }) => answer(texts[index] as string), { modelId: "weak" });
  const strong = strongModel(() => answer("call 555"));
  const defaultOptions = { k: 3, escalate: { below: 0.9, to: [strong] } };
  const tool = new Masked({ name: "t", model: weak, prompt: "x", defaultOptions });
  expect(tool.withModel(strong)).toMatchObject({ name: "t", provider: "strong", modelId: "strong", mask: "#" });
  expect(tool).toMatchObject({ provider: weak.provider, modelId: "weak" });
  const { summary, replicates } = unwrap(await reliable().run({ tool, request: {} })).evidenceBundle;
  expect(replicates.slice(0, 4).map(({ data }) => data)).toEqual([
    "call ###",
    "ring ### now",
    "dial three",
    "call ###",
  ]);
  expect(summary.consensus).toBe("call ###");
});
