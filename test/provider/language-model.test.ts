import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { describe, expect, test } from "vitest";
import type { LanguageModelLike } from "../../src/contract/model.ts";
import type { Usage } from "../../src/contract/usage.ts";
import { generate } from "../../src/provider/language-model.ts";
import type { ModelCall } from "../../src/provider/model-call.ts";
import { estimatePromptTokens } from "../../src/provider/prompt-tokens.ts";
import { type OpenAIServer, type Script, startOpenAIServer } from "../support/openai-server.ts";

const messages = [{ role: "user" as const, content: "Say hello" }];
const promptBound = estimatePromptTokens(messages, undefined, { provider: "p", modelId: "m" }) as number;
const asked = (call: Partial<ModelCall> = {}): ModelCall => ({
  messages,
  signal: new AbortController().signal,
  ...call,
});

/** The real provider packages, each at its own endpoint. */
const clients: Record<string, (server: OpenAIServer) => LanguageModelLike> = {
  "@ai-sdk/openai, responses": ({ baseURL }) => createOpenAI({ baseURL, apiKey: "k" })("gpt-5-mini"),
  "@ai-sdk/openai, chat": ({ baseURL }) => createOpenAI({ baseURL, apiKey: "k" }).chat("gpt-4o-mini"),
  "@ai-sdk/openai-compatible": ({ baseURL }) =>
    createOpenAICompatible({ name: "local", baseURL, includeUsage: true, supportsStructuredOutputs: true })("llama"),
};

/** Lets a test hold a stream between two pieces. */
function gate() {
  const waiting: (() => void)[] = [];
  return {
    pass: () => new Promise<void>((resolve) => waiting.push(resolve)),
    async open() {
      while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
      waiting.shift()?.();
    },
  };
}

