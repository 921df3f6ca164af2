import { tool as aiTool, generateText, isStepCount, ToolLoopAgent } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  defineTool,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
  toAiSdkTool,
  unwrap,
} from "../../../src/index.ts";
import { scriptedModel } from "../../../src/testing.ts";
import { startOpenAIServer } from "../../support/openai-server.ts";

const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } } as never;

/** A model that calls the tool once with these arguments, and then says that it is done. */
function callingModel(toolName: string, input: object) {
  let step = 0;
  return new MockLanguageModelV4({
    async doGenerate() {
      const call = { type: "tool-call", toolCallId: "call-1", toolName, input: JSON.stringify(input) } as const;
      const isFirst = step++ === 0;
      const unified = isFirst ? "tool-calls" : "stop";
      const content = isFirst ? call : ({ type: "text", text: "done" } as const);
      return { content: [content], finishReason: { unified, raw: unified }, usage, warnings: [] };
    },
  });
}

const Severity = z.object({ severity: z.enum(["low", "high"]) });
const triageOf = (answers: readonly string[]) =>
  new PromptBundleTool({
    name: "triage",
    description: "Triages a report.",
    model: scriptedModel(({ index }) => ({
      object: { severity: answers[index] },
      usage: { inputTokens: 10, outputTokens: 5 },
    })),
    prompt: "Report: {{report}}",
    schema: Severity,
    defaultOptions: { k: 5, stopping: "none" },
  });

describe("toAiSdkTool", () => {
  test("lets a loop of the AI SDK read the consensus, and its program read the usage", async () => {
    const model = callingModel("triage", { report: "It crashes" });
    const triage = toAiSdkTool(triageOf(["high", "high", "low", "high", "high"]));
    const result = await generateText({ model, prompt: "?", tools: { triage }, stopWhen: isStepCount(3) });
    const [called] = result.steps.flatMap(({ toolResults }) => toolResults);
    if (called?.dynamic !== undefined && called.dynamic) throw new Error("the tool has types");
    const severity: "low" | "high" | undefined = called?.output.consensus?.severity;
    expect(severity).toBe("high");
    expect(called?.output).toMatchObject({ votes: 5, usage: { totalTokens: 75 } });

    const [first, second] = model.doGenerateCalls;
    expect(first?.tools).toMatchObject([
      {
        name: "triage",
        description: expect.stringMatching(/^Triages a report\.\nReturns the consensus of up to 5 answers/),
        inputSchema: { type: "object", properties: { report: { type: "string" } }, required: ["report"] },
      },
    ]);
    const told = second?.prompt.find(({ role }) => role === "tool");
    const [part] = (told?.content ?? []) as unknown as { output: { type: string; value: object } }[];
    expect(part?.output.type).toBe("json");
    expect(part?.output.value).toEqual({
      consensus: { severity: "high" },
      confidence: expect.any(Number),
      disagreements: [
        {
          path: "/severity",
          values: [
            { value: "high", support: 4 },
            { value: "low", support: 1 },
          ],
        },
      ],
      votes: 5,
    });
  });

  test("is a tool of ToolLoopAgent, and goes through the AI SDK's own helper", async () => {
    const tools = { triage: aiTool(toAiSdkTool(triageOf(["low", "low", "low", "low", "low"]))) };
    const agent = new ToolLoopAgent({ model: callingModel("triage", { report: "x" }), tools });
    expect((await agent.generate({ prompt: "?" })).text).toBe("done");
  });

  test("tells the model which argument is missing, and runs nothing", async () => {
    const model = callingModel("triage", {});
    const triage = toAiSdkTool(triageOf([]));
    const result = await generateText({ model, prompt: "?", tools: { triage }, stopWhen: isStepCount(2) });
    expect(JSON.stringify(model.doGenerateCalls[1]?.prompt)).toContain("the prompt has {{report}} in it");
    expect(result.steps.flatMap(({ toolResults }) => toolResults)).toEqual([]);
  });

  test("passes the abort of the loop on to the provider's call", async () => {
    await using server = await startOpenAIServer({ hang: true });
    const model = `openai-compatible:${server.baseURL}#m` as const;
    const ask = toAiSdkTool(new PromptBundleTool({ name: "ask", model, prompt: "{{q}}", defaultOptions: { k: 1 } }));
    const stop = new AbortController();
    const abortSignal = stop.signal;
    const loop = generateText({ model: callingModel("ask", { q: "?" }), prompt: "?", tools: { ask }, abortSignal });
    const { over } = await server.nextCall();
    stop.abort(new Error("enough"));
    expect(await over).toBe("aborted");
    await loop.catch(() => {});
  });

  test("makes a failed run a tool error that says what to do, with what was paid", async () => {
    const failing = defineTool({
      name: "failing",
      input: v.object({ id: v.string() }),
      execute(_request, _options, { reportUsage }) {
        reportUsage({ inputTokens: 7, outputTokens: 0, totalTokens: 7 });
        throw Object.assign(new Error("maximum context length exceeded"), {
          statusCode: 400,
          code: "context_length_exceeded",
        });
      },
    });
    const model = callingModel("failing", { id: "1" });
    const tools = { failing: toAiSdkTool(failing, new Orchestrator()) };
    const result = await generateText({ model, prompt: "?", tools, stopWhen: isStepCount(2) });
    const error = result.steps[0]?.content.find(({ type }) => type === "tool-error") as { error: any } | undefined;
    expect(error?.error.partial).toMatchObject({ usage: { totalTokens: 7 } });
    expect(JSON.stringify(model.doGenerateCalls[1]?.prompt)).toContain("Shorten the arguments");
    expect(model.doGenerateCalls[0]?.tools).toMatchObject([
      { inputSchema: { properties: { id: { type: "string" } } } },
    ]);
  });

  test("keeps the budget of the orchestrator that it is given", async () => {
    const orchestrator = new ReliableOrchestrator({ defaultOptions: { budget: { tokens: 1 } } });
    const triage = toAiSdkTool(triageOf(["low"]), orchestrator);
    await expect(triage.execute({ report: "x" }, {})).rejects.toThrow("Budget exceeded");
  });

  test("tells the agent where a person decides", async () => {
    const options = { review: { below: 0.99 }, idempotencyKey: "auto" };
    const triage = toAiSdkTool(
      triageOf(["high", "low", "high"]),
      new ReliableOrchestrator({ defaultOptions: options }),
    );
    const output = await triage.execute({ report: "x" }, {});
    expect(output).toMatchObject({
      incomplete: expect.stringMatching(/^A person decides: the confidence is below 0.99/),
    });
  });

  test("takes a request that is no object as one argument", async () => {
    const double = toAiSdkTool(defineTool({ name: "double", input: z.number(), execute: (n: number) => 2 * n }));
    expect(await (double.inputSchema as unknown as { jsonSchema: unknown }).jsonSchema).toEqual({
      type: "object",
      properties: { input: { type: "number" } },
      required: ["input"],
    });
    const output = await double.execute({ input: 4 } as never, {});
    expect(output).toMatchObject({ result: 8 });
  });
});

test("unwrap tells what a failed run had paid", async () => {
  const tool = defineTool({
    name: "paid",
    execute(_request: object, _options, { reportUsage }) {
      reportUsage({ inputTokens: 3, outputTokens: 0, totalTokens: 3 }, 0.5);
      throw new Error("broken");
    },
  });
  const output = await new Orchestrator().run({ tool, request: {} });
  expect(() => unwrap(output)).toThrow(expect.objectContaining({ partial: expect.objectContaining({ costUsd: 0.5 }) }));
});
