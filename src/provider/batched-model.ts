import { hash } from "node:crypto";
import type { Experimental_BatchV4, LanguageModelV4CallOptions, LanguageModelV4GenerateResult } from "@ai-sdk/provider";
import type { LanguageModelLike } from "../contract/model.ts";
import type { Clock } from "../core/clock.ts";
import type { BatchSettings } from "./batch-client.ts";
import { BatchJournal } from "./batch-journal.ts";
import { BatchQueue } from "./batch-queue.ts";
import { metadataOf, placeTokens } from "./log-probabilities.ts";
import { streamOf } from "./recorded.ts";

/** Provider whose requests can be sent in batches, as the AI SDK's packages have it. */
export interface BatchProvider {
  experimental_batch(): Experimental_BatchV4;
}

/** Settings of batches that a job gives. */
export interface BatchAccess extends Partial<Pick<BatchSettings, "onNews" | "onWait" | "onLate" | "maxWaitMs">> {
  /** File that names the batches that were sent. Default: none, and they are lost with the process. */
  readonly journalPath?: string | undefined;
  /** Forgets the batches whose answers have come. */
  readonly forgetsEnded?: boolean | undefined;
}

/**
 * Returns a model whose calls are gathered, and sent to the provider's batch API: for half the price, within a day.
 *
 * @param model of the same provider, asked at once
 */
export function batchedModel(
  model: LanguageModelLike,
  provider: BatchProvider,
  clock: Clock,
  { journalPath, forgetsEnded, ...access }: BatchAccess = {},
): LanguageModelLike {
  const api = provider.experimental_batch();
  const journal = new BatchJournal(journalPath);
  if (forgetsEnded) journal.forgetEnded();
  const { modelId } = model;
  const queue = new BatchQueue({ api, modelId, journal, clock, ...access });
  const answer = async ({ abortSignal, ...asked }: LanguageModelV4CallOptions) => {
    const key = hash("sha256", JSON.stringify([api.provider, modelId, asked], bytesAsText)).slice(0, 32);
    return withTokens(await queue.ask(key, asked, abortSignal));
  };
  // The address tells servers apart. Without a fetch, nothing wraps the request of a single call.
  const { baseURL, url, headers } = (model as { config?: Record<string, unknown> }).config ?? {};
  const config = { baseURL, url, headers };
  return Object.assign(
    {
      specificationVersion: "v4" as const,
      provider: api.provider,
      modelId,
      doGenerate: answer,
      doStream: async (options: LanguageModelV4CallOptions) => streamOf(await answer(options)),
    },
    { config },
  );
}

function bytesAsText(_: string, value: unknown): unknown {
  return ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")
    : value;
}

/** Hands on OpenAI's log-probabilities: the answer of a batch has no body of its own to read them from. */
function withTokens(result: LanguageModelV4GenerateResult): LanguageModelV4GenerateResult {
  const told = result.providerMetadata?.["openai"]?.["logprobs"];
  if (!Array.isArray(told)) return result;
  const tokens = told.flat().map(({ token, logprob }: any) => ({ text: String(token), logprob: Number(logprob) }));
  const text = result.content.map((part) => (part.type === "text" ? part.text : "")).join("");
  const placed = placeTokens(tokens, text)?.map(({ start, end, logprob }) => [start, end, logprob] as const);
  return { ...result, providerMetadata: { ...result.providerMetadata, ...metadataOf(placed).providerMetadata } };
}
