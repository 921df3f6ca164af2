import type { LanguageModelV4CallOptions, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import type { LanguageModelLike } from "../../src/index.ts";
import { generateResult, streamResult } from "../../src/testing/scripted-model.ts";
import { answerOf } from "./answers.ts";
import type { FakeProvider, OngoingCall } from "./fake-provider.ts";

export interface FakeModelFacts {
  readonly run: number;
  readonly tool: string;
  readonly modelId: string;
  readonly provider: string;
  readonly hasSchema: boolean;
  readonly isInner: boolean;
}

/** A language model whose calls the fake provider plans. */
export function fakeModel(facts: FakeModelFacts, provider: FakeProvider): LanguageModelLike {
  const { run, tool, modelId, hasSchema } = facts;
  const unnamed = { modelId, responseId: "" };

  function begin(options: LanguageModelV4CallOptions): OngoingCall {
    return provider.begin(
      {
        run,
        tool,
        model: modelId,
        provider: facts.provider,
        seed: options.seed,
        isModelCall: true,
        isInner: facts.isInner,
        allowedTokens: allowedTokens(options),
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
      yield part.type === "finish" ? { ...part, usage: generateResult(answered(call, options)).usage } : part;
    }
    if (call.failure) call.fail(call.failure);
  }

  return {
    specificationVersion: "v4",
    provider: facts.provider,
    modelId,
    source: "simulated",
    async doGenerate(options: LanguageModelV4CallOptions) {
      const call = begin(options);
      await call.wait();
      if (call.failure) call.fail(call.failure);
      return generateResult(answered(call, options));
    },
    async doStream(options: LanguageModelV4CallOptions) {
      const call = begin(options);
      await call.wait(1 / 4);
      if (call.failure && call.plan.fault !== "cut") call.fail(call.failure);
      return { stream: ReadableStream.from(parts(call, options)) };
    },
  };
}

/** Bytes are more than tokens: of the prompt, of the schema that goes with it, and of as long an answer as was asked for. */
function allowedTokens({ prompt, responseFormat, maxOutputTokens }: LanguageModelV4CallOptions): number {
  const longestAnswer = 200;
  return JSON.stringify([prompt, responseFormat, responseFormat]).length + 100 + (maxOutputTokens ?? longestAnswer);
}
