import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { TextProfile } from "../../src/evidence/internal/text/text-profile.ts";
import { clusterTexts, normalizeText, textSimilarity } from "../../src/evidence/text.ts";
import { plainClusters, plainEdits, plainTextSimilarity } from "./support/plain-texts.ts";
import { edited, writtenText } from "./support/written-texts.ts";

/** Texts that repeat, contain and misspell each other, as answers do; and anything else. */
const answer = fc.oneof(
  fc
    .array(fc.constantFrom("paris", "pariss", "lyon", "not", "the", "France", "5", "mg", "50"), { maxLength: 6 })
    .map((words) => words.join(" ")),
  fc.string({ unit: "binary", maxLength: 50 }),
);

/** Merges the two most alike clusters again and again, looking at every pair each time. */
function naiveClusters(texts: readonly string[], similarity: (a: string, b: string) => number): string[] {
  let clusters = texts.map((text) => [text]);
  const average = (a: string[], b: string[]) =>
    a.flatMap((x) => b.map((y) => similarity(x, y))).reduce((sum, each) => sum + each, 0) / (a.length * b.length);
  for (;;) {
    let [best, left, right] = [0.5, -1, -1];
    for (const [i, a] of clusters.entries()) {
      for (const [j, b] of clusters.slice(0, i).entries())
        if (average(a, b) >= best) [best, left, right] = [average(a, b), j, i];
    }
    if (left < 0) return clusters.map((cluster) => cluster.sort().join("|")).sort();
    const merged = [...clusters[left]!, ...clusters[right]!];
    clusters = [...clusters.filter((_, at) => at !== left && at !== right), merged];
  }
}

describe("normalizeText", () => {
  test.each([
    ["  The Moon. ", "moon"],
    ["ﬁne  Ｐａｒｉｓ", "fine paris"],
    ["It isn't; it can't; they cannot", "it is not it ca not they can not"],
    ["1,234.50 at -5 or 10-11", "1234.50 at -5 or 10 11"],
    ["C++ and C#", "c++ and c#"],
    ["Vitamin A", "vitamin a"],
    ["東京タワー", "東 京 タ ワ ー"],
    [" ?! ", "?!"],
    ["", ""],
  ])("turns %j into %j", (given, wanted) => {
    expect(normalizeText(given)).toBe(wanted);
  });

  test("leaves a normalised text as it is", () => {
    const words = fc.array(fc.constantFrom("paris", "not", "5", "-5", "1.5", "c++", "東"), { minLength: 1 });
    fc.assert(
      fc.property(words, (each) => {
        const text = normalizeText(each.join(" "));
        expect(normalizeText(text)).toBe(text);
      }),
    );
  });
});

describe("textSimilarity", () => {
  test("lies in [0, 1], is symmetric, and 1 for equal texts", () => {
    fc.assert(
      fc.property(answer, answer, (a, b) => {
        const similarity = textSimilarity(a, b);
        expect(similarity).toBeGreaterThanOrEqual(0);
        expect(similarity).toBeLessThanOrEqual(1);
        expect(textSimilarity(b, a)).toBe(similarity);
        expect(textSimilarity(a, a)).toBe(1);
      }),
    );
  });

  test("counts the edits of short texts of one word", () => {
    const word = fc.string({ unit: fc.constantFrom("x", "y", "z", "é"), minLength: 1, maxLength: 32 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(textSimilarity(a, b)).toBeCloseTo(1 - plainEdits(a, b) / Math.max(a.length, b.length), 12);
      }),
    );
  });

  test("is what its formula says", () => {
    fc.assert(
      fc.property(answer, answer, (a, b) => {
        expect(textSimilarity(a, b)).toBe(plainTextSimilarity(a, b));
      }),
      { numRuns: 1_000 },
    );
  });

  test("finds a text within a longer one equal", () => {
    expect(textSimilarity("Paris", "It is Paris, the capital of France")).toBe(1);
    expect(textSimilarity("art", "party")).toBeLessThan(1);
  });

  test.each([
    ["guilty", "not guilty"],
    ["it works", "it doesn't work"],
    ["5 mg", "50 mg"],
    ["5", "-5"],
    ["1912", "1921"],
    ["Apollo", "Apollo 13"],
  ])("holds %j and %j to be different", (a, b) => {
    expect(textSimilarity(a, b)).toBe(0);
  });

  test("counts the words of long texts, in any order", () => {
    const long = "the connection pool ran out of connections";
    expect(textSimilarity(long, "out of connections ran the connection pool")).toBe(1);
    expect(textSimilarity(long, "the connection pool ran out of memory and time")).toBeCloseTo(5 / 8, 12);
  });
});

