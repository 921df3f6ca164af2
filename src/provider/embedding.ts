import type { EmbeddingModelV4 } from "@ai-sdk/provider";
import { lazily } from "../core/lazily.ts";

/** Parts of the AI SDK's `EmbeddingModelV3` and `EmbeddingModelV4` that we call, by structure. */
export interface EmbeddingModelLike {
  readonly specificationVersion: "v3" | "v4";
  readonly provider: string;
  readonly modelId: string;
  readonly maxEmbeddingsPerCall: PromiseLike<number | undefined> | number | undefined;
  /** Embeds texts, by the AI SDK's specification. */
  doEmbed(options: any): PromiseLike<any>;
}

/**
 * Similarity of two texts by the cosine of their embeddings, for `compare.similarity`. Vectors are kept, and texts that are
 * asked for together share calls. Cosines below 0 count as 0.
 *
 * @returns a function of two texts that gives a number from 0 to 1; it rejects with what the provider threw
 *
 * @example
 * ```ts
 * const similarTo = (model: EmbeddingModelLike) => ({ compare: { text: true, similarity: embeddingSimilarity(model) } });
 * ```
 */
export function embeddingSimilarity(model: EmbeddingModelLike): (a: string, b: string) => Promise<number> {
  const loadEmbedder = lazily(async () => {
    const { BatchingEmbedder, cosine } = await import("./batching-embedder.ts");
    return { embedder: new BatchingEmbedder(model as unknown as EmbeddingModelV4), cosine };
  });
  return async (a, b) => {
    const { embedder, cosine } = await loadEmbedder();
    const [first, second] = await Promise.all([embedder.embed(a), embedder.embed(b)]);
    return Math.min(1, Math.max(0, cosine(first, second)));
  };
}
