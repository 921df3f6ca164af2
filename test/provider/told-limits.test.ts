import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { ReliableOrchestrator } from "../../src/orchestrate/reliable-orchestrator.ts";
import { ReliabilityState } from "../../src/orchestrate/state.ts";
import { PromptBundleTool } from "../../src/tool/prompt/prompt-bundle-tool.ts";

const usage = { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 };
const chat = {
  ...{ id: "c1", object: "chat.completion", created: 1, model: "m", usage },
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "yes" } }],
};
const chunk = (choice: object, more: object = {}) =>
  `data: ${JSON.stringify({ ...chat, object: "chat.completion.chunk", usage: null, choices: [choice], ...more })}\n\n`;
const stream = [
  chunk({ index: 0, delta: { role: "assistant", content: "yes" } }),
  chunk({ index: 0, delta: {}, finish_reason: "stop" }, { usage }),
  "data: [DONE]\n\n",
].join("");
const message = {
  ...{ id: "m1", type: "message", role: "assistant", model: "m", stop_reason: "end_turn", stop_sequence: null },
  content: [{ type: "text", text: "yes" }],
  usage: { input_tokens: 9, output_tokens: 1 },
};

/** 600 requests a minute, none left: the next one is due in 100 ms. */
const openAI = {
  "x-ratelimit-limit-requests": "600",
  "x-ratelimit-remaining-requests": "0",
  "x-ratelimit-reset-requests": "1m0s",
};
const anthropic = () => ({
  "anthropic-ratelimit-requests-limit": "600",
  "anthropic-ratelimit-requests-remaining": "0",
  "anthropic-ratelimit-requests-reset": new Date(Date.now() + 60_000).toISOString(),
});

test.each([
  ["@ai-sdk/openai-compatible", "openai-compatible:m", false, () => openAI, chat],
  ["@ai-sdk/openai-compatible, streaming", "openai-compatible:m", true, () => openAI, stream],
  ["@ai-sdk/anthropic", "anthropic:m", false, anthropic, message],
])(
  "a server that tells of a used-up limit through %s is not called before it refills",
  async (_, model, streaming, headers, answer) => {
    const arrivals: number[] = [];
    const server = createServer((request, response) => {
      arrivals.push(performance.now());
      request.resume();
      const isStream = typeof answer === "string";
      response.writeHead(200, { "content-type": isStream ? "text/event-stream" : "application/json", ...headers() });
      response.end(isStream ? answer : JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    process.env["TOLD_LIMITS_KEY"] = "k-1234567890";
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const tool = new PromptBundleTool({ name: "t", model, prompt: "?", baseUrl, apiKeyEnv: "TOLD_LIMITS_KEY" });
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
    const options = { streaming };
    for (let run = 0; run < 3; run++)
      expect(await orchestrator.run({ tool, request: {}, options, toolOptions: { k: 1 } })).toMatchObject({
        status: "completed",
      });
    const [first = 0, second = 0, third = 0] = arrivals;
    expect(second - first).toBeGreaterThan(60);
    expect(third - second).toBeGreaterThan(60);
  },
);
