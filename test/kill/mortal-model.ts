import type { LanguageModelV4, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import type { Pass } from "./death.ts";

/** The model, with the points in and after its answers at which the process can die. */
export function mortalModel(model: LanguageModelV4, pass: Pass): LanguageModelV4 {
  return {
    specificationVersion: model.specificationVersion,
    provider: model.provider,
    modelId: model.modelId,
    supportedUrls: model.supportedUrls,
    async doGenerate(options) {
      const answer = await model.doGenerate(options);
      pass("after call");
      return answer;
    },
    async doStream(options) {
      const { stream, ...rest } = await model.doStream(options);
      return { ...rest, stream: stream.pipeThrough(mortalParts(pass)) };
    },
  };
}

function mortalParts(pass: Pass): TransformStream<LanguageModelV4StreamPart, LanguageModelV4StreamPart> {
  return new TransformStream({
    transform(part, controller) {
      controller.enqueue(part);
      if (part.type === "text-delta") pass("mid-stream");
    },
  });
}

/** The same for a model of a provider package, which shows how it asks as that one does. */
export function mortalInside<M extends object>(model: M, pass: Pass): M {
  const { doGenerate } = model as unknown as LanguageModelV4;
  return Object.create(model, {
    doGenerate: {
      async value(this: LanguageModelV4, options: Parameters<LanguageModelV4["doGenerate"]>[0]) {
        const answer = await doGenerate.call(this, options);
        pass("after call");
        return answer;
      },
    },
  }) as M;
}
