import { describe, expect, test } from "vitest";
import { defaultPrices } from "../../src/provider/prices.ts";

const usage = { inputTokens: 1_000_000, outputTokens: 1_000_000, totalTokens: 2_000_000 };

describe("defaultPrices", () => {
  test.each([
    ["openai.responses", "gpt-4o-mini", "openai"],
    ["openai.chat", "gpt-4o-mini", "openai"],
    ["recorded.openai.chat", "gpt-4o-mini", "openai"],
    ["azure-openai.chat", "gpt-4o-mini", "azure"],
    ["anthropic.messages", "claude-sonnet-4-5", "anthropic"],
    ["google.generative-ai", "gemini-2.5-flash", "google"],
    ["xai.responses", "grok-4", "x-ai"],
    ["openai-compatible:api.groq.com.chat", "llama-3.3-70b-versatile", "groq"],
  ])("knows the seller behind the AI SDK's name %s", async (provider, modelId, seller) => {
    const prices = await defaultPrices();
    expect(prices.match({ provider, modelId })?.provider).toBe(seller);
    expect(prices.costUsd({ provider, modelId, usage })).toBeGreaterThan(0);
  });

  test("prices input, output and cached input at their own rates", async () => {
    const prices = await defaultPrices();
    const cost = (parts: object) =>
      prices.costUsd({
        provider: "openai.chat",
        modelId: "gpt-4o-mini",
        usage: { ...usage, outputTokens: 0, ...parts },
      });
    expect(cost({})).toBeCloseTo(0.15);
    expect(cost({ outputTokens: 1_000_000 })).toBeCloseTo(0.75);
    expect(cost({ cachedInputTokens: 1_000_000 })).toBeCloseTo(0.075);
    expect(cost({ cachedInputTokens: 9_000_000 })).toBeCloseTo(0.075);
  });

  test("prices what is put into the cache at its own rate, beside what was read from it", async () => {
    const prices = await defaultPrices();
    const cost = (parts: object) =>
      prices.costUsd({
        provider: "anthropic.messages",
        modelId: "claude-sonnet-4-5",
        usage: { inputTokens: 100_000, outputTokens: 0, totalTokens: 100_000, ...parts },
      });
    expect(cost({})).toBeCloseTo(0.3);
    expect(cost({ cacheWriteInputTokens: 100_000 })).toBeCloseTo(0.375);
    expect(cost({ cacheWriteInputTokens: 90_000, cachedInputTokens: 10_000 })).toBeCloseTo(0.3405);
    expect(cost({ cacheWriteInputTokens: 900_000, cachedInputTokens: 100_000 })).toBeCloseTo(0.03);
  });

  test.each([
    ["openai.responses", "gpt-99"],
    ["recorded", "llama-13b"],
    ["mine", "gpt-4o-mini"],
    ["openai-compatible:localhost:11434.chat", "gpt-4o-mini"],
  ])("has no price, rather than none to pay, for what %s charges for %s", async (provider, modelId) => {
    const prices = await defaultPrices();
    expect(prices.costUsd({ provider, modelId, usage })).toBeNull();
    expect(prices.match({ provider, modelId })).toBeNull();
  });

  test("says whose price a dated version has", async () => {
    const model = { provider: "openai.responses", modelId: "gpt-5-mini-2025-08-07" };
    expect((await defaultPrices()).match(model)).toEqual({ provider: "openai", modelId: "gpt-5-mini" });
  });

  test("charges nothing for what is simulated", async () => {
    expect((await defaultPrices()).costUsd({ provider: "simulated", modelId: "simulated", usage })).toBe(0);
  });
});
