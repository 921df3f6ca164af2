import { appendFile } from "node:fs/promises";
import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from "@ai-sdk/provider";
import type { LanguageModelLike } from "../contract/model.ts";
import type { JSONSchema } from "../core/json.ts";
import { placeTokens, type WrittenToken } from "./log-probabilities.ts";
import { sampleIndexOf, withoutUndefined } from "./model-call.ts";
import { promptKey, type RecordedAnswer, userText } from "./recorded.ts";
import { askForSchema, type OwnModel } from "./response-format.ts";
import { laterUsage, type ReportedUsage, readPackageUsage, readUsage } from "./usage.ts";
import { judge, type Verdict } from "./verdict.ts";
import { readWire, type Said } from "./wire.ts";

/** An answer as its server and its package told it, whole or at the end of its stream. */
interface Outcome {
  text: string;
  isWhole: boolean;
  finishReason: LanguageModelV4FinishReason;
  said: Pick<Said, "protocol" | "words" | "isRefused" | "error"> | undefined;
  usage: ReportedUsage | undefined;
  tokens: WrittenToken[];
}

/**
 * Model that answers as another one does, and appends each complete answer to a file that `recorded:<file>` replays. An answer is
 * written before it is given back. One that was cut off, refused or given up on is not kept.
 *
 * @example
 * ```ts
 * const record = (live: LanguageModelLike) => recordingModel(live, "answers.jsonl");
 * ```
 */
export function recordingModel(live: LanguageModelLike, file: string): OwnModel {
  const model = live as LanguageModelV4;
  const keep = async (options: LanguageModelV4CallOptions, outcome: Outcome) => {
    const verdict = verdictOn(model, outcome);
    if (verdict && !verdict.isCutOff)
      await appendFile(file, `${JSON.stringify(toLine(model, options, outcome, verdict))}\n`);
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
      const said = readWire(result.response?.body);
      await keep(options, {
        text: result.structuredOutputText ?? text,
        isWhole: true,
        finishReason: result.finishReason,
        said,
        usage: usageOf(said, result.usage),
        tokens: [...(said?.tokens ?? [])],
      });
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

function usageOf(said: Said | undefined, ofPackage: LanguageModelV4Usage | undefined): ReportedUsage | undefined {
  return said?.usage ? readUsage(said.usage) : readPackageUsage(ofPackage);
}

/** The verdict of the table by which a live answer votes; `undefined` for an answer that does not. */
function verdictOn(model: LanguageModelV4, { said, finishReason, isWhole, text }: Outcome): Verdict | undefined {
  if (said?.error !== undefined) return undefined;
  const end = {
    protocol: said?.protocol,
    words: said?.words ?? [],
    isRefused: said?.isRefused ?? false,
    ...finishReason,
    isWhole,
  };
  try {
    return judge(model, end, text.length);
  } catch {
    return undefined;
  }
}

/** Lets a stream through, and tells of its answer once that has ended; of one that breaks off it says nothing. */
function observer(onEnd: (outcome: Outcome) => Promise<void>) {
  const outcome: Outcome = {
    text: "",
    isWhole: false,
    finishReason: { unified: "interrupted", raw: undefined },
    said: undefined,
    usage: undefined,
    tokens: [],
  };
  let isKept = false;
  const end = async () => {
    const hasEnded = outcome.finishReason.unified !== "interrupted" || (outcome.said?.words.length ?? 0) > 0;
    if (!isKept && hasEnded) {
      isKept = true;
      await onEnd(outcome);
    }
  };
  return new TransformStream<LanguageModelV4StreamPart, LanguageModelV4StreamPart>({
    async transform(part, controller) {
      if (part.type === "text-delta") outcome.text += part.delta;
      if (part.type === "raw") hear(outcome, readWire(part.rawValue));
      if (part.type === "finish") {
        outcome.finishReason = part.finishReason;
        outcome.usage ??= readPackageUsage(part.usage);
        await end();
      }
      controller.enqueue(part);
    },
    // The reader leaves a stream that stays open after the end of its answer.
    cancel: end,
  });
}

function hear(outcome: Outcome, said: Said | undefined): void {
  if (!said) return;
  const before = outcome.said;
  outcome.tokens.push(...said.tokens);
  outcome.said = {
    protocol: said.protocol ?? before?.protocol,
    words: said.words.length > 0 ? said.words : (before?.words ?? []),
    isRefused: said.isRefused || (before?.isRefused ?? false),
    // After its end, an answer has no error any more.
    error: before && before.words.length > 0 ? before.error : (before?.error ?? said.error),
  };
  if (said.usage) outcome.usage = laterUsage(outcome.usage, readUsage(said.usage));
}

function toLine(
  model: LanguageModelV4,
  options: LanguageModelV4CallOptions,
  outcome: Outcome,
  { finishReason }: Verdict,
): RecordedAnswer {
  const { totalTokens: _, ...usage } = outcome.usage ?? {};
  const tokens = placeTokens(outcome.tokens, outcome.text)?.map(({ start, end, logprob }) => [start, end, logprob]);
  const line: { [Field in keyof RecordedAnswer]: RecordedAnswer[Field] | undefined } = {
    question: userText(options),
    key: promptKey(options),
    index: sampleIndexOf(options),
    text: outcome.text,
    model: model.modelId,
    provider: model.provider,
    seed: options.seed,
    finishReason: finishReason.unified,
    usage: outcome.usage && usage,
    tokens: tokens as RecordedAnswer["tokens"],
  };
  return line as RecordedAnswer;
}
