import { readFileSync } from "node:fs";
import { join } from "node:path";
import { countTokens } from "gpt-tokenizer";
import { clusterTexts, createStoppingRule, normalizeText, sameAnswer, summarize } from "../../src/evidence.ts";
import { hasEvidence, Orchestrator, PromptBundleTool } from "../../src/index.ts";
import { scriptedJudge, scriptedModel } from "../../src/testing.ts";
import { readDataSet } from "./data-set.ts";
import { type Cell, percent, renderTable, type Table } from "./table.ts";
import { textTable } from "./text-tables.ts";

const help = `node bench/evidence/same-answer-table.ts [--by-category] [--judge] [--trivia] [more files…]

How often comparisons call two different answers one, and one answer two, on the contrast sets in bench/data/same-answer
and on further files of the same format; and what three answers to a question become, of which two are right. --judge: also
what a judge repairs, and what it costs. --trivia: also what votes on recorded answers to TriviaQA are worth.`;

interface Pair {
  readonly question?: string;
  readonly a: string;
  readonly b: string;
  readonly same: boolean;
  readonly category: string;
}

const comparisons: readonly (readonly [name: string, isSame: (a: string, b: string) => boolean])[] = [
  ["`same`", sameAnswer],
  ["equal as normalised", (a, b) => normalizeText(a) === normalizeText(b)],
  ["clusters by likeness", (a, b) => clusterTexts([a, b]).clusters.length === 1],
];

/** Orders of the samples of each question. */
const triviaOrders = 40;
/** Shares of a judge's decisions that are turned round. */
const noises = [0, 0.05];
const folder = join(import.meta.dirname, "..", "data", "same-answer");
const parameters = process.argv.slice(2);
const further = parameters.filter((each) => !each.startsWith("--"));

if (parameters.includes("--help")) console.log(help);
else {
  const sets = [
    ["first set", join(folder, "first.jsonl")],
    ["second set", join(folder, "second.jsonl")],
    ["third set", join(folder, "third.jsonl")],
    ...further.map((path) => [path, path]),
  ].map(([name = "", path = ""]) => ({ name, pairs: readPairs(path) }));
  console.log(renderTable(errorTable(sets)));
  console.log(`\n${renderTable(majorityTable(sets))}`);
  if (parameters.includes("--judge")) console.log(`\n${renderTable(await judgeTable(sets))}`);
  if (parameters.includes("--trivia")) {
    const set = readDataSet(join(folder, "..", "triviaqa-llama13b-20.jsonl"));
    console.log(`\n${renderTable(textTable(set, [3, 5, 10], triviaOrders))}`);
  }
  if (parameters.includes("--by-category")) for (const set of sets) console.log(`\n${renderTable(categoryTable(set))}`);
}

interface ContrastSet {
  readonly name: string;
  readonly pairs: readonly Pair[];
}

function readPairs(path: string): Pair[] {
  const lines = readFileSync(path, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Pair);
}

function errorTable(sets: readonly ContrastSet[]): Table {
  return {
    title: "One answer or two?",
    columns: ["comparison", "set", "two called one", "one called two"],
    rows: comparisons.flatMap(([comparison, isSame]) =>
      sets.map(({ name, pairs }) => [comparison, name, ...errors(pairs, isSame)]),
    ),
  };
}

function errors(pairs: readonly Pair[], isSame: (a: string, b: string) => boolean): Cell[] {
  return [false, true].map((same) => {
    const judged = pairs.filter((pair) => pair.same === same);
    const wrong = judged.filter(({ a, b }) => isSame(a, b) !== same).length;
    return judged.length === 0 ? "" : `${wrong} of ${judged.length} (${percent(wrong / judged.length, 1)} %)`;
  });
}

/** A scripted judge knows which pairs are one answer; it is asked through the tool, with the prompt of a real one. */
async function judgeTable(sets: readonly ContrastSet[]): Promise<Table> {
  const rows: Cell[][] = [];
  for (const noise of noises)
    for (const { name, pairs } of sets) {
      const { isOne, calls, tokens } = await judged(pairs, noise);
      const wrong = errors(pairs, (a, b) => isOne.get(JSON.stringify([a, b])) as boolean);
      const share = (calls / pairs.length).toFixed(2);
      rows.push([`${percent(noise, 0)} %`, name, ...wrong, share, (tokens / calls).toFixed(0)]);
    }
  return {
    title: "With a judge",
    note: "Bundles of two answers. Tokens: of the instructions, the question and the answers, as o200k_base counts them.",
    columns: ["wrong decisions", "set", "two called one", "one called two", "calls a bundle", "prompt tokens a call"],
    rows,
  };
}