describe("textSimilarity of texts over 16,384 characters", () => {
  const text = writtenText(40_000, seededRandom(1));

  test("is 1 for equal ones, and for those that differ in case and punctuation", () => {
    expect(textSimilarity(text, text)).toBe(1);
    expect(textSimilarity(text, `${text.toUpperCase()}.`)).toBe(1);
    expect(clusterTexts([text, text, `${text}!`]).clusters).toEqual([[0, 1, 2]]);
  });

  test("is more than one half where few words differ, and less for other texts", () => {
    expect(textSimilarity(text, edited(text, 0.05, seededRandom(2)))).toBeGreaterThan(0.5);
    expect(textSimilarity(text, writtenText(40_000, seededRandom(3)))).toBeLessThan(0.5);
  });

  test("goes on where the words stop to be compared", () => {
    const [below, above] = [text.slice(0, 16_384), text.slice(0, 16_600)];
    expect(textSimilarity(below, above)).toBeGreaterThan(0.9);
    expect(textSimilarity(above, below)).toBe(textSimilarity(below, above));
  });

  test("hears of passages, no longer of words in any order", () => {
    const reversed = (length: number) => {
      const words = text.slice(0, length).split(" ");
      return textSimilarity(words.join(" "), words.reverse().join(" "));
    };
    expect(reversed(16_384)).toBe(1);
    expect(reversed(16_385)).toBeLessThan(0.5);
  });

  test("reads no more of a long text than of one twenty times shorter", () => {
    const sizes = [50_000, 1_000_000].map((length) => {
      const profile = new TextProfile("word ".repeat(length / 5));
      const { sketch } = profile;
      return {
        words: profile.words.length,
        sketch: sketch.length,
        isMadeOnce: sketch === profile.sketch,
      };
    });
    expect(sizes).toEqual(new Array(2).fill({ words: 0, sketch: 256, isMadeOnce: true }));
  });
});

