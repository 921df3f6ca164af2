import { describe, expect, test } from "vitest";
import type { ModelTraits } from "../../src/contract/model.ts";
import { isSlow, learnRead, promptCacheOf, savingOf } from "../../src/provider/prompt-cache.ts";

const traits = (cacheReads = 0, cacheHits = 0): ModelTraits => ({ refused: new Set(), cacheReads, cacheHits });
const anthropic = promptCacheOf({ provider: "anthropic.messages", modelId: "claude-sonnet-4-5" });
const openai = promptCacheOf({ provider: "openai.responses", modelId: "gpt-5-mini" });

/** Dollars of a prompt: plain, read from the cache, put into it. */
const prices =
  (plain: number, read: number, written: number) =>
  ({ cachedInputTokens = 0, cacheWriteInputTokens = 0 }) =>
    cachedInputTokens > 0 ? read : cacheWriteInputTokens > 0 ? written : plain;

describe("a call that goes ahead", () => {
  test("pays from the second call on, at a write of 1.25 and a read of 0.1", () => {
    const saving = (calls: number) => savingOf(anthropic as any, calls, traits(), prices(1, 0.1, 1.25), 2_000);
    expect(saving(1)).toBeCloseTo(-0.25);
    expect(saving(2)).toBeCloseTo(0.6 * 0.9 - 0.25);
    expect(saving(10)).toBeCloseTo(9 * 0.6 * 0.9 - 0.25);
  });

  test("does not pay where the model's calls have not found their prompts", () => {
    const saving = (reads: number) => savingOf(anthropic as any, 2, traits(reads, 0), prices(1, 0.1, 1.25), 2_000);
    expect(saving(1)).toBeGreaterThan(0);
    expect(saving(4)).toBeLessThan(0);
  });

  test("saves nothing where a read costs as much as a prompt", () => {
    expect(savingOf(openai as any, 10, traits(), prices(1, 1, 1), 2_000)).toBe(0);
  });

  test("is paid once in place of by each call, where a provider keeps prompts by itself and charges for that", () => {
    expect(savingOf(openai as any, 3, traits(100, 100), prices(1, 0.1, 1.25), 2_000)).toBeCloseTo(2 * 1.15, 1);
  });

  test("is judged by what vendors usually charge, where the price is not known", () => {
    expect(savingOf(anthropic as any, 2, traits(), () => null, 2_000)).toBeCloseTo(0.29);
  });

  test("is waited for to its end, once half of the reads come too early", () => {
    const learned = traits();
    for (const cachedInputTokens of [0, 2_000, 0]) learnRead(learned, { cachedInputTokens } as any);
    expect(isSlow(learned)).toBe(false);
    learnRead(learned, {} as any);
    expect(isSlow(learned)).toBe(true);
  });
});

test.each([
  ["openai.chat", "gpt-4o-mini", 1_024],
  ["openai.responses", "gpt-6-luna", 1_024],
  ["openai.chat", "gpt-3.5-turbo", undefined],
  ["openai.chat", "gpt-4-turbo", undefined],
  ["azure.responses", "gpt-5", 1_024],
  ["anthropic.messages", "claude-opus-4-6", 4_096],
  ["anthropic.messages", "claude-haiku-4-5-20251001", 4_096],
  ["anthropic.messages", "claude-sonnet-4-6", 2_048],
  ["anthropic.messages", "claude-3-5-haiku-latest", 2_048],
  ["vertex.anthropic.messages", "claude-sonnet-4-5", 1_024],
  ["google.generative-ai", "gemini-2.5-pro", 2_048],
  ["google.generative-ai", "gemini-3.8-flash", 4_096],
  ["google.generative-ai", "gemini-2.0-flash", undefined],
  ["openai-compatible:localhost.chat", "qwen3", undefined],
  ["recorded.openai", "gpt-5", undefined],
])("%s:%s keeps prompts of %s tokens and more", (provider, modelId, minimum) => {
  expect(promptCacheOf({ provider, modelId })?.minimumTokens).toBe(minimum);
});
