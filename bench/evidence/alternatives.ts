import { readdirSync } from "node:fs";
import { join } from "node:path";
import { clusterTexts } from "../../src/evidence.ts";
import { type DataSet, readDataSet, type Sample } from "./data-set.ts";
import { scoresOf } from "./metrics.ts";
import { shuffled } from "./orders.ts";
import { percent, renderTable, type Table } from "./table.ts";

/** What a confidence without labels can be computed from. */
interface Evidence {
  /** Valid samples, votes of the winner, answers. */
  readonly n: number;
  readonly a: number;
  readonly d: number;
  /** Score of the largest cluster, as `clusterTexts` has it, and by word overlap within the cluster alone. */
  readonly score: number;
  readonly scoreWithin: number;
  readonly correct: boolean;
}

type Formula = readonly [name: string, confidence: (evidence: Evidence) => number];

const byVotes: readonly Formula[] = [
  ["a / n", ({ a, n }) => a / n],
  ["(a + 1) / (n + 2)", ({ a, n }) => (a + 1) / (n + 2)],
  ["(a + 1/2) / (n + d/2 + 1/2)", ({ a, n, d }) => (a + 0.5) / (n + d / 2 + 0.5)],
  ["(a + 1) / (n + d + 1), of earlier releases", ({ a, n, d }) => (a + 1) / (n + d + 1)],
];

const byScore: readonly Formula[] = [
  ["s", ({ score }) => score],
  ["(n s + 1/2) / (n + 1), of earlier releases", ({ score, n }) => (n * score + 0.5) / (n + 1)],
  ["(n s + 1) / (n + 2)", ({ score, n }) => (n * score + 1) / (n + 2)],
  ["(n s + 1) / (n + d + 1)", ({ score, n, d }) => (n * score + 1) / (n + d + 1)],
  ["s within the cluster", ({ scoreWithin }) => scoreWithin],
  ["the same, (n s + 1) / (n + d + 1)", ({ scoreWithin, n, d }) => (n * scoreWithin + 1) / (n + d + 1)],
];

/** How often each question's samples are shuffled. */
const orders = 40;
const dataFolder = join(import.meta.dirname, "..", "data");
const recorded = readdirSync(dataFolder).filter((name) => name.endsWith(".jsonl"));

for (const path of [...recorded.sort().map((name) => join(dataFolder, name)), ...process.argv.slice(2)]) {
  const set = readDataSet(path);
  if (set.kind === "objects") continue;
  for (const k of [3, 5, 10].filter((count) => count <= set.mostSamples))
    console.log(`${renderTable(compare(set, k))}\n`);
}

function compare(set: DataSet, k: number): Table {
  const evidence = set.questions.flatMap(({ samples, gold }, question) =>
    Array.from({ length: orders }, (_, order) => {
      const valid = shuffled(samples, order * 100_003 + question)
        .slice(0, k)
        .filter((sample) => sample.valid);
      return evidenceOf(set, valid, gold);
    }).filter((each) => each !== undefined),
  );
  const unanimous = evidence.filter(({ d }) => d === 1);
  const rights = unanimous.filter(({ correct }) => correct);
  const formulas = set.kind === "texts" ? [...byVotes, ...byScore] : byVotes;
  return {
    title: `${set.name}: confidence without labels, ${k} samples`,
    note:
      `n valid samples, a votes, d answers, s score. ${percent(unanimous.length / evidence.length)} % are unanimous, ` +
      `of which ${percent(rights.length / unanimous.length)} % are right.`,
    columns: ["formula", "AUROC", "ECE", "Brier"],
    rows: formulas.map(([name, confidenceOf]) => {
      const { auroc, ece, brier } = scoresOf(
        evidence.map((each) => ({ confidence: confidenceOf(each), correct: each.correct })),
      );
      return [name, percent(auroc), percent(ece), percent(brier)];
    }),
  };
}

function evidenceOf(set: DataSet, valid: readonly Sample[], gold: unknown): Evidence | undefined {
  if (valid.length === 0) return undefined;
  const texts = valid.map(({ key }) => key);
  const { clusters, medoid, score } =
    set.kind === "texts" ? clusterTexts(texts) : clusterTexts(texts, (a, b) => Number(a === b));
  const [largest = []] = clusters;
  return {
    n: texts.length,
    a: largest.length,
    d: clusters.length,
    score,
    scoreWithin: (largest.length / texts.length + commonWords(largest.map((at) => texts[at] as string))) / 2,
    correct: set.score(valid[medoid]?.data, gold) === 1,
  };
}

/** The mean of the words that every two texts share of all theirs; 1 of a single text. */
function commonWords(texts: readonly string[]): number {
  if (texts.length === 1) return 1;
  const words = texts.map((text) => new Set(text.split(" ")));
  const shares = words.flatMap((a, at) => words.slice(0, at).map((b) => a.intersection(b).size / a.union(b).size));
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}
