import { describe, expect, test } from "vitest";
import {
  BundleTool,
  defineTool,
  hasEvidence,
  PromptBundleTool,
  ReliableOrchestrator,
  type ReplicateContext,
  type ReplicateSpec,
  type ResolvedBundleOptions,
  type ToolContext,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { scriptedModel } from "../../src/testing.ts";

const usage = { inputTokens: 5, outputTokens: 5 };
const options = { idempotencyKey: "key" };
const wrongKey = () => Object.assign(new Error("wrong key"), { statusCode: 401 });

function orchestrators(store = new MemoryStore()) {
  const reliabilityConfig = { maxRetries: 0 };
  return () => new ReliableOrchestrator({ store, state: new ReliabilityState(), reliabilityConfig });
}

/** Counts its answers, so that none is equal to another. */
class Count extends BundleTool<unknown, number> {
  readonly name = "count";
  override readonly defaultOptions = { k: 1 };
  asked = 0;

  override async executeReplicate() {
    return { data: ++this.asked };
  }
}

async function consensusOf(tool: BundleTool<any, any>, request: unknown, context: ToolContext) {
  return (await tool.execute(request, {}, context)).evidenceBundle.summary.consensus;
}

describe("the journal of a key gives no question the answers to another:", () => {
  test("of another model", async () => {
    const says = (modelId: string) => scriptedModel(() => ({ text: modelId, usage }), { modelId });
    const ask = new PromptBundleTool({ name: "ask", model: says("a"), prompt: "{{q}}", defaultOptions: { k: 2 } });
    const panel = defineTool({
      name: "panel",
      execute: async (request: unknown, _, context) => [
        await consensusOf(ask, request, context),
        await consensusOf(ask.withModel(says("b")), request, context),
      ],
    });
    const output = await orchestrators()().run({ tool: panel, request: { q: "?" }, options });
    expect(output.content).toEqual(["a", "b"]);
  });

  test("of another request, in an overridden executeBundle", async () => {
    class Refine extends BundleTool<string, string> {
      readonly name = "refine";
      override async executeBundle(request: string, resolved: ResolvedBundleOptions, context: ToolContext) {
        const draft = await super.executeBundle(`draft of ${request}`, resolved, context);
        return super.executeBundle(`final after ${draft.summary.consensus}`, resolved, context);
      }
      override executeReplicate = async (request: string) => ({ data: request });
    }
    const output = await orchestrators()().run({ tool: new Refine(), request: "x", options });
    expect(hasEvidence(output) && output.content.evidenceBundle.summary.consensus).toBe("final after draft of x");
  });

  test("of another tool, whose name looks like a second model of this one", async () => {
    const says = (modelId: string) => scriptedModel(() => ({ text: modelId, usage }), { modelId });
    const toolNamed = (name: string, defaultOptions: object) =>
      new PromptBundleTool({
        name,
        model: says("weak"),
        prompt: "x",
        defaultOptions: { seeds: [1, 2], k: 2, ...defaultOptions },
      });
    const escalating = toolNamed("triage", { escalate: { below: 1, to: [says("strong")] } });
    const both = defineTool({
      name: "both",
      execute: async (request: unknown, _, context) => [
        await consensusOf(escalating, request, context),
        await consensusOf(toolNamed("triage/2", {}), request, context),
      ],
    });
    const output = await orchestrators()().run({ tool: both, request: {}, options });
    expect(output.content).toEqual(["strong", "weak"]);
  });

  test("of another time that the same one is asked, by a tool or by several replicates", async () => {
    const whole = (count: Count) =>
      new (class extends BundleTool<unknown, number> {
        readonly name = "whole";
        override async executeBundle(request: unknown, _: ResolvedBundleOptions, context: ToolContext) {
          return (await count.execute(request, {}, context)).evidenceBundle;
        }
      })();
    for (const inner of [new Count(), whole(new Count())]) {
      const twice = defineTool({
        name: "twice",
        execute: async (request: unknown, _, context) => [
          await consensusOf(inner, request, context),
          await consensusOf(inner, request, context),
        ],
      });
      const output = await orchestrators()().run({ tool: twice, request: {}, options });
      expect(output.content).toEqual([1, 2]);
    }
    class Sampled extends BundleTool<unknown, number> {
      readonly name = "sampled";
      override readonly defaultOptions = { k: 3, stopping: "none" as const };
      readonly #count = new Count();
      override async executeReplicate(request: unknown, _: ReplicateSpec, context: ReplicateContext) {
        return { data: (await consensusOf(this.#count, request, context)) as number };
      }
    }
    const output = await orchestrators()().run({ tool: new Sampled(), request: {}, options });
    const replicates = hasEvidence(output) ? output.content.evidenceBundle.replicates : [];
    expect(replicates.map(({ data }) => data)).toEqual([1, 2, 3]);
  });

  test("of a request that has no canonical form", async () => {
    const inner = new Count();
    const each = defineTool({
      name: "each",
      execute: async (_request: unknown, _, context) => [
        await consensusOf(inner, { by: 1n }, context),
        await consensusOf(inner, { by: 2n }, context),
      ],
    });
    const output = await orchestrators()().run({ tool: each, request: {}, options });
    expect(output.content).toEqual([1, 2]);
  });
});

describe("a run that is resumed", () => {
  /** Pays for two answers and meets a wrong key; then runs again with another tool of that name. */
  async function resumed(first: (model: object) => BundleTool<any, any>, second = first) {
    const orchestrator = orchestrators();
    const answer = { text: "old", usage };
    const failing = scriptedModel([answer, answer, { status: 401 }], { modelId: "m" });
    const toolOptions = { k: 3, stopping: "none", maxParallel: 1 } as const;
    const run = (tool: BundleTool<any, any>) => orchestrator().run({ tool, request: { q: "?" }, toolOptions, options });
    expect((await run(first(failing))).status).toBe("partial");
    const output = await run(second(scriptedModel(() => ({ text: "new", usage }), { modelId: "m" })));
    return hasEvidence(output) ? output.content.evidenceBundle.replicates.map(({ data }) => data) : [];
  }
  const tool = (model: any, changed: object = {}) =>
    new PromptBundleTool<string, string>({ name: "t", model, prompt: "{{q}}", ...changed });

  test.each([
    ["prompt", { prompt: "Now: {{q}}" }],
    ["system prompt", { system: "Be brief." }],
    ["version", { version: "2.0.0" }],
    ["model", { model: scriptedModel(() => ({ text: "new", usage }), { modelId: "another" }) }],
  ])("takes nothing that another %s has left", async (_, changed) => {
    expect(await resumed(tool, (model) => tool(model, changed))).toEqual(["new", "new", "new"]);
  });

  test("takes what the same prompt has left, also that of a function that fills in another time", async () => {
    let time = 0;
    const prompt = ({ q }: { q?: string }) => `At ${time++}: ${q}`;
    expect(await resumed(tool)).toEqual(["old", "old", "new"]);
    expect(await resumed((model) => tool(model, { prompt }))).toEqual(["old", "old", "new"]);
  });

  test("asks a tool's inner questions only where they were not answered, each at its own turn", async () => {
    const orchestrator = orchestrators();
    const inner = new Count();
    let fails = true;
    const twice = defineTool({
      name: "twice",
      async execute(request: unknown, _, context) {
        const answers = [await consensusOf(inner, request, context), await consensusOf(inner, request, context)];
        if (fails) throw wrongKey();
        return [...answers, await consensusOf(inner, request, context)];
      },
    });
    const run = () => orchestrator().run({ tool: twice, request: {}, options });
    expect((await run()).status).toBe("failed");
    fails = false;
    expect((await run()).content).toEqual([1, 2, 3]);
    expect(inner.asked).toBe(3);
  });
});
