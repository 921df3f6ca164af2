/**
 * An agent as a replicate: each answer of a bundle is a whole tool loop of the AI SDK. The loops vote, and one budget, one
 * abort and one retry hold for all of them.
 *
 * Without STEER_MODEL the model is a script on the AI SDK's mock: it looks prices up, adds them, and forgets one of them in
 * one loop of five.
 */
import { generateText, isStepCount, Output, tool } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { defineBundleTool, type LanguageModelLike, Orchestrator, resolveModel, usageOf } from "steer-llm-sdk";
import { seededRandom } from "steer-llm-sdk/testing";
import { z } from "zod";

const prices: Record<string, number> = { tea: 3, bread: 4, honey: 7 };
const Answer = z.object({ total: z.number() });

const quote = defineBundleTool({
  name: "quote",
  input: z.object({ basket: z.array(z.string()) }),
  schema: Answer,
  defaultOptions: { k: 5 },
  async executeReplicate({ basket }, { seed }, { signal }) {
    const result = await generateText({
      model: (await modelFor(seed)) as MockLanguageModelV4,
      seed,
      abortSignal: signal, // an abort, a deadline and an early stop reach the socket
      maxRetries: 0, // the orchestrator retries: one owner
      stopWhen: isStepCount(6),
      output: Output.object({ schema: Answer }),
      prompt: `What does this basket cost in all? ${basket.join(", ")}`,
      tools: {
        priceOf: tool({
          description: "Price of one article",
          inputSchema: z.object({ article: z.string() }),
          execute: ({ article }) => prices[article] ?? 0,
        }),
      },
    });
    return { data: result.output, usage: usageOf(result), model: result.response.modelId }; // usage of all steps
  },
});

const output = await new Orchestrator().run({
  tool: quote,
  request: { basket: ["tea", "bread", "honey"] },
  options: { budget: { tokens: 5_000 }, timeoutMs: 60_000 },
});

if (output.status === "failed") {
  console.error(output.errors);
  process.exitCode = 1;
} else {
  const { summary, replicates } = output.content.evidenceBundle;
  for (const replicate of replicates) {
    const answer = replicate.valid ? replicate.data.total : "no valid answer";
    console.log(`${replicate.id}: ${answer}, ${replicate.usage?.totalTokens} tokens`);
  }
  console.log(`Consensus:  ${summary.consensus?.total}`);
  console.log(`Confidence: ${summary.confidence.toFixed(2)}`);
  console.log(`Tokens:     ${output.usage.totalTokens}`);
}

/** The model of one loop: the one that STEER_MODEL names, or a script. */
async function modelFor(seed: number): Promise<LanguageModelLike> {
  const name = process.env["STEER_MODEL"];
  return name === undefined ? scriptedShopper(seed) : resolveModel(name);
}

function scriptedShopper(seed: number): MockLanguageModelV4 {
  const articles = Object.keys(prices);
  const looked = seededRandom(seed).next() < 0.2 ? articles.slice(1) : articles;
  let step = 0;
  return new MockLanguageModelV4({
    modelId: "scripted-shopper",
    async doGenerate() {
      const article = looked[step++];
      const total = looked.reduce((sum, each) => sum + (prices[each] ?? 0), 0);
      const unknown = undefined;
      return {
        content:
          article === undefined
            ? [{ type: "text", text: JSON.stringify({ total }) }]
            : [{ type: "tool-call", toolCallId: `${step}`, toolName: "priceOf", input: JSON.stringify({ article }) }],
        finishReason: { unified: article === undefined ? "stop" : "tool-calls", raw: unknown },
        usage: {
          inputTokens: { total: 40 + 20 * step, noCache: unknown, cacheRead: unknown, cacheWrite: unknown },
          outputTokens: { total: 10, text: unknown, reasoning: unknown },
        },
        warnings: [],
      };
    },
  });
}
