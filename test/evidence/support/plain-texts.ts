import { averageLink } from "../../../src/evidence/internal/text/text-clusters.ts";
import { normalizeText } from "../../../src/evidence/text.ts";

/** The formulas for texts as they are written down, every two texts looked at by themselves. */

export function plainEdits(a: string, b: string): number {
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

interface Plain {
  readonly text: string;
  readonly words: readonly string[];
  readonly marks: string;
}

function plainOf(raw: string): Plain {
  const text = normalizeText(raw);
  const words = /[\p{L}\p{M}\p{N}]/u.test(text) ? text.split(" ") : [text];
  const marks = words.filter((word) => /^(no|not|never|none|without|nor|neither)$|\p{N}/u.test(word));
  return { text, words, marks: marks.sort().join(" ") };
}

function sharedWords({ words }: Plain, other: Plain): number {
  const left = [...other.words];
  return words.filter((word) => left.includes(word) && left.splice(left.indexOf(word), 1)).length;
}

function plainSimilarity(a: Plain, b: Plain): number {
  const [short, long] = a.words.length <= b.words.length ? [a, b] : [b, a];
  const isWithin = sharedWords(a, b) === short.words.length && ` ${long.text} `.includes(` ${short.text} `);
  if (a.marks === b.marks && isWithin) return 1;
  const longer = Math.max(a.text.length, b.text.length);
  if (a.text === "" || b.text === "" || longer > 32) return sharedWords(a, b) / long.words.length;
  return a.marks === b.marks ? 1 - plainEdits(a.text, b.text) / longer : 0;
}

export function plainTextSimilarity(a: string, b: string): number {
  return plainSimilarity(plainOf(a), plainOf(b));
}

/** Clusters and score from a full matrix of all distinct texts. */
export function plainClusters(texts: readonly string[]): { clusters: number[][]; score: number } {
  const distinct = [...Map.groupBy(texts.keys(), (at) => normalizeText(texts[at]!)).values()].sort((a, b) =>
    normalizeText(texts[a[0]!]!) < normalizeText(texts[b[0]!]!) ? -1 : 1,
  );
  const plains = distinct.map(([first]) => plainOf(texts[first!]!));
  const similarity = (a: Plain, b: Plain) => (plainSimilarity(a, b) < 0.5 ? 0 : plainSimilarity(a, b));
  const overlap = (a: Plain, b: Plain) => sharedWords(a, b) / (a.words.length + b.words.length - sharedWords(a, b));
  const closeness = plains.map((a) => plains.map((b) => (a === b ? 1 : (similarity(a, b) + overlap(a, b)) / 2)));
  const degrees = closeness.map((row) => row.reduce((sum, close, at) => sum + close * distinct[at]!.length, 0));
  const sums = plains.flatMap((a, i) =>
    plains.map((b, j) => (i === j ? 0 : similarity(a, b) * distinct[i]!.length * distinct[j]!.length)),
  );
  const weights = distinct.map(({ length }) => length);
  const clusters = averageLink(Float64Array.from(sums), weights, 0.5).map((items) => ({
    members: items.flatMap((item) => distinct[item]!).sort((a, b) => a - b),
    degree: Math.max(...items.map((item) => degrees[item]!)),
  }));
  const [first] = clusters.sort((a, b) => b.members.length - a.members.length || b.degree - a.degree);
  return { clusters: clusters.map(({ members }) => members), score: (first?.degree ?? 0) / Math.max(1, texts.length) };
}
