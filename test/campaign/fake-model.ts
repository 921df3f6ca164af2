import type { LanguageModelV4CallOptions, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import type { LanguageModelLike, Usage } from "../../src/index.ts";
import { generateResult, streamResult } from "../../src/testing/scripted-model.ts";
import { answerOf } from "./answers.ts";
import type { FakeProvider, OngoingCall } from "./fake-provider.ts";

export interface FakeModelFacts {
  readonly run: number;
  readonly tool: string;
  readonly modelId: string;
  readonly provider: string;
  readonly hasSchema: boolean;
  /** Its server can be asked for several answers at once. */
  readonly takesSamples: boolean;
  readonly isInner: boolean;
}

/** A language model whose calls the fake provider plans. */
export function fakeModel(facts: FakeModelFacts, provider: FakeProvider): LanguageModelLike {
  const { run, tool, modelId, hasSchema, takesSamples } = facts;
  const unnamed = { modelId, responseId: "" };

  function begin(options: LanguageModelV4CallOptions, asked = 1): OngoingCall {
    return provider.begin(
      {
        run,
        tool,
        model: modelId,
        provider: facts.provider,
        seed: options.seed,
        isModelCall: true,
        asksForCache: JSON.stringify(options.prompt).includes("cacheControl"),
        isInner: facts.isInner,
        allowedTokens: allowedTokens(options, asked),
        asked,
      },
      options.abortSignal as AbortSignal,
    );
  }

  function answered(call: OngoingCall, options: LanguageModelV4CallOptions) {
    const { text, data } = answerOf(call.plan, hasSchema);
    const usage = call.use(options.maxOutputTokens);
    call.answer(data);
    return { ...unnamed, text, usage };
  }

  /** Some servers give fewer answers than they are asked for; of those of a faulty call, one is faulty. */
  function severalAnswers(call: OngoingCall, options: LanguageModelV4CallOptions, asked: number) {
    const { fault, share, vote } = call.plan;
    const given = vote === 0 ? 1 : vote === 1 ? asked - 1 : asked;
    const faulty = Math.floor(share * given);
    const answers = Array.from({ length: given }, (_, at) =>
      answerOf({ ...call.plan, fault: at === faulty ? fault : null, vote: (vote + at) % 10 }, hasSchema),
    );
    const usage = call.use(options.maxOutputTokens, given);
    const [first, ...others] = answers as [ReturnType<typeof answerOf>, ...ReturnType<typeof answerOf>[]];
    call.answer(
      first.data,
      others.map(({ data }) => data),
    );
    const result = generateResult({ ...unnamed, text: first.text, usage });
    const choices = answers.map(({ text }) => ({ message: { content: text }, finish_reason: "stop" }));
    return { ...result, response: { ...result.response, body: { choices } } };
  }

  async function* parts(
    call: OngoingCall,
    options: LanguageModelV4CallOptions,
  ): AsyncGenerator<LanguageModelV4StreamPart> {
    const { fault, share } = call.plan;
    let deltasLeft = fault === "cut" ? Math.floor(share * 6) : Number.POSITIVE_INFINITY;
    for await (const part of streamResult({ ...answerOf(call.plan, hasSchema), ...unnamed, usage: undefined }).stream) {
      if (part.type === "text-delta") {
        if (deltasLeft-- <= 0) break;
        await call.wait(1 / 4);
      }
      yield part.type === "finish" ? { ...part, usage: resultOf(answered(call, options)).usage } : part;
    }
    if (call.failure) call.fail(call.failure);
  }

  return {
    specificationVersion: "v4",
    provider: facts.provider,
    modelId,
    source: "simulated",
    // Gives a request back, which shows what was asked for.
    ...(takesSamples && { config: { fetch: async (_: unknown, { body }: RequestInit) => new Response(body) } }),
    async doGenerate(this: { config?: { fetch: typeof fetch } }, options: LanguageModelV4CallOptions) {
      const request = { method: "POST", body: JSON.stringify({ messages: [] }) };
      const { n = 1 } = this.config ? ((await (await this.config.fetch("", request)).json()) as { n?: number }) : {};
      const call = begin(options, n);
      await call.wait();
      if (call.failure) call.fail(call.failure);
      return n > 1 ? severalAnswers(call, options, n) : resultOf(answered(call, options));
    },
    async doStream(options: LanguageModelV4CallOptions) {
      const call = begin(options);
      await call.wait(1 / 4);
      if (call.failure && call.plan.fault !== "cut") call.fail(call.failure);
      return { stream: ReadableStream.from(parts(call, options)) };
    },
  };
}

/** A whole answer, with the tokens that came out of a cache. */
function resultOf(answered: Parameters<typeof generateResult>[0] & { readonly usage: Usage | undefined }) {
  const result = generateResult(answered);
  const { inputTokens } = result.usage;
  return {
    ...result,
    usage: { ...result.usage, inputTokens: { ...inputTokens, cacheRead: answered.usage?.cachedInputTokens } },
  };
}

/** Bytes are more than tokens: of the prompt, of the schema that goes with it, and of as long answers as were asked for. */
function allowedTokens({ prompt, responseFormat, maxOutputTokens }: LanguageModelV4CallOptions, asked: number): number {
  const longestAnswer = 200;
  return (
    JSON.stringify([prompt, responseFormat, responseFormat]).length + 100 + asked * (maxOutputTokens ?? longestAnswer)
  );
}