describe.each(Object.entries(clients))("generate, through %s", (_, clientOf) => {
  async function withServer(
    scripts: readonly Script[],
    test: (model: LanguageModelLike, server: OpenAIServer) => Promise<void>,
  ) {
    await using server = await startOpenAIServer(...scripts);
    await test(clientOf(server), server);
  }

  for (const isStreaming of [false, true]) {
    const mode = isStreaming ? "streamed" : "whole";
    const call = (parts: Partial<ModelCall> = {}) =>
      asked({ ...parts, ...(isStreaming && { onDelta: parts.onDelta ?? (() => {}) }) });

    test(`gives the text of a ${mode} answer, with usage, response id and the model that answered`, () =>
      withServer([{ text: "Hello there", id: "resp-7", model: "dated-model" }], async (model) => {
        const reported: Usage[] = [];
        const answer = await generate(model, call({ onUsage: (usage) => reported.push(usage) }));
        const usage = {
          inputTokens: 10,
          outputTokens: 5,
          totalTokens: 15,
          cachedInputTokens: 4,
          reasoningTokens: 2,
          requests: 1,
        };
        expect(answer).toMatchObject({
          text: "Hello there",
          finishReason: { unified: "stop" },
          responseId: "resp-7",
          modelId: "dated-model",
          usage,
        });
        expect(reported).toEqual([usage]);
      }));

    test(`estimates the usage of a ${mode} answer whose provider withholds it, and says so`, () =>
      withServer([{ text: "Hello", usage: null }], async (model) => {
        const { usage } = await generate(model, call());
        expect(usage).toEqual({
          inputTokens: promptBound,
          outputTokens: 5,
          totalTokens: promptBound + 5,
          estimated: true,
          requests: 1,
        });
      }));

    test(`passes on the error of a ${mode} call that was refused, with status and headers, after one request and for nothing`, () =>
      withServer([{ status: 429, headers: { "retry-after": "7" } }], async (model, server) => {
        const reported: Usage[] = [];
        const failure = generate(model, call({ onUsage: (usage) => reported.push(usage) }));
        await expect(failure).rejects.toMatchObject({ statusCode: 429, responseHeaders: { "retry-after": "7" } });
        expect(server.calls).toHaveLength(1);
        expect(reported).toEqual([]);
      }));

    test(`asks once and bills nothing when a ${mode} call meets a broken server`, () =>
      withServer([{ status: 500 }], async (model, server) => {
        await expect(generate(model, call())).rejects.toMatchObject({ statusCode: 500 });
        expect(server.calls).toHaveLength(1);
      }));

    test(`closes the socket of a ${mode} call that hangs when the signal aborts, and reports an estimate before it rejects`, () =>
      withServer([{ hang: true }], async (model, server) => {
        const abort = new AbortController();
        const reported: Usage[] = [];
        const pending = generate(
          model,
          call({ signal: abort.signal, maxOutputTokens: 50, onUsage: (usage) => reported.push(usage) }),
        );
        const { over } = await server.nextCall();
        abort.abort(new Error("enough"));
        expect(reported).toEqual([
          expect.objectContaining({ inputTokens: promptBound, outputTokens: 50, estimated: true }),
        ]);
        await expect(pending).rejects.toThrow("enough");
        expect(await over).toBe("aborted");
        expect(reported).toHaveLength(1);
      }));

    test(`counts half an event in place of a ${mode} answer as used`, () =>
      withServer(
        [{ garbage: isStreaming ? "data: {nonsense\n\n" : '{"id": "c1", "choices": [{"mess' }],
        async (model) => {
          const reported: Usage[] = [];
          await expect(generate(model, call({ onUsage: (usage) => reported.push(usage) }))).rejects.toThrow();
          expect(reported).toEqual([expect.objectContaining({ inputTokens: promptBound, estimated: true })]);
        },
      ));

    // No model has written the page of a proxy, so no provider bills it.
    test(`counts nothing for a page in place of a ${mode} answer, and says that it was one`, () =>
      withServer([{ garbage: "<html><title>Sign in</title></html>", type: "text/html" }], async (model) => {
        const reported: Usage[] = [];
        const failure = generate(model, call({ onUsage: (usage) => reported.push(usage) }));
        await expect(failure).rejects.toThrow("Sign in");
        await expect(failure).rejects.toMatchObject({
          statusCode: 502,
          responseBody: expect.stringContaining("Sign in"),
        });
        expect(reported).toEqual([]);
      }));
  }

  test("hands on each piece of a slow stream when it comes", async () => {
    const { pass, open } = gate();
    await withServer([{ text: "one two three", beforePiece: pass }], async (model) => {
      const pieces: string[] = [];
      let heard = () => {};
      const nextPiece = () => new Promise<void>((resolve) => (heard = resolve));
      const first = nextPiece();
      const pending = generate(
        model,
        asked({
          onDelta: (text) => {
            pieces.push(text);
            heard();
          },
        }),
      );
      await first;
      expect(pieces).toEqual(["one "]);
      const second = nextPiece();
      await open();
      await second;
      expect(pieces).toEqual(["one ", "two "]);
      await open();
      expect((await pending).text).toBe("one two three");
    });
  });

  test("closes the socket in the middle of a stream when the signal aborts, and counts what was seen", async () => {
    await withServer([{ text: "one two three", beforePiece: () => new Promise(() => {}) }], async (model, server) => {
      const abort = new AbortController();
      const reported: Usage[] = [];
      const pieces: string[] = [];
      const pending = generate(
        model,
        asked({
          signal: abort.signal,
          onDelta: (text) => {
            pieces.push(text);
            abort.abort(new Error("enough"));
          },
          onUsage: (usage) => reported.push(usage),
        }),
      );
      await expect(pending).rejects.toThrow("enough");
      expect(pieces).toEqual(["one "]);
      expect(reported).toEqual([expect.objectContaining({ outputTokens: 4, estimated: true })]);
      expect(await (await server.nextCall()).over).toBe("aborted");
    });
  });

  test.each(["destroy", "end"] as const)(
    "fails, counting what was seen, when the server breaks off a stream (%s)",
    (cut) =>
      withServer([{ text: "one two three", cutAfter: 2, cut }], async (model) => {
        const reported: Usage[] = [];
        await expect(
          generate(model, asked({ onDelta: () => {}, onUsage: (usage) => reported.push(usage) })),
        ).rejects.toThrow();
        expect(reported).toEqual([expect.objectContaining({ outputTokens: 8, estimated: true })]);
      }),
  );

  test("sends nothing once the signal has aborted", () =>
    withServer([{ text: "Hello" }], async (model, server) => {
      await expect(generate(model, asked({ signal: AbortSignal.abort(new Error("too late")) }))).rejects.toThrow(
        "too late",
      );
      expect(server.calls).toHaveLength(0);
    }));

  test("asks in the words of the request: settings that were left out are left out", () =>
    withServer([{ text: "Hello" }], async (model, server) => {
      await generate(model, asked());
      const { body } = server.calls[0]!;
      expect(Object.keys(body)).not.toEqual(expect.arrayContaining(["temperature"]));
      expect(JSON.stringify(body)).not.toContain("max_");
    }));

  test("sends a schema as the response format, strict where the schema allows", () =>
    withServer([{ text: "{}" }], async (model, server) => {
      const strict = { type: "object", properties: { a: { type: "string" } }, required: ["a"] };
      const loose = { ...strict, required: [] };
      await generate(model, asked({ responseSchema: strict }));
      await generate(model, asked({ responseSchema: loose }));
      const formats = server.calls.map(({ body }) => body.text?.format ?? body.response_format.json_schema);
      expect(formats[0]).toMatchObject({ strict: true, schema: { ...strict, additionalProperties: false } });
      expect(formats[1]).toMatchObject({ strict: false, schema: { ...loose, additionalProperties: false } });
    }));

  test("tells the schema in words where its root is no object", () =>
    withServer([{ text: '"low"' }], async (model, server) => {
      await generate(model, asked({ responseSchema: { enum: ["low", "high"] } }));
      const { body } = server.calls[0]!;
      expect(JSON.stringify(body)).toContain('{\\"enum\\":[\\"low\\",\\"high\\"]}');
      expect(body.text ?? body.response_format).toBeUndefined();
    }));
});

