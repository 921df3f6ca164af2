import { describe, expect, test } from "vitest";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import { pairwiseDistance } from "../../src/evidence/distance.ts";
import { resolveSimilarity } from "../../src/evidence/resolve-similarity.ts";
import { createStoppingRule } from "../../src/evidence/stopping.ts";
import { summarize } from "../../src/evidence/summary.ts";
import { replicatesOf } from "./support/replicates.ts";

const synonyms = new Set(["big large", "huge large", "big huge"]);
const isAlike = (a: string, b: string) => (synonyms.has([a, b].sort().join(" ")) ? 0.9 : 0);

/** A judge that has to be awaited, and notes what it was asked. */
function asyncJudge() {
  const asked: string[] = [];
  const similarity = async (a: string, b: string) => {
    asked.push([a, b].sort().join(" "));
    await Promise.resolve();
    return isAlike(a, b);
  };
  return { asked, similarity };
}

const words = ["big", "large", "small", "huge", "big"];

describe("a similarity of the caller's", () => {
  test("decides which texts are one answer, and how far apart they are", () => {
    const compare = { text: true, similarity: isAlike };
    const summary = summarize(replicatesOf(words), compare);
    expect(summary.fields[""]?.distribution.map(({ support }) => support)).toEqual([4, 1]);
    expect(pairwiseDistance(words, compare)[0]?.[1]).toBeCloseTo(0.1, 12);
  });

  test("is kept within [0, 1], and refused where it is no number", () => {
    const compare = (value: number) => ({ text: true, similarity: () => value });
    expect(pairwiseDistance(["a", "b"], compare(1.0000001))[0]?.[1]).toBe(0);
    expect(pairwiseDistance(["a", "b"], compare(-0.2))[0]?.[1]).toBe(1);
    expect(() => pairwiseDistance(["a", "b"], compare(Number.NaN))).toThrow("not NaN");
  });

  test.each([undefined, null, "1", Promise.resolve(undefined), Promise.resolve("1"), Promise.resolve(Number.NaN)])(
    "is asked once and refused where it has to be awaited, or may be, and gives no number (%o)",
    async (value) => {
      const asked: string[] = [];
      const similarity = (a: string) => {
        if (asked.push(a) > 9) throw new Error("asked again and again");
        return value as Promise<number>;
      };
      await expect(resolveSimilarity(["a", "b"], { text: true, similarity })).rejects.toThrow(
        `a function that gives a number from 0 to 1, not ${String(await value)}`,
      );
      expect(asked).toHaveLength(1);
    },
  );

  test("is refused with advice where it has to be awaited and was not", () => {
    const compare = { text: true, similarity: asyncJudge().similarity };
    const rule = createStoppingRule({ k: 3, compare });
    rule.observe("big");
    for (const use of [
      () => summarize(replicatesOf(words), compare),
      () => pairwiseDistance(words, compare),
      () => rule.observe("large"),
    ]) {
      expect(use).toThrow(InvalidOptionsError);
      expect(use).toThrow("await resolveSimilarity");
    }
  });
});

describe("resolveSimilarity", () => {
  test("awaits each pair of different texts once, and gives the same summary as one that answers at once", async () => {
    const { asked, similarity } = asyncJudge();
    const compare = await resolveSimilarity(words, { text: true, similarity });
    expect(asked).toHaveLength(6);
    expect(new Set(asked).size).toBe(6);
    const [resolved, immediate] = [compare, { text: true, similarity: isAlike }].map((options) => ({
      ...summarize(replicatesOf(words), options),
    }));
    expect(resolved).toEqual(immediate);
    expect(createStoppingRule({ k: 9, compare }).observe("big").stop).toBe(false);
    expect(asked).toHaveLength(6);
  });

  test("finds the texts of any field, and of lists that are aligned by it", async () => {
    const { asked, similarity } = asyncJudge();
    const values = [
      { note: "big", tags: ["huge", "small"] },
      { note: "large", tags: ["small", "large"] },
    ];
    const byPath = {
      "/note": { text: true, similarity },
      "/tags": { text: true, similarity, lists: "align" },
    } as const;
    const compare = await resolveSimilarity(values, { byPath });
    expect(asked).toContain("big large");
    expect(asked).toContain("huge large");
    expect(summarize(replicatesOf(values), compare).disagreements).toEqual([]);
  });

  test("rejects with what the similarity rejects with", async () => {
    const similarity = () => Promise.reject(new Error("no embeddings today"));
    await expect(resolveSimilarity(words, { text: true, similarity })).rejects.toThrow("no embeddings today");
  });

  test("says so where texts are compared that it was not given", async () => {
    const compare = await resolveSimilarity(["big", "large"], { text: true, similarity: asyncJudge().similarity });
    expect(() => pairwiseDistance(["big", "tiny"], compare)).toThrow("call it again with all values");
  });

  test("leaves options without such a function as they are", async () => {
    const compare = { text: true, similarity: isAlike, weights: { "/a": 2 } };
    const resolved = await resolveSimilarity(words, compare);
    expect(pairwiseDistance([...words, "enormous"], resolved)).toEqual(
      pairwiseDistance([...words, "enormous"], compare),
    );
    expect(await resolveSimilarity(words)).toEqual({});
  });
});
