import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clusterTexts, normalizeText, textSimilarity } from "../../src/evidence/text.ts";

/** Texts that repeat, contain and misspell each other, as answers do; and anything else. */
const answer = fc.oneof(
  fc
    .array(fc.constantFrom("paris", "pariss", "lyon", "not", "the", "France", "5", "mg", "50"), { maxLength: 6 })
    .map((words) => words.join(" ")),
  fc.string({ unit: "binary", maxLength: 50 }),
);

function naiveEdits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + Number(a[i - 1] !== b[j - 1])));
    }
    row = next;
  }
  return row[b.length]!;
}

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
  it.each([
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

  it("leaves a normalised text as it is", () => {
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
  it("lies in [0, 1], is symmetric, and 1 for equal texts", () => {
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

  it("counts the edits of short texts of one word", () => {
    const word = fc.string({ unit: fc.constantFrom("x", "y", "z", "é"), minLength: 1, maxLength: 32 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(textSimilarity(a, b)).toBeCloseTo(1 - naiveEdits(a, b) / Math.max(a.length, b.length), 12);
      }),
    );
  });

  it("finds a text within a longer one equal", () => {
    expect(textSimilarity("Paris", "It is Paris, the capital of France")).toBe(1);
    expect(textSimilarity("art", "party")).toBeLessThan(1);
  });

  it.each([
    ["guilty", "not guilty"],
    ["it works", "it doesn't work"],
    ["5 mg", "50 mg"],
    ["5", "-5"],
    ["1912", "1921"],
    ["Apollo", "Apollo 13"],
  ])("holds %j and %j to be different", (a, b) => {
    expect(textSimilarity(a, b)).toBe(0);
  });

  it("counts the words of long texts, in any order", () => {
    const long = "the connection pool ran out of connections";
    expect(textSimilarity(long, "out of connections ran the connection pool")).toBe(1);
    expect(textSimilarity(long, "the connection pool ran out of memory and time")).toBeCloseTo(5 / 8, 12);
  });
});

describe("clusterTexts", () => {
  it("puts every text into one cluster, equal ones into the same, the largest cluster first", () => {
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

  it("finds the same clusters and score in any order of the texts", () => {
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

  it("merges as average link does that looks at every pair each time", () => {
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

  it("gives the most usual wording of the largest cluster as its medoid", () => {
    const texts = ["Lyon", "Paris in France", "paris", "Paris!", "Lyon"];
    expect(clusterTexts(texts)).toMatchObject({
      clusters: [
        [1, 2, 3],
        [0, 4],
      ],
      medoid: 2,
    });
  });

  it("of equally close texts gives the shortest as its medoid, of these the first", () => {
    expect(clusterTexts(["Paris, France", "Paris"]).medoid).toBe(1);
    expect(clusterTexts(["Berlin", "Verlin"]).medoid).toBe(0);
  });

  it("of clusters of one size puts first the one that more texts are close to", () => {
    const texts = [
      "kappa",
      "grand north harbour seen from the old bridge",
      "north winds seen at night over the bridge",
      "bridge to the harbour",
    ];
    expect(clusterTexts(texts).clusters).toEqual([[1], [2], [3], [0]]);
  });

  it("scores the agreement of all texts with the medoid", () => {
    expect(clusterTexts(["Paris", "paris"]).score).toBe(1);
    expect(clusterTexts(["Paris", "Lima", "Oslo", "Quito"]).score).toBe(0.25);
    expect(clusterTexts(["Paris", "Paris, France"]).score).toBeCloseTo((1 + (1 + 1 / 2) / 2) / 2, 12);
  });

  it("takes the similarity that it is given, of the texts as they came, once a pair", () => {
    const asked: string[] = [];
    const { clusters, score } = clusterTexts(["Yes.", "yes", "Sure!", "No"], (a, b) => {
      asked.push([a, b].sort().join("/"));
      return [a, b].includes("No") ? 0.49 : 0.8;
    });
    expect(asked.sort()).toEqual(["No/Sure!", "No/Yes.", "Sure!/Yes."]);
    expect(clusters).toEqual([[0, 1, 2], [3]]);
    expect(score).toBeCloseTo((2 + 0.8) / 4, 12);
  });

  it("finds nothing in nothing", () => {
    expect(clusterTexts([])).toEqual({ clusters: [], medoid: -1, score: 0 });
  });
});
