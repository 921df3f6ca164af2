import type { EmbeddingModelV4 } from "@ai-sdk/provider";

/** A text as the model sees it. */
export type Vector = readonly number[];

/** Texts whose vectors are kept, at most; the oldest go first. */
const keptVectors = 10_000;

interface Waiting {
  readonly text: string;
  resolve(vector: Vector): void;
  reject(error: unknown): void;
}

/**
 * Job: embed texts with as few calls as the model allows.
 * Boundary: knows no distance.
 * Invariants:
 * 1. A text is in flight once at most, and asked for again only after it failed or was pushed out.
 * 2. No call holds more texts than the model takes.
 */
export class BatchingEmbedder {
  readonly #model: EmbeddingModelV4;
  readonly #vectors = new Map<string, Promise<Vector>>();
  #waiting: Waiting[] = [];

  constructor(model: EmbeddingModelV4) {
    this.#model = model;
  }

  embed(text: string): Promise<Vector> {
    const known = this.#vectors.get(text);
    if (known) return known;
    const vector = new Promise<Vector>((resolve, reject) => {
      if (this.#waiting.length === 0) queueMicrotask(() => void this.#flush());
      this.#waiting.push({ text, resolve, reject });
    });
    this.#vectors.set(text, vector);
    vector.catch(() => this.#vectors.delete(text));
    if (this.#vectors.size > keptVectors) this.#vectors.delete(this.#vectors.keys().next().value as string);
    return vector;
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      const perCall = (await this.#model.maxEmbeddingsPerCall) ?? waiting.length;
      for (let start = 0; start < waiting.length; start += perCall)
        await this.#call(waiting.slice(start, start + perCall));
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }

  async #call(batch: readonly Waiting[]): Promise<void> {
    const { embeddings } = await this.#model.doEmbed({ values: batch.map(({ text }) => text) });
    if (embeddings.length !== batch.length)
      throw new Error(`${this.#model.modelId} gave ${embeddings.length} embeddings for ${batch.length} texts`);
    for (const [index, { resolve }] of batch.entries()) resolve(embeddings[index] as Vector);
  }
}

/** 0 where a vector has no length. */
export function cosine(a: Vector, b: Vector): number {
  let [product, squaresOfA, squaresOfB] = [0, 0, 0];
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    product += value * other;
    squaresOfA += value * value;
    squaresOfB += other * other;
  }
  const lengths = Math.sqrt(squaresOfA * squaresOfB);
  return lengths === 0 ? 0 : product / lengths;
}
