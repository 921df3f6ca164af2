/**
 * Prints accuracy over dollars: `node bench/frontier.ts`. All recorded answers of gpt-4o-mini to GSM8K, each K asked for in waves of
 * one request for several answers, beside one call of stronger models, of which no answers are recorded: from which accuracy on it wins.
 * Dollars are those of the price catalogue.
 */
import { readFileSync } from "node:fs";
import { createStoppingRule } from "../src/evidence.ts";
import { defaultPrices } from "../src/provider/prices.ts";

interface Recorded {
  readonly gold: number;
  readonly samples: readonly (number | null)[];
  readonly tokens: readonly number[];
}

/** A way to ask, over all questions. */
interface Point {
  readonly way: string;
  readonly answers: number;
  readonly accuracy: number;
  readonly usd: number;
}

const questions = readFileSync(new URL("data/gsm8k-gpt4omini-40.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Recorded);
const prices = await defaultPrices();
const asked = "gpt-4o-mini";
const stronger = ["gpt-4.1-mini", "gpt-5", "gpt-4.1", "gpt-4o"];

function usdOf(modelId: string, inputTokens: number, outputTokens: number): number {
  const usage = { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens };
  return prices.costUsd({ provider: "openai.chat", modelId, usage }) as number;
}

/** Answers of a question in the waves in which a bundle asks for them, each wave one request. */
function wavesOf({ samples }: Recorded, k: number, stopping: "auto" | "none"): number[] {
  if (k === 1) return [1];
  const rule = createStoppingRule({ k, rule: stopping });
  const waves: number[] = [];
  let seen = 0;
  for (let needed = stopping === "none" ? k : rule.needed; seen < k; ) {
    const wave = Math.min(needed, k - seen);
    waves.push(wave);
    let isOver = false;
    for (let at = 0; at < wave; at++, seen++) {
      const answer = samples[seen] ?? null;
      const verdict = rule.observe(answer, { valid: answer !== null });
      isOver = verdict.stop;
      needed = Math.max(1, verdict.needed);
    }
    if (isOver && stopping !== "none") break;
  }
  return waves;
}

/** Share of the most frequent answers that is right: one of several that lead counts in part. */
function rightBy(answers: readonly (number | null)[], gold: number): number {
  const votes = new Map<number, number>();
  for (const answer of answers) if (answer !== null) votes.set(answer, (votes.get(answer) ?? 0) + 1);
  const most = Math.max(0, ...votes.values());
  const leading = [...votes].flatMap(([answer, count]) => (count === most ? [answer] : []));
  return leading.includes(gold) ? 1 / leading.length : 0;
}

function measure(way: string, promptTokens: number, k: number, stopping: "auto" | "none", isTogether: boolean): Point {
  let [answers, right, usd] = [0, 0, 0];
  for (const question of questions) {
    const waves = wavesOf(question, k, stopping);
    const count = waves.reduce((sum, wave) => sum + wave, 0);
    const written = question.tokens.slice(0, count).reduce((sum, tokens) => sum + tokens, 0);
    answers += count;
    right += rightBy(question.samples.slice(0, count), question.gold);
    usd += usdOf(asked, promptTokens * (isTogether ? waves.length : count), written);
  }
  return { way, answers: answers / questions.length, accuracy: right / questions.length, usd: usd / questions.length };
}

/** Points that no other one beats at the same price or less. */
function isOnFrontier(point: Point, points: readonly Point[]): boolean {
  return points.every(
    ({ usd, accuracy }) =>
      usd > point.usd || accuracy < point.accuracy || (usd === point.usd && accuracy === point.accuracy),
  );
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

const meanTokens =
  questions.reduce((sum, { tokens }) => sum + tokens.reduce((total, each) => total + each, 0) / tokens.length, 0) /
  questions.length;

console.log(
  "| prompt | way | answers | right | dollars for 1,000 questions | on the frontier |\n| --- | --- | --- | --- | --- | --- |",
);
const frontiers = new Map<number, Point[]>();
for (const promptTokens of [500, 2_000, 8_000]) {
  const points = [measure("one answer", promptTokens, 1, "none", true)];
  for (const k of [5, 10, 20]) {
    points.push(measure(`K = ${k}, each alone`, promptTokens, k, "none", false));
    points.push(measure(`K = ${k}, one request`, promptTokens, k, "none", true));
    points.push(measure(`K = ${k}, early stopping`, promptTokens, k, "auto", true));
  }
  frontiers.set(promptTokens, points);
  for (const point of points) {
    const { way, answers, accuracy, usd } = point;
    const cells = [promptTokens, way, answers.toFixed(2), percent(accuracy), `$${(1_000 * usd).toPrecision(3)}`];
    console.log(`| ${[...cells, isOnFrontier(point, points) ? "yes" : ""].join(" | ")} |`);
  }
}
console.log(`
One call of a stronger model, if it writes ${Math.round(meanTokens)} tokens as ${asked} does. It wins where it is right more often than the best that
${asked} gives for the same money:

| prompt | model | dollars for 1,000 questions | wins where it is right more often than |
| --- | --- | --- | --- |`);
for (const [promptTokens, points] of frontiers)
  for (const modelId of stronger) {
    const usd = usdOf(modelId, promptTokens, meanTokens);
    const best = Math.max(0, ...points.filter((point) => point.usd <= usd).map(({ accuracy }) => accuracy));
    console.log(`| ${promptTokens} | ${modelId} | $${(1_000 * usd).toPrecision(3)} | ${percent(best)} |`);
  }