describe("clusterTexts", () => {
  test("finds what a full matrix of plain similarities gives", () => {
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 14 }), (texts) => {
        const { clusters, score } = clusterTexts(texts);
        const plain = plainClusters(texts);
        const shown = (found: number[][]) => found.map((members) => members.join()).sort();
        expect(shown(clusters)).toEqual(shown(plain.clusters));
        expect(clusters.map(({ length }) => length)).toEqual(plain.clusters.map(({ length }) => length));
        expect(score).toBeCloseTo(plain.score, 12);
      }),
      { numRuns: 500 },
    );
  });

  test("puts every text into one cluster, equal ones into the same, the largest cluster first", () => {
    fc.assert(
      fc.property(fc.array(answer, { minLength: 1, maxLength: 12 }), (texts) => {
        const { clusters, medoid, score } = clusterTexts(texts);
        expect(clusters.flat().sort((a, b) => a - b)).toEqual(texts.map((_, index) => index));
        const sizes = clusters.map(({ length }) => length);
        expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
        for (const cluster of clusters) expect(cluster).toEqual(cluster.toSorted((a, b) => a - b));
        const home = new Map(
          clusters.flatMap((cluster, at) => cluster.map((index) => [normalizeText(texts[index]!), at])),
        );
        for (const [at, cluster] of clusters.entries()) {
          for (const index of cluster) expect(home.get(normalizeText(texts[index]!))).toBe(at);
        }
        expect(clusters[0]).toContain(medoid);
        expect(score).toBeGreaterThan(0);
        expect(score).toBeLessThanOrEqual(1 + 1e-12);
      }),
    );
  });

  test("finds the same clusters and score in any order of the texts", () => {
    const shuffled = fc
      .array(answer, { minLength: 1, maxLength: 10 })
      .chain((texts) => fc.tuple(fc.constant(texts), fc.shuffledSubarray(texts, { minLength: texts.length })));
    fc.assert(
      fc.property(shuffled, ([texts, others]) => {
        const shown = (given: readonly string[]) => {
          const { clusters, score } = clusterTexts(given);
          return {
            score,
            clusters: clusters
              .map((cluster) =>
                cluster
                  .map((at) => given[at])
                  .sort()
                  .join("|"),
              )
              .sort(),
          };
        };
        expect(shown(others)).toEqual(shown(texts));
      }),
    );
  });

  test("merges as average link does that looks at every pair each time", () => {
    // Distinct powers make all averages differ, so that no tie leaves a choice.
    const similarities = fc.uniqueArray(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 15, maxLength: 15 });
    fc.assert(
      fc.property(similarities, fc.array(fc.nat(5), { minLength: 1, maxLength: 12 }), (values, picks) => {
        const names = ["u", "v", "w", "x", "y", "z"];
        const similarity = (a: string, b: string) => {
          const [low, high] = [a, b].map((name) => names.indexOf(name)).sort() as [number, number];
          const value = values[(high * (high - 1)) / 2 + low]! / 1_000_000;
          return low === high ? 1 : value >= 0.5 ? value : 0;
        };
        const texts = picks.map((pick) => names[pick]!);
        const { clusters } = clusterTexts(texts, similarity);
        const found = clusters
          .map((cluster) =>
            cluster
              .map((at) => texts[at])
              .sort()
              .join("|"),
          )
          .sort();
        expect(found).toEqual(naiveClusters(texts, similarity));
      }),
    );
  });

  test("gives the most usual wording of the largest cluster as its medoid", () => {
    const texts = ["Lyon", "Paris in France", "paris", "Paris!", "Lyon"];
    expect(clusterTexts(texts)).toMatchObject({
      clusters: [
        [1, 2, 3],
        [0, 4],
      ],
      medoid: 2,
    });
  });

  test("of equally close texts gives the shortest as its medoid, of these the first", () => {
    expect(clusterTexts(["Paris, France", "Paris"]).medoid).toBe(1);
    expect(clusterTexts(["Berlin", "Verlin"]).medoid).toBe(0);
  });

  test("of clusters of one size puts first the one that more texts are close to", () => {
    const texts = [
      "kappa",
      "grand north harbour seen from the old bridge",
      "north winds seen at night over the bridge",
      "bridge to the harbour",
    ];
    expect(clusterTexts(texts).clusters).toEqual([[1], [2], [3], [0]]);
  });

  test("scores the agreement of all texts with the medoid", () => {
    expect(clusterTexts(["Paris", "paris"]).score).toBe(1);
    expect(clusterTexts(["Paris", "Lima", "Oslo", "Quito"]).score).toBe(0.25);
    expect(clusterTexts(["Paris", "Paris, France"]).score).toBeCloseTo((1 + (1 + 1 / 2) / 2) / 2, 12);
  });

  test("takes the similarity that it is given, of the texts as they came, once a pair", () => {
    const asked: string[] = [];
    const { clusters, score } = clusterTexts(["Yes.", "yes", "Sure!", "No"], (a, b) => {
      asked.push([a, b].sort().join("/"));
      return [a, b].includes("No") ? 0.49 : 0.8;
    });
    expect(asked.sort()).toEqual(["No/Sure!", "No/Yes.", "Sure!/Yes."]);
    expect(clusters).toEqual([[0, 1, 2], [3]]);
    expect(score).toBeCloseTo((2 + 0.8) / 4, 12);
  });

  test("finds nothing in nothing", () => {
    expect(clusterTexts([])).toEqual({ clusters: [], medoid: -1, score: 0 });
  });
});
