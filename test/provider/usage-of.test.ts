import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { expect, test } from "vitest";
import { z } from "zod";
import { defineBundleTool, ReliableOrchestrator, usageOf } from "../../src/index.ts";
import { startOpenAIServer } from "../support/openai-server.ts";

test("a result of several steps counts all of them", async () => {
  await using server = await startOpenAIServer(...stepsOfAnAgent);
  const result = await agentStep(server.baseURL, "How many?", new AbortController().signal);
  expect(result.text).toBe("42");
  expect(usageOf(result)).toEqual({
    inputTokens: 20,
    outputTokens: 10,
    totalTokens: 30,
    cachedInputTokens: 8,
    reasoningTokens: 4,
    requests: 2,
  });
});

test("before version 7 of the AI SDK, the sum stands beside the usage of the last step", () => {
  const last = { inputTokens: 5, outputTokens: 1, totalTokens: 6 };
  const totalUsage = { inputTokens: 20, outputTokens: 4, totalTokens: 24, cachedInputTokens: 3 };
  expect(usageOf({ usage: last, totalUsage, steps: [1, 2, 3] })).toEqual({ ...totalUsage, requests: 3 });
});

test("what a provider withheld is estimated, and says so", () => {
  expect(usageOf({ usage: { inputTokens: undefined, outputTokens: 7, totalTokens: undefined } })).toMatchObject({
    outputTokens: 7,
    totalTokens: 7,
    estimated: true,
  });
});

test("a result that still streams is refused, with the way out", async () => {
  await using server = await startOpenAIServer({ text: "42" });
  const result = streamText({ model: modelAt(server.baseURL), prompt: "?" });
  expect(() => usageOf(result as any)).toThrow(/Await it first: usageOf\(\{ usage: await result.usage \}\)/);
  expect(usageOf({ usage: await result.usage }).outputTokens).toBe(5);
  expect(() => usageOf({})).toThrow(/Pass what generateText resolves with/);
});

test("an agent as a replicate votes, is counted with all its steps, and ends with its run", async () => {
  await using server = await startOpenAIServer(...stepsOfAnAgent, ...stepsOfAnAgent);
  const agent = defineBundleTool({
    name: "count",
    input: z.object({ question: z.string() }),
    schema: z.string(),
    async executeReplicate({ question }, _replicate, { signal }) {
      const result = await agentStep(server.baseURL, question, signal);
      return { data: result.text, usage: usageOf(result) };
    },
    defaultOptions: { k: 2, maxParallel: 1 },
  });
  const output = await new ReliableOrchestrator().run({ tool: agent, request: { question: "How many?" } });
  expect(output).toMatchObject({ status: "completed", usage: { totalTokens: 60, requests: 4 } });

  await using hanging = await startOpenAIServer({ hang: true });
  const abort = new AbortController();
  const stuck = defineBundleTool({
    name: "stuck",
    input: z.object({}),
    schema: z.string(),
    executeReplicate: async (_request, _replicate, { signal }) => ({
      data: (await agentStep(hanging.baseURL, "?", signal)).text,
    }),
    defaultOptions: { k: 1 },
  });
  const run = new ReliableOrchestrator().run({ tool: stuck, request: {}, signal: abort.signal });
  const call = await hanging.nextCall();
  abort.abort();
  await expect(run).rejects.toMatchObject({ code: "CANCELLED" });
  expect(await call.over).toBe("aborted");
});

const toolCall = {
  id: "call-1",
  type: "function",
  function: { name: "lookUp", arguments: '{"what":"things"}' },
};
const stepsOfAnAgent = [
  {
    garbage: JSON.stringify({
      id: "1",
      model: "m",
      created: 0,
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: null, tool_calls: [toolCall] },
          finish_reason: "tool_calls",
        },
      ],
      usage: {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 15,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 2 },
      },
    }),
    type: "application/json",
  },
  { text: "42" },
];

function modelAt(baseURL: string) {
  return createOpenAICompatible({ name: "loopback", baseURL })("m");
}

function agentStep(baseURL: string, prompt: string, abortSignal: AbortSignal) {
  return generateText({
    model: modelAt(baseURL),
    prompt,
    tools: {
      lookUp: tool({
        inputSchema: jsonSchema<{ what: string }>({ type: "object", properties: { what: { type: "string" } } }),
        execute: async () => "42 of them",
      }),
    },
    stopWhen: stepCountIs(5),
    abortSignal,
    maxRetries: 0,
  });
}
