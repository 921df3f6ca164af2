import { expect, test } from "vitest";
import type { Usage } from "../../src/contract/usage.ts";
import { generate } from "../../src/provider/language-model.ts";
import { estimatePromptTokens } from "../../src/provider/prompt-tokens.ts";
import { scriptedModel } from "../../src/testing.ts";

const call = { messages: [{ role: "user" as const, content: "Hi" }], maxOutputTokens: 9 };
const prompt = estimatePromptTokens(call.messages, undefined, scriptedModel([])) as number;
const { signal } = new AbortController();

async function usageOfFailure(error: Error): Promise<Usage[]> {
  const reported: Usage[] = [];
  const asked = generate(scriptedModel([{ error }]), { ...call, signal, onUsage: (usage) => reported.push(usage) });
  await expect(asked).rejects.toBe(error);
  return reported;
}

const withCode = (code: string) => Object.assign(new Error(code), { code });

test.each(["ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE", "UND_ERR_SOCKET"])(
  "a call whose connection broke (%s) may be billed: it counts by an estimate",
  async (code) => {
    const estimate = { inputTokens: prompt, outputTokens: 9, estimated: true, requests: 1 };
    expect(await usageOfFailure(withCode(code))).toMatchObject([estimate]);
    expect(await usageOfFailure(new Error("fetch failed", { cause: withCode(code) }))).toMatchObject([estimate]);
  },
);

// The timers of Node's fetch are not the run's, so that the error names a way around them.
test.each(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"])(
  "a fetch that gave up waiting (%s) says after how long, and what to do; the call may be billed",
  async (code) => {
    const reported: Usage[] = [];
    const model = scriptedModel([{ error: new Error("fetch failed", { cause: withCode(code) }) }]);
    const failure = generate(model, { ...call, signal, onUsage: (usage) => reported.push(usage) });
    await expect(failure).rejects.toMatchObject({ code, message: expect.stringMatching(/300 s.*streaming/s) });
    expect(reported).toMatchObject([{ outputTokens: 9, estimated: true }]);
  },
);

test.each(["ECONNREFUSED", "ENOTFOUND", "UND_ERR_CONNECT_TIMEOUT"])(
  "a call that never reached its provider (%s) counts nothing",
  async (code) => {
    expect(await usageOfFailure(withCode(code))).toEqual([]);
  },
);

test("counts the seen part of an answer without usage by its bytes, and never above its allowed length", async () => {
  const model = scriptedModel(() => ({ text: "a dozen bytes and more" }));
  expect((await generate(model, { ...call, signal })).usage).toMatchObject({ outputTokens: 9, estimated: true });
  expect((await generate(model, { ...call, maxOutputTokens: undefined, signal })).usage.outputTokens).toBe(22);
});

test.each([Number.NaN, null, -1, "12"])(
  "figures that are no counts (%s) are none: an estimate stands in",
  async (figure) => {
    const usage = { inputTokens: figure, outputTokens: figure, cachedInputTokens: figure } as any;
    const answer = await generate(
      scriptedModel(() => ({ text: "ok", usage })),
      { ...call, signal },
    );
    expect(answer.usage).toMatchObject({ inputTokens: prompt, outputTokens: 2, estimated: true });
    const partly = { inputTokens: 5, outputTokens: figure, reasoningTokens: figure } as any;
    const other = await generate(
      scriptedModel(() => ({ text: "ok", usage: partly })),
      { ...call, signal },
    );
    expect(other.usage).toEqual({ inputTokens: 5, outputTokens: 2, totalTokens: 7, estimated: true, requests: 1 });
  },
);

test.each([
  ["without content", { finishReason: { unified: "stop" } }],
  ["without a finish reason", { content: [{ type: "text", text: "ok" }] }],
  ["with warnings that are none", { content: [], finishReason: { unified: "stop" }, warnings: "none" }],
])("an answer that nobody can read (%s) is paid for all the same", async (_, result) => {
  const reported: Usage[] = [];
  const model = { specificationVersion: "v4", provider: "p", modelId: "m", doGenerate: async () => result } as any;
  await expect(generate(model, { ...call, signal, onUsage: (usage) => reported.push(usage) })).rejects.toThrow(
    TypeError,
  );
  expect(reported).toMatchObject([{ inputTokens: prompt, estimated: true, requests: 1 }]);
});
