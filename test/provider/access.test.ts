import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { LanguageModelLike } from "../../src/contract/model.ts";
import { Orchestrator, PromptBundleTool } from "../../src/orchestration.ts";
import { resolveModel } from "../../src/provider/resolve.ts";
import { startOpenAIServer } from "../support/openai-server.ts";

afterEach(() => vi.unstubAllEnvs());

async function runOf(options: object) {
  const events: unknown[] = [];
  const tool = new PromptBundleTool({ name: "t", prompt: "Hi", defaultOptions: { k: 1 }, ...options } as any);
  const output = await new Orchestrator({}).run({
    tool,
    request: {},
    options: { timeoutMs: 5_000 },
    onEvent: (event) => events.push(event),
  });
  return { output, shown: JSON.stringify([output, events]), tool };
}

describe("a model that is named by text", () => {
  test("is asked at the address, with the headers and with the key that a tool names", async () => {
    await using server = await startOpenAIServer({ text: "Hello" });
    vi.stubEnv("MY_GATEWAY_KEY", "gateway-key");
    const { output } = await runOf({
      model: "openai:gpt-5-mini",
      baseUrl: server.baseURL,
      apiKeyEnv: "MY_GATEWAY_KEY",
      headers: { "x-team": "billing" },
    });
    expect(output.status).toBe("completed");
    expect(server.calls[0]?.headers).toMatchObject({ authorization: "Bearer gateway-key", "x-team": "billing" });
  });

  test.each(["groq", "deepseek", "together", "openrouter"])(
    "is asked over the OpenAI-compatible endpoint of %s, whose own package is not installed",
    async (name) => {
      await using server = await startOpenAIServer({ text: "Hello" });
      vi.stubEnv("A_KEY", "vendor-key");
      const model = await resolveModel(`${name}:some-model`, { baseUrl: server.baseURL, apiKeyEnv: "A_KEY" });
      expect(model.provider).toBe(`${name}.chat`);
      const { output } = await runOf({ model });
      expect(output.status).toBe("completed");
      expect(server.calls[0]).toMatchObject({
        path: "/v1/chat/completions",
        body: { model: "some-model" },
        headers: { authorization: "Bearer vendor-key" },
      });
    },
  );

  test("takes an OpenAI-compatible server by its address alone", async () => {
    await using server = await startOpenAIServer({ text: "Hello" });
    const { output } = await runOf({ model: "openai-compatible:llama3.2", baseUrl: server.baseURL });
    expect(output.status).toBe("completed");
    expect(server.calls[0]?.body.model).toBe("llama3.2");
  });

  test.each([
    ["azure:my-deployment", /npm install @ai-sdk\/azure@/],
    ["bedrock:anthropic.claude-sonnet-4-5", /npm install @ai-sdk\/amazon-bedrock@/],
    ["vertex:gemini-2.5-flash", /npm install @ai-sdk\/google-vertex@/],
  ])("names the package of %s, which is not installed", async (reference, advice) => {
    await expect(resolveModel(reference)).rejects.toThrow(advice);
  });

  test("names the environment variable of a key that is missing", async () => {
    await expect(resolveModel("groq:llama-3.3-70b")).rejects.toThrow("GROQ_API_KEY");
    await expect(resolveModel("openai:gpt-5-mini", { apiKeyEnv: "NO_SUCH_KEY" })).rejects.toThrow("NO_SUCH_KEY");
  });

  test("keeps a password in a baseUrl out of its error", async () => {
    vi.stubEnv("OPENAI_API_KEY", "secret-of-openai");
    const failure = resolveModel("openai:gpt-5-mini", { baseUrl: "https://me:hunter2@example.com/v1?token=t0ken" });
    await expect(failure).rejects.toThrow("example.com");
    await expect(failure).rejects.not.toThrow(/hunter2|t0ken/);
  });

  test("falls under the circuit that the tool names, or that of its server", () => {
    const options = { name: "t", prompt: "Hi", model: "openai:gpt-5-mini" };
    expect(new PromptBundleTool(options).provider).toBe("openai");
    expect(new PromptBundleTool({ ...options, baseUrl: "http://one.example/v1" }).provider).toBe(
      "openai:http://one.example/v1",
    );
    expect(new PromptBundleTool({ ...options, provider: "the-slow-one" }).provider).toBe("the-slow-one");
  });

  test("sends its key and address to no model of another provider", async () => {
    await using server = await startOpenAIServer({ text: "Hello" });
    vi.stubEnv("MY_GATEWAY_KEY", "gateway-key");
    const tool = new PromptBundleTool({
      name: "t",
      prompt: "Hi",
      model: "openai:gpt-5-mini",
      baseUrl: "http://one.example/v1",
      apiKeyEnv: "MY_GATEWAY_KEY",
      headers: { "x-secret": "do-not-tell" },
      defaultOptions: { k: 1 },
    });
    const other = tool.withModel(`openai-compatible:${server.baseURL}#llama`);
    const output = await new Orchestrator({}).run({ tool: other, request: {} });
    expect(output.status).toBe("completed");
    expect(server.calls[0]?.headers.authorization).toBeUndefined();
    expect(server.calls[0]?.headers["x-secret"]).toBeUndefined();
  });
});

test("refuses an address and a key for a model that was made elsewhere, or that is asked over no network", async () => {
  const model = createOpenAI({ apiKey: "k" })("gpt-5-mini");
  await expect(resolveModel(model, { baseUrl: "http://one.example" })).rejects.toThrow(/baseUrl.*gpt-5-mini/);
  await expect(resolveModel("simulated:x", { headers: { a: "secret-value" } })).rejects.toThrow(/headers/);
  await expect(resolveModel("simulated:x", { headers: { a: "secret-value" } })).rejects.not.toThrow(/secret-value/);
});

describe("a secret that a server repeats", () => {
  const echo = (text: string) => ({ status: 401, error: { message: `Incorrect API key provided: ${text}` } });

  test.each<[string, string, (baseURL: string) => LanguageModelLike]>([
    ["a key given in code", "sk-in-code-1", (baseURL) => createOpenAI({ baseURL, apiKey: "sk-in-code-1" })("gpt-5")],
    ["a short key", "k3y7", (baseURL) => createOpenAICompatible({ name: "l", baseURL, apiKey: "k3y7" })("m")],
    [
      "a header of the user's own",
      "token-of-the-gateway",
      (baseURL) =>
        createOpenAICompatible({ name: "l", baseURL, headers: { "x-gateway": "token-of-the-gateway" } })("m"),
    ],
    ["a key of Anthropic's", "sk-ant-9", (baseURL) => createAnthropic({ baseURL, apiKey: "sk-ant-9" })("claude")],
  ])("is hidden from output and events: %s", async (_, secret, modelAt) => {
    await using server = await startOpenAIServer(echo(secret));
    const { output, shown } = await runOf({ model: modelAt(server.baseURL) });
    expect(output.status).toBe("failed");
    expect(shown).not.toContain(secret);
  });

  test("is hidden where a tool names its variable and its headers", async () => {
    await using server = await startOpenAIServer(echo("gate-1 and head-2"));
    vi.stubEnv("SHORT", "gate-1");
    const { shown } = await runOf({
      model: "openai-compatible:m",
      baseUrl: server.baseURL,
      apiKeyEnv: "SHORT",
      headers: { "x-more": "head-2" },
    });
    expect(shown).toContain("Incorrect API key");
    expect(shown).not.toMatch(/gate-1|head-2/);
  });
});
