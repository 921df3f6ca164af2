import { appendFile } from "node:fs/promises";
import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from "@ai-sdk/provider";
import type { LanguageModelLike } from "../contract/model.ts";
import type { JSONSchema } from "../core/json.ts";
import { isCutOff } from "./language-model.ts";
import { sampleIndexOf, toUsage, withoutUndefined } from "./model-call.ts";
import { promptKey, type RecordedAnswer, userText } from "./recorded.ts";
import { askForSchema, type OwnModel } from "./response-format.ts";

/** What an answer turned out to be, whole or at the end of its stream. */
interface Outcome {
  text: string;
  finishReason: string;
  usage: LanguageModelV4Usage | undefined;
}

/**
 * A model that answers as another one does, and appends each whole answer to a file that `recorded:<file>` replays. An
 * answer is written before it is given back.
 *
 * @example
 * ```ts
 * const record = (live: LanguageModelLike) => recordingModel(live, "answers.jsonl");
 * ```
 */
export function recordingModel(live: LanguageModelLike, file: string): OwnModel {
  const model = live as LanguageModelV4;
  const keep = async (options: LanguageModelV4CallOptions, outcome: Outcome) => {
    if (!isCutOff(outcome.finishReason)) await appendFile(file, `${JSON.stringify(toLine(model, options, outcome))}\n`);
  };
  return {
    specificationVersion: live.specificationVersion,
    provider: live.provider,
    modelId: live.modelId,
    source: live.source,
    takesAnySchema: true,
    async doGenerate(options: LanguageModelV4CallOptions) {
      const result = await model.doGenerate(asLiveTakesIt(model, options));
      const text = result.content.map((part) => (part.type === "text" ? part.text : "")).join("");
      const { usage, finishReason } = result;
      await keep(options, { text: result.structuredOutputText ?? text, usage, finishReason: finishReason.unified });
      return result;
    },
    async doStream(options: LanguageModelV4CallOptions) {
      const result = await model.doStream(asLiveTakesIt(model, options));
      return { ...result, stream: result.stream.pipeThrough(observer((outcome) => keep(options, outcome))) };
    },
  };
}

/** The prompt was made for a model that reads any schema; the live one may not. */
function asLiveTakesIt(model: LanguageModelV4, options: LanguageModelV4CallOptions): LanguageModelV4CallOptions {
  const { responseFormat, ...others } = options;
  if (responseFormat?.type !== "json") return options;
  const { messages, ...asked } = askForSchema(
    model,
    options.prompt,
    responseFormat.schema as JSONSchema,
    options.providerOptions,
  );
  return withoutUndefined({ ...others, ...asked, prompt: messages }) as LanguageModelV4CallOptions;
}

/** Lets a stream through, and tells of it once it has finished; of one that breaks off it says nothing. */
function observer(onFinish: (outcome: Outcome) => Promise<void>) {
  let text = "";
  return new TransformStream<LanguageModelV4StreamPart, LanguageModelV4StreamPart>({
    async transform(part, controller) {
      if (part.type === "text-delta") text += part.delta;
      if (part.type === "finish") {
        await onFinish({ text, usage: part.usage, finishReason: part.finishReason.unified });
      }
      controller.enqueue(part);
    },
  });
}

function toLine(model: LanguageModelV4, options: LanguageModelV4CallOptions, outcome: Outcome): RecordedAnswer {
  const line: { [Field in keyof RecordedAnswer]: RecordedAnswer[Field] | undefined } = {
    question: userText(options),
    key: promptKey(options),
    index: sampleIndexOf(options),
    text: outcome.text,
    model: model.modelId,
    provider: model.provider,
    seed: options.seed,
    finishReason: outcome.finishReason,
    usage: toUsage(outcome.usage),
  };
  return line as RecordedAnswer;
}
