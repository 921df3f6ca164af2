import { createOpenAI } from "@ai-sdk/openai";
import { describe, expect, test } from "vitest";
import { type EmbeddingModelLike, embeddingSimilarity } from "../../src/provider/embedding.ts";
import { startOpenAIServer } from "../support/openai-server.ts";

/** A model that remembers its calls. Its vectors point into the direction that the text names in degrees. */
function compassModel(options: { maxEmbeddingsPerCall?: number; fails?: () => boolean } = {}) {
  const calls: string[][] = [];
  const model: EmbeddingModelLike = {
    specificationVersion: "v4",
    provider: "compass",
    modelId: "compass",
    maxEmbeddingsPerCall: options.maxEmbeddingsPerCall,
    async doEmbed({ values }: { values: string[] }) {
      calls.push(values);
      if (options.fails?.()) throw new Error("no embeddings today");
      const embeddings = values.map((degrees) => [
        Math.cos((+degrees * Math.PI) / 180),
        Math.sin((+degrees * Math.PI) / 180),
      ]);
      return { embeddings, warnings: [] };
    },
  };
  return { model, calls };
}

describe("embeddingSimilarity", () => {
  test("is the cosine of two embeddings, and 0 where they point apart", async () => {
    const similarity = embeddingSimilarity(compassModel().model);
    expect(await similarity("10", "10")).toBeCloseTo(1);
    expect(await similarity("0", "60")).toBeCloseTo(0.5);
    expect(await similarity("60", "0")).toBeCloseTo(0.5);
    expect(await similarity("0", "180")).toBe(0);
  });

  test("embeds every text once, those of one turn together", async () => {
    const { model, calls } = compassModel();
    const similarity = embeddingSimilarity(model);
    await Promise.all([similarity("1", "2"), similarity("2", "3"), similarity("1", "3")]);
    await similarity("3", "4");
    expect(calls).toEqual([["1", "2", "3"], ["4"]]);
  });

  test("sends no more texts in a call than the model takes", async () => {
    const { model, calls } = compassModel({ maxEmbeddingsPerCall: 2 });
    const similarity = embeddingSimilarity(model);
    await Promise.all([similarity("1", "2"), similarity("3", "4"), similarity("5", "5")]);
    expect(calls).toEqual([["1", "2"], ["3", "4"], ["5"]]);
  });

  test("passes a failure on, and asks again the next time", async () => {
    let fails = true;
    const { model } = compassModel({ fails: () => fails });
    const similarity = embeddingSimilarity(model);
    await expect(similarity("0", "60")).rejects.toThrow("no embeddings today");
    fails = false;
    expect(await similarity("0", "60")).toBeCloseTo(0.5);
  });

  test("works with the embedding models of a real provider package", async () => {
    await using server = await startOpenAIServer({ text: "" });
    const similarity = embeddingSimilarity(createOpenAI({ baseURL: server.baseURL, apiKey: "k" }).embedding("letters"));
    expect(await similarity("listen", "silent")).toBeCloseTo(1);
    expect(await similarity("abc", "xyz")).toBe(0);
    expect(server.calls).toHaveLength(2);
  });
});
