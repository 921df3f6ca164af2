import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, isStepCount, Output, tool } from "ai";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { defineBundleTool, ReliableOrchestrator, unwrap, usageOf } from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";

const usage = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 };

/** A server whose model calls the tool first, and answers once it has the result. Loops above `answersFor` hang there. */
let server: Server;
let steps: { isAnswer: boolean; closed: Promise<void> }[] = [];
let answersFor = Number.POSITIVE_INFINITY;
let hangs = Promise.withResolvers<void>();

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const { messages } = JSON.parse(await text(request));
    const isAnswer = messages.some(({ role }: { role: string }) => role === "tool");
    const closed = once(response, "close").then(() => {});
    steps.push({ isAnswer, closed });
    if (isAnswer && steps.filter((step) => step.isAnswer).length > answersFor) return hangs.resolve();
    const call = { id: "c", type: "function", function: { name: "priceOf", arguments: '{"article":"tea"}' } };
    const message = isAnswer
      ? { role: "assistant", content: '{"total":3}' }
      : { role: "assistant", content: null, tool_calls: [call] };
    const finish_reason = isAnswer ? "stop" : "tool_calls";
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({
        id: `s${steps.length}`,
        model: "m",
        created: 0,
        choices: [{ index: 0, message, finish_reason }],
        usage,
      }),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
beforeEach(() => {
  steps = [];
  answersFor = Number.POSITIVE_INFINITY;
  hangs = Promise.withResolvers();
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const quote = () => {
  const { port } = server.address() as AddressInfo;
  const model = createOpenAICompatible({
    name: "local",
    baseURL: `http://127.0.0.1:${port}/v1`,
    supportsStructuredOutputs: true,
  })("m");
  const priceOf = tool({ inputSchema: z.object({ article: z.string() }), execute: () => 3 });
  return defineBundleTool({
    name: "quote",
    input: z.object({ article: z.string() }),
    schema: z.object({ total: z.number() }),
    defaultOptions: { k: 3, stopping: "none", maxParallel: 1 },
    async executeReplicate({ article }, _replicate, { signal }) {
      const output = Output.object({ schema: z.object({ total: z.number() }) });
      const asked = { model, prompt: article, tools: { priceOf }, stopWhen: isStepCount(4), maxRetries: 0 };
      const result = await generateText({ ...asked, output, abortSignal: signal });
      return { data: result.output, usage: usageOf(result), model: result.response.modelId };
    },
  });
};
const orchestrator = (store = new MemoryStore()) => new ReliableOrchestrator({ store, state: new ReliabilityState() });

test("a tool loop that is a replicate is counted with all its steps", async () => {
  const output = await orchestrator().run({ tool: quote(), request: { article: "tea" } });
  const { summary, replicates } = unwrap(output).evidenceBundle;
  expect(summary.consensus).toEqual({ total: 3 });
  expect(steps).toHaveLength(6);
  expect(replicates.map(({ usage }) => [usage?.inputTokens, usage?.outputTokens])).toEqual(Array(3).fill([200, 20]));
  expect(output.usage.totalTokens).toBe(660);
});

test("a loop that is cut off closes its socket, and a run that goes on asks for the missing loops alone", async () => {
  const store = new MemoryStore();
  const stop = new AbortController();
  const run = (signal?: AbortSignal) =>
    orchestrator(store).run({ tool: quote(), request: { article: "tea" }, options: { idempotencyKey: "k" }, signal });
  answersFor = 2;
  const first = run(stop.signal);
  await hangs.promise;
  stop.abort();
  await expect(first).rejects.toMatchObject({
    code: "CANCELLED",
    partial: { usage: { totalTokens: expect.any(Number) } },
  });
  await steps.at(-1)?.closed;
  answersFor = Number.POSITIVE_INFINITY;
  steps = [];
  const output = await run();
  expect(unwrap(output).evidenceBundle.summary.validCount).toBe(3);
  expect(steps).toHaveLength(2);
  expect(output.metadata.journaledUsage?.totalTokens).toBe(440);
  expect(output.usage.totalTokens).toBe(220);
});
