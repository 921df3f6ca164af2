import { describe, expect, test } from "vitest";
import { z } from "zod";
import { defineBundleTool, hasEvidence, PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { scriptedModel } from "../../src/testing.ts";

const usage = { inputTokens: 5, outputTokens: 5 };
const answer = (object: unknown) => ({ object, usage });

/** Runs a key twice: the first run pays for two answers and meets a wrong key, the second one finds `schema` in force. */
async function resume(before: z.ZodType<any>, schema: z.ZodType<any>, answers: readonly [unknown, unknown]) {
  const store = new MemoryStore();
  const asked: string[] = [];
  const run = async (inForce: z.ZodType<any>, model: ReturnType<typeof scriptedModel>) => {
    const orchestrator = new ReliableOrchestrator({ store, state: new ReliabilityState() });
    const tool = new PromptBundleTool({ name: "triage", model, prompt: "x", schema: inForce });
    const toolOptions = { k: 3, stopping: "none", maxParallel: 1 } as const;
    const options = { idempotencyKey: "key" };
    const started = (event: { replicateId: string }) => asked.push(event.replicateId);
    const onEvent = (event: any) => event.type === "replicate_started" && started(event);
    return orchestrator.run({ tool, request: {}, toolOptions, options, onEvent });
  };
  const [old, recent] = answers;
  const first = await run(before, scriptedModel([answer(old), answer(old), { status: 401 }]));
  expect([first.status, first.usage.totalTokens]).toEqual(["partial", 20]);
  asked.length = 0;
  const output = await run(schema, scriptedModel([recent, recent, recent].map(answer)));
  const bundle = hasEvidence<any>(output) ? output.content.evidenceBundle : expect.fail("no evidence");
  return { output, asked, bundle };
}

describe("answers that an earlier run of a key has paid for", () => {
  test("does not vote where it does not fit the schema in force: it is asked for again, and not called journaled", async () => {
    const before = z.object({ severity: z.enum(["low", "high"]) });
    const after = z.object({ severity: z.number() });
    const { output, asked, bundle } = await resume(before, after, [{ severity: "high" }, { severity: 3 }]);
    expect(asked).toEqual(["r1", "r2", "r3"]);
    expect([output.status, bundle.summary.validCount, bundle.summary.consensus]).toEqual([
      "completed",
      3,
      { severity: 3 },
    ]);
    expect(output.usage.totalTokens).toBe(30);
    expect(output.metadata.journaledUsage).toBeUndefined();
  });

  test("is held against rules that no JSON schema can say, too", async () => {
    const before = z.object({ word: z.string() });
    const after = before.refine(({ word }) => word === word.toLowerCase());
    const { asked, bundle } = await resume(before, after, [{ word: "High" }, { word: "high" }]);
    expect(asked).toEqual(["r1", "r2", "r3"]);
    expect(bundle.summary.consensus).toEqual({ word: "high" });
  });

  test("is used where it still fits, as it was journaled", async () => {
    const before = z.object({ severity: z.enum(["low", "high"]) });
    const after = z.object({ severity: z.enum(["low", "high", "none"]) });
    const { output, asked, bundle } = await resume(before, after, [{ severity: "high" }, { severity: "high" }]);
    expect(asked).toEqual(["r3"]);
    expect(output.metadata.journaledUsage).toMatchObject({ totalTokens: 20 });
    const [journaled, fresh] = bundle.replicates.map((replicate) => Object.keys(replicate).sort());
    expect(journaled).toEqual(fresh);
  });

  test("keeps its log-probabilities, which break a tie as they did", async () => {
    const store = new MemoryStore();
    const told = [-2, -0.1];
    const orchestrator = () => new ReliableOrchestrator({ store, state: new ReliabilityState() });
    const tool = (isDown: boolean) =>
      defineBundleTool({
        name: "sized",
        input: z.object({}),
        schema: z.object({ size: z.number() }),
        executeReplicate: async (_request, { index }) => {
          if (isDown && index === 2) throw Object.assign(new Error("closed"), { statusCode: 401 });
          const logprob = told[index];
          return { data: { size: index }, logprobs: logprob === undefined ? undefined : { "/size": logprob } };
        },
      });
    const asking = {
      request: {},
      toolOptions: { k: 3, stopping: "none", maxParallel: 1 },
      options: { idempotencyKey: "k" },
    } as const;
    const first = await orchestrator().run({ tool: tool(true), ...asking });
    expect(first.status).toBe("partial");
    expect((first.content as any).evidenceBundle.summary.consensus).toEqual({ size: 1 });
    const second = await orchestrator().run({ tool: tool(false), ...asking });
    const { replicates } = (second.content as any).evidenceBundle;
    expect(replicates.map(({ logprobs }: any) => logprobs)).toEqual([{ "/size": -2 }, { "/size": -0.1 }, undefined]);
    const third = await orchestrator().run({ tool: tool(true), ...asking });
    expect((third.content as any).evidenceBundle.replicates).toEqual(replicates);
  });

  const length = z.object({ word: z.string().transform((word) => word.length) });

  test("is used where its schema transforms it, and goes through the schema again", async () => {
    const { asked, bundle } = await resume(length, length, [{ word: "high" }, { word: "deep" }]);
    expect(asked).toEqual(["r3"]);
    expect(bundle.summary.consensus).toEqual({ word: 4 });
    expect(bundle.replicates.map(({ data }) => data)).toEqual([{ word: 4 }, { word: 4 }, { word: 4 }]);
  });

  test("is used where another schema takes what the model wrote", async () => {
    const after = z.object({ word: z.string().min(1) });
    const { asked, bundle } = await resume(length, after, [{ word: "high" }, { word: "deep" }]);
    expect(asked).toEqual(["r3"]);
    expect(bundle.summary.consensus).toEqual({ word: "high" });
  });
});
