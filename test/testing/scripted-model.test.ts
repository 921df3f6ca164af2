import type { LanguageModelV4, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { generateText, Output, streamText } from "ai";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { createFakeClock, HttpFailure, type ScriptedModel, scriptedModel } from "../../src/testing.ts";

const prompt = [{ role: "user" as const, content: [{ type: "text" as const, text: "Severity?" }] }];

async function partsOf(model: ScriptedModel): Promise<LanguageModelV4StreamPart[]> {
  const { stream } = await model.doStream({ prompt });
  const parts: LanguageModelV4StreamPart[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

describe("scriptedModel", () => {
  test("answers in the order of its script and keeps every call", async () => {
    const model = scriptedModel([
      { text: "one" },
      { object: { s: "low" }, usage: { inputTokens: 3, outputTokens: 4 } },
    ]);
    const first = await model.doGenerate({ prompt, seed: 7 });
    const second = await model.doGenerate({ prompt, seed: 8, maxOutputTokens: 20 });
    expect(first.content).toEqual([{ type: "text", text: "one" }]);
    expect(first.usage.inputTokens.total).toBeUndefined();
    expect(second.content).toEqual([{ type: "text", text: '{"s":"low"}' }]);
    expect([second.usage.inputTokens.total, second.usage.outputTokens.total]).toEqual([3, 4]);
    expect(model.calls.map(({ seed }) => seed)).toEqual([7, 8]);
    expect(model.calls[1]?.options.maxOutputTokens).toBe(20);
    expect(model.calls[0]?.prompt).toBe(prompt);
  });

  test("gives every answer a response id of its own", async () => {
    const model = scriptedModel(() => ({ text: "same" }));
    const ids = await Promise.all([1, 2, 3].map(async () => (await model.doGenerate({ prompt })).response.id));
    expect(new Set(ids).size).toBe(3);
  });

  test("streams the text that it would have answered, usage at the end", async () => {
    const text = "  two words\nand a line ";
    const parts = await partsOf(scriptedModel([{ text, usage: { inputTokens: 1, outputTokens: 2 } }]));
    const deltas = parts.filter((part) => part.type === "text-delta");
    expect(deltas.map((part) => part.delta).join("")).toBe(text);
    expect(deltas.length).toBeGreaterThan(3);
    expect(parts.at(-1)).toMatchObject({ type: "finish", usage: { inputTokens: { total: 1 } } });
  });

  test("fails with the status, the header and the advice on retrying that a provider would give", async () => {
    const model = scriptedModel([{ status: 429, retryAfterMs: 5000 }, { status: 400 }, { error: "a string" }]);
    const limited = await model.doGenerate({ prompt }).then(undefined, (error: HttpFailure) => error);
    expect(limited).toBeInstanceOf(HttpFailure);
    expect(limited).toMatchObject({
      statusCode: 429,
      isRetryable: true,
      responseHeaders: { "retry-after-ms": "5000" },
    });
    await expect(model.doStream({ prompt })).rejects.toMatchObject({ statusCode: 400, isRetryable: false });
    await expect(model.doGenerate({ prompt })).rejects.toBe("a string");
  });

  test("hangs until it is aborted, then fails with the reason of the abort", async () => {
    const model = scriptedModel([{ hang: true }, { text: "never asked" }]);
    const controller = new AbortController();
    const reason = new Error("enough");
    const pending = model.doGenerate({ prompt, abortSignal: controller.signal });
    controller.abort(reason);
    await expect(pending).rejects.toBe(reason);
    await expect(model.doGenerate({ prompt, abortSignal: controller.signal })).rejects.toBe(reason);
  });

  test("says so when it is asked past the end of its script", async () => {
    const model = scriptedModel([]);
    await expect(model.doGenerate({ prompt })).rejects.toMatchObject({
      isRetryable: false,
      message: expect.stringContaining("than its script has answers (0)"),
    });
  });

  test("lets a function answer by seed and index, as slowly as the test's clock says", async () => {
    const clock = createFakeClock();
    const model = scriptedModel(async ({ seed, index, signal }) => {
      await clock.sleep(100, { signal });
      return { object: { seed, index } };
    });
    const pending = model.doGenerate({ prompt, seed: 11 });
    await clock.runAll();
    expect((await pending).content[0].text).toBe('{"seed":11,"index":0}');
    expect(clock.now()).toBe(100);
  });

  test("is a language model to the AI SDK", async () => {
    expectTypeOf<ScriptedModel>().toExtend<LanguageModelV4>();
    const model = scriptedModel(() => ({ object: { s: "low" }, usage: { inputTokens: 1, outputTokens: 1 } }));
    expect((await generateText({ model, prompt: "?" })).text).toBe('{"s":"low"}');
    const output = Output.object({ schema: z.object({ s: z.string() }) });
    expect((await generateText({ model, prompt: "?", output })).output).toEqual({ s: "low" });
    expect(await streamText({ model, prompt: "?" }).text).toBe('{"s":"low"}');
  });
});