test("counts nothing when nothing listens at the address", async () => {
  const server = await startOpenAIServer({ text: "Hello" });
  const model = createOpenAI({ baseURL: server.baseURL, apiKey: "k" })("gpt-5-mini");
  await server[Symbol.asyncDispose]();
  const reported: Usage[] = [];
  await expect(generate(model, asked({ onUsage: (usage) => reported.push(usage) }))).rejects.toThrow(/connect/i);
  expect(reported).toEqual([]);
});

test("settles when the signal aborts even if the provider ignores it", async () => {
  const abort = new AbortController();
  const deaf = {
    specificationVersion: "v4",
    provider: "deaf",
    modelId: "deaf",
    doGenerate: () => new Promise(() => {}),
  };
  const pending = generate(deaf as unknown as LanguageModelLike, asked({ signal: abort.signal }));
  abort.abort(new Error("enough"));
  await expect(pending).rejects.toThrow("enough");
});

test.each([
  ["more text", { type: "text-delta", id: "1", delta: " and more" }],
  ["another end", { type: "finish", finishReason: { unified: "length" }, usage: {} }],
  ["an error", { type: "error", error: new Error("late") }],
  ["nothing", undefined],
])(
  "takes an answer as whole once its stream has finished: %s after that changes nothing, and is not waited for",
  async (_, late) => {
    let cancelled = false;
    const count = (total: number) => ({ total });
    const usage = { inputTokens: count(5), outputTokens: count(2) };
    const parts = [
      { type: "text-delta", id: "1", delta: "yes" },
      { type: "finish", finishReason: { unified: "stop" }, usage },
      late,
    ];
    const stream = new ReadableStream({
      pull: (controller) => {
        const part = parts.shift();
        if (part) controller.enqueue(part);
        return part ? undefined : new Promise(() => {});
      },
      cancel: () => {
        cancelled = true;
      },
    });
    const model = { specificationVersion: "v4", provider: "p", modelId: "m", doStream: async () => ({ stream }) };
    const pieces: string[] = [];
    const answer = await generate(
      model as unknown as LanguageModelLike,
      asked({ onDelta: (text) => pieces.push(text) }),
    );
    expect(answer).toMatchObject({ text: "yes", finishReason: { unified: "stop" }, usage: { totalTokens: 7 } });
    expect(pieces).toEqual(["yes"]);
    expect(cancelled).toBe(true);
  },
);

test.each([
  ["an error", new Error("overloaded"), "overloaded"],
  ["a plain object", { message: "overloaded", code: "overloaded_error" }, "overloaded"],
  ["a text", "overloaded", "overloaded"],
])("leaves a stream that reports %s as its error, cancels it, and keeps the facts", async (_, reported, message) => {
  let cancelled: unknown;
  const stream = new ReadableStream({
    pull: (controller) => controller.enqueue({ type: "error", error: reported }),
    cancel: () => {
      cancelled = true;
    },
  });
  const model = {
    specificationVersion: "v4",
    provider: "p",
    modelId: "m",
    doGenerate: async () => ({}),
    doStream: async () => ({ stream }),
  };
  const failure = generate(model as LanguageModelLike, asked({ onDelta: () => {} }));
  await expect(failure).rejects.toThrow(message);
  await expect(failure).rejects.toBeInstanceOf(Error);
  if (typeof reported === "object" && "code" in reported)
    await expect(failure).rejects.toMatchObject({ code: reported.code });
  expect(cancelled).toBe(true);
});
