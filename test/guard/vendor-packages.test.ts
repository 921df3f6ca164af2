import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import type { AnyTool } from "../../src/contract/tool.ts";
import { ReliableOrchestrator } from "../../src/orchestrate/reliable-orchestrator.ts";
import { ReliabilityState } from "../../src/orchestrate/state.ts";
import { defineTool } from "../../src/tool/define-tool.ts";
import { PromptBundleTool } from "../../src/tool/prompt/prompt-bundle-tool.ts";

/** An answer that the server gives; `"reset"` breaks the connection, `"hang"` never answers. */
type Step = { status: number; body?: object; headers?: Record<string, string> } | "good" | "reset" | "hang";

const goodBodies = {
  openai: {
    id: "1",
    object: "chat.completion",
    created: 1,
    model: "m",
    choices: [{ index: 0, message: { role: "assistant", content: "yes" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
  },
  anthropic: {
    id: "1",
    type: "message",
    role: "assistant",
    model: "m",
    content: [{ type: "text", text: "yes" }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 5 },
  },
};
type Vendor = keyof typeof goodBodies;

/** A server that takes these steps, and repeats the last one. */
async function serve(vendor: Vendor, steps: readonly Step[]) {
  let calls = 0;
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      const step = steps[Math.min(calls++, steps.length - 1)] as Step;
      if (step === "reset") return void request.socket.destroy();
      if (step === "hang") return;
      const { status, body, headers } = step === "good" ? { status: 200, body: goodBodies[vendor], headers: {} } : step;
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get calls() {
      return calls;
    },
    [Symbol.dispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const prompt = "Is it?";

/** A plain tool that asks by the vendor's own package, whose retries are off, and a prompt tool that asks the same. */
const tools: Record<
  Vendor,
  (url: string, timeout?: number) => { readonly package: AnyTool; readonly prompt: AnyTool }
> = {
  openai: (url, timeout) => {
    const client = new OpenAI({ apiKey: "k", baseURL: `${url}/v1`, maxRetries: 0, ...(timeout && { timeout }) });
    const messages = [{ role: "user" as const, content: prompt }];
    return {
      package: defineTool({
        name: "asked",
        execute: (_request: object, _options, { signal }) =>
          client.chat.completions.create({ model: "m", messages }, { signal }).then(({ choices }) => choices.length),
      }),
      prompt: new PromptBundleTool({
        name: "asked",
        model: createOpenAI({ apiKey: "k", baseURL: `${url}/v1` }).chat("m"),
        prompt,
        defaultOptions: { k: 1 },
      }),
    };
  },
  anthropic: (url, timeout) => {
    const client = new Anthropic({ apiKey: "k", baseURL: url, maxRetries: 0, ...(timeout && { timeout }) });
    const messages = [{ role: "user" as const, content: prompt }];
    return {
      package: defineTool({
        name: "asked",
        execute: (_request: object, _options, { signal }) =>
          client.messages
            .create({ model: "m", max_tokens: 9, messages }, { signal })
            .then(({ content }) => content.length),
      }),
      prompt: new PromptBundleTool({
        name: "asked",
        model: createAnthropic({ apiKey: "k", baseURL: `${url}/v1` })("m"),
        prompt,
        maxOutputTokens: 9,
        defaultOptions: { k: 1 },
      }),
    };
  },
};

interface Asked {
  readonly hasFallback?: boolean;
  readonly attemptTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

async function run(tool: AnyTool, { hasFallback = false, attemptTimeoutMs, signal }: Asked = {}) {
  const other = defineTool({ name: "other", execute: async () => "from the other" });
  const retries: { readonly delayMs: number; readonly category: string | undefined }[] = [];
  const orchestrator = new ReliableOrchestrator({
    state: new ReliabilityState(),
    reliabilityConfig: { maxRetries: 2, initialDelayMs: 1, jitter: false, attemptTimeoutMs },
  });
  const output = await orchestrator
    .run({
      tool,
      request: {},
      signal,
      fallbackTools: hasFallback ? [other] : [],
      onEvent(event) {
        if (event.type === "retry_scheduled") retries.push({ delayMs: event.delayMs, category: event.error.category });
      },
    })
    .catch((error) => error);
  const error = output.errors?.asked;
  return {
    status: output.status ?? output.code,
    retries,
    error: error && { category: error.category, isRetryable: error.isRetryable, attempts: error.attempts },
    message: error?.message as string | undefined,
    by: output.metadata?.toolName,
  };
}

const overflow = {
  error: { type: "invalid_request_error", message: "prompt is too long: 210000 tokens > 200000 maximum" },
};
const spent = {
  error: { type: "invalid_request_error", message: "Your credit balance is too low to access the API." },
};
const busy = { error: { type: "overloaded_error", message: "Overloaded" } };
const refused = { error: { type: "authentication_error", message: "invalid x-api-key" } };
const wrong = { error: { type: "invalid_request_error", message: "messages: at least one is required" } };
const limited = { error: { type: "rate_limit_error", message: "slow down" } };

/** What a server does, how often it is called, and how the run ends. */
const cases: readonly (readonly [
  string,
  readonly Step[],
  calls: number,
  status: string,
  category: string | undefined,
])[] = [
  [
    "a pause, then an answer",
    [{ status: 429, body: limited, headers: { "retry-after-ms": "5" } }, "good"],
    2,
    "completed",
    "rate_limit",
  ],
  ["a busy server that stays busy", [{ status: 529, body: busy }], 3, "failed", "overloaded"],
  ["a broken connection, then an answer", ["reset", "good"], 2, "completed", "network"],
  ["a server error, then an answer", [{ status: 502, body: {} }, "good"], 2, "completed", "server_error"],
  ["a refused key", [{ status: 401, body: refused }], 1, "failed", "authentication"],
  ["an empty account", [{ status: 400, body: spent }], 1, "failed", "quota_exhausted"],
  ["a full context", [{ status: 400, body: overflow }], 1, "failed", "context_length"],
  ["a wrong request", [{ status: 400, body: wrong }], 1, "failed", "invalid_request"],
];

describe.each(["openai", "anthropic"] as const)("the package of %s inside a plain tool", (vendor) => {
  test.each(cases)("behaves as a prompt tool does: %s", async (_, steps, calls, status, category) => {
    const outcomes = [];
    for (const kind of ["package", "prompt"] as const) {
      using server = await serve(vendor, steps);
      const outcome = await run(tools[vendor](server.url)[kind]);
      expect(server.calls).toBe(calls);
      expect(outcome.status).toBe(status);
      expect(outcome.error?.category ?? outcome.retries[0]?.category).toBe(category);
      outcomes.push({ ...outcome, message: undefined });
    }
    expect(outcomes[0]).toEqual(outcomes[1]);
  });

  test.each([
    ["a full context", { status: 400, body: overflow }, "other"],
    ["an empty account", { status: 400, body: spent }, "other"],
    ["a wrong request", { status: 400, body: wrong }, "asked"],
  ] as const)("falls back as a prompt tool does: %s", async (_, step, by) => {
    for (const kind of ["package", "prompt"] as const) {
      using server = await serve(vendor, [step]);
      expect((await run(tools[vendor](server.url)[kind], { hasFallback: true })).by).toBe(by);
      expect(server.calls).toBe(1);
    }
  });

  test("counts its own timer as a timeout: tried again, then replaced", async () => {
    using server = await serve(vendor, ["hang"]);
    const outcome = await run(tools[vendor](server.url, 30).package, { hasFallback: true });
    expect(outcome).toMatchObject({ status: "completed", by: "other", error: { category: "timeout", attempts: 3 } });
    expect(server.calls).toBe(3);
  });

  test("ends with attemptTimeoutMs, and with the run's signal", async () => {
    using server = await serve(vendor, ["hang"]);
    const outcome = await run(tools[vendor](server.url).package, { attemptTimeoutMs: 30 });
    expect(outcome).toMatchObject({ status: "failed", error: { category: "timeout", attempts: 3 } });
    const signal = AbortSignal.timeout(30);
    expect((await run(tools[vendor](server.url).package, { signal })).status).toBe("CANCELLED");
    expect(server.calls).toBe(4);
  });

  test("keeps the server's words", async () => {
    using server = await serve(vendor, [{ status: 400, body: overflow }]);
    expect((await run(tools[vendor](server.url).package)).message).toContain("prompt is too long");
  });
});