async function judged(pairs: readonly Pair[], noise: number) {
  const meant = new Map(pairs.map(({ a, b, same }) => [JSON.stringify([a, b]), same]));
  const judge = scriptedJudge({ same: (a, b) => meant.get(JSON.stringify([a, b])) as boolean, noise });
  let texts: string[] = [];
  const tool = new PromptBundleTool({
    name: "contrast",
    model: scriptedModel(() => ({ text: texts.shift() as string })),
    prompt: "{{question}}",
    defaultOptions: { k: 2, stopping: "none", maxParallel: 1, compare: { judge } },
  });
  const isOne = new Map<string, boolean>();
  for (const { a, b, question = "" } of pairs) {
    texts = [a, b];
    const output = await new Orchestrator().run({ tool, request: { question } });
    if (!hasEvidence(output)) throw new Error(JSON.stringify(output));
    isOne.set(JSON.stringify([a, b]), output.content.evidenceBundle.summary.disagreements.length === 0);
  }
  const prompts = judge.calls.map(({ prompt }) => JSON.stringify(prompt));
  return { isOne, calls: prompts.length, tokens: prompts.reduce((sum, prompt) => sum + countTokens(prompt), 0) };
}

function categoryTable({ name, pairs }: ContrastSet): Table {
  const kinds = [false, true].flatMap((same) => {
    const categories = [...new Set(pairs.filter((pair) => pair.same === same).map(({ category }) => category))].sort();
    return categories.map((category) => ({ same, category }));
  });
  return {
    title: `${name}, by category`,
    columns: ["category", "is", ...comparisons.map(([comparison]) => `${comparison}: wrong`)],
    rows: kinds.map(({ same, category }) => {
      const judged = pairs.filter((pair) => pair.same === same && pair.category === category);
      const wrong = comparisons.map(([, isSame]) => judged.filter(({ a, b }) => isSame(a, b) !== same).length);
      return [category, same ? "one" : "two", ...wrong.map((count) => `${count} of ${judged.length}`)];
    }),
  };
}

/** Counts the votes of three answers from each pair of different ones: one is given twice, then the other, in each order. */
function majorityTable(sets: readonly ContrastSet[]): Table {
  return {
    title: "Three answers, two of them right",
    note: "All orders of each pair of different answers. Unanimous early: stopped by default, both asked, no disagreement.",
    columns: ["set", "runs", "majority given", "disagreement shown", "unanimous early"],
    rows: sets.map(({ name, pairs }) => {
      const runs = pairs.filter(({ same }) => !same).flatMap(({ a, b }) => [...ordersOf(a, b), ...ordersOf(b, a)]);
      const given = runs.filter(({ texts, right }) => summaryOf(texts).consensus === right);
      const shown = runs.filter(({ texts }) => summaryOf(texts).disagreements.length > 0);
      const early = runs.filter(({ texts }) => {
        const asked = askedByDefault(texts);
        return new Set(asked).size > 1 && summaryOf(asked).disagreements.length === 0;
      });
      const share = (part: readonly unknown[]) => `${percent(part.length / runs.length)} %`;
      return [name, runs.length, share(given), share(shown), share(early)];
    }),
  };
}

function ordersOf(right: string, wrong: string): { texts: string[]; right: string }[] {
  return [0, 1, 2].map((place) => ({ texts: [right, right].toSpliced(place, 0, wrong), right }));
}

function summaryOf(texts: readonly string[]) {
  return summarize(
    texts.map((data, at) => ({ id: `r${at + 1}`, data })),
    { text: true },
  );
}

function askedByDefault(texts: readonly string[]): string[] {
  const rule = createStoppingRule({ k: texts.length, compare: { text: true } });
  const last = texts.findIndex((text) => rule.observe(text).stop);
  return texts.slice(0, last < 0 ? texts.length : last + 1);
}
