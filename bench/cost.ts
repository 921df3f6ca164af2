/**
 * Prints what K answers cost: `node bench/cost.ts [questions] [--json]`, and for the price list alone `node bench/cost.ts --prices`; with
 * `--least`, the least that few answers can cost.
 * GSM8K's recorded answers come from servers on this machine that cache prompts and sample as their vendors document it, asked by the
 * vendors' packages; dollars are those of the price catalogue.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { generateText } from "ai";
import { Orchestrator, type PriceSource, PromptBundleTool, unwrap } from "../src/index.ts";
import { defaultPrices } from "../src/provider/prices.ts";
import { type CachingApi, type Served, startCachingServer } from "../test/support/caching-server.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    prices: { type: "boolean", default: false },
    least: { type: "boolean", default: false },
  },
});
const prices = await defaultPrices();

// ---- recorded answers

interface Recorded {
  readonly gold: number;
  readonly samples: readonly (number | null)[];
  readonly tokens: readonly number[];
}

/** Questions, drawn evenly from all. */
function recordedQuestions(count: number): Recorded[] {
  const lines = readFileSync(new URL("data/gsm8k-gpt4omini-40.jsonl", import.meta.url), "utf8")
    .trim()
    .split("\n");
  const step = lines.length / count;
  return Array.from({ length: count }, (_, at) => JSON.parse(lines[Math.floor(at * step)] as string));
}

// ---- ways to ask

interface Way {
  readonly name: string;
  readonly api: CachingApi;
  readonly modelId: string;
  readonly k: number;
  readonly reuse: "auto" | "off";
  readonly stopping: "auto" | "none";
}

interface Cost {
  readonly name: string;
  readonly promptTokens: number;
  readonly k: number;
  readonly answers: number;
  readonly requests: number;
  readonly accuracy: number;
  readonly inputUsd: number;
  readonly usd: number;
  readonly usdPerRight: number;
}

const models = {
  warm: { api: "openai-responses", modelId: "gpt-5-mini", provider: "openai" },
  marked: { api: "anthropic", modelId: "claude-sonnet-4-5", provider: "anthropic" },
  samples: { api: "openai-chat", modelId: "gpt-4o-mini", provider: "openai" },
} as const;

const filler = "The clerk wrote that the gate of the garden was open. ";

/** A prompt of so many tokens by the server's count, which no other question begins with. */
function promptOf(question: number, tokens: number): string {
  const start = `Question ${question}. `;
  return start + filler.repeat(Math.ceil((4 * tokens) / filler.length)).slice(0, 4 * tokens - start.length);
}

async function costOf(way: Way, promptTokens: number, questions: readonly Recorded[]): Promise<Cost> {
  const asked = new Map<number, number>();
  await using server = await startCachingServer({
    firstByteMs: 2,
    answerMs: 2,
    answer(_, prompt) {
      const question = Number(/Question (\d+)\./.exec(prompt)?.[1]);
      const at = asked.get(question) ?? 0;
      asked.set(question, at + 1);
      const { samples, tokens } = questions[question] as Recorded;
      return { text: `answer ${samples[at]}`, tokens: tokens[at] as number };
    },
  });
  const { k, reuse, stopping } = way;
  const prompt = ({ question }: { question: number }) => promptOf(question, promptTokens);
  const model = server.model(way.api, way.modelId);
  const tool = new PromptBundleTool({ name: "gsm8k", model, prompt, reuse, defaultOptions: { k, stopping } });
  const orchestrator = new Orchestrator({ calibrations: "off" });
  let right = 0;
  for (const [question, { gold }] of questions.entries()) {
    const { evidenceBundle } = unwrap(await orchestrator.run({ tool, request: { question } }));
    if (evidenceBundle.summary.consensus === `answer ${gold}`) right++;
  }
  return billOf(way, promptTokens, server.served, right, questions.length);
}

function billOf(
  way: Omit<Way, "reuse" | "stopping">,
  promptTokens: number,
  served: readonly Served[],
  right: number,
  count: number,
): Cost {
  const { name, api, modelId, k } = way;
  const provider = api === "anthropic" ? "anthropic.messages" : "openai.chat";
  const priced = (call: Served, outputTokens: number) => {
    const cached = {
      cachedInputTokens: call.cachedTokens,
      ...(api === "anthropic" && { cacheWriteInputTokens: call.writtenTokens }),
    };
    const usage = {
      inputTokens: call.promptTokens,
      outputTokens,
      totalTokens: call.promptTokens + outputTokens,
      ...cached,
    };
    return prices.costUsd({ provider, modelId, usage }) as number;
  };
  const sum = (figure: (call: Served) => number) => served.reduce((total, call) => total + figure(call), 0);
  const usd = sum((call) => priced(call, call.outputTokens));
  return {
    name,
    promptTokens,
    k,
    answers: sum(({ answers }) => answers.length) / count,
    requests: served.length / count,
    accuracy: right / count,
    inputUsd: sum((call) => priced(call, 0)),
    usd,
    usdPerRight: usd / right,
  };
}

/** K calls of the AI SDK's `generateText` at once, as a program without this package makes them. */
async function costOfGenerateText(
  model: (typeof models)[keyof typeof models],
  promptTokens: number,
  k: number,
  count: number,
): Promise<Cost> {
  await using server = await startCachingServer({
    firstByteMs: 2,
    answerMs: 2,
    answer: () => ({ text: "answer 0", tokens: 120 }),
  });
  for (let question = 0; question < count; question++) {
    const calls = Array.from({ length: k }, () =>
      generateText({ model: server.model(model.api, model.modelId) as any, prompt: promptOf(question, promptTokens) }),
    );
    await Promise.all(calls);
  }
  return billOf({ name: "generateText", ...model, k }, promptTokens, server.served, count, count);
}

// ---- tables

async function measure(count: number): Promise<void> {
  const questions = recordedQuestions(count);
  const rows: (Cost & { model: string; fixedUsd: number; fullInputUsd: number })[] = [];
  for (const { api, modelId } of Object.values(models)) {
    const mode = api === "openai-chat" ? "several answers a request" : "first call ahead";
    for (const promptTokens of [2_000, 8_000]) {
      const fixed = { api, modelId, reuse: "off", stopping: "none" } as const;
      const all = await costOf({ ...fixed, name: "K at once", k: 10 }, promptTokens, questions);
      const ways: Way[] = [
        { ...fixed, name: "one answer", k: 1 },
        { ...fixed, name: mode, k: 5, reuse: "auto" },
        { ...fixed, name: mode, k: 10, reuse: "auto" },
        { ...fixed, name: "early stopping", k: 10, stopping: "auto" },
        { ...fixed, name: `${mode}, early stopping`, k: 5, reuse: "auto", stopping: "auto" },
        { ...fixed, name: `${mode}, early stopping`, k: 10, reuse: "auto", stopping: "auto" },
      ];
      const costs = [all];
      for (const way of ways) costs.push(await costOf(way, promptTokens, questions));
      costs.push(await costOfGenerateText(modelOf(api), promptTokens, 10, Math.min(count, 20)));
      const oneFullInput = all.inputUsd / 10 / count;
      for (const cost of costs) {
        const asked = cost.name === "generateText" ? Math.min(count, 20) : count;
        rows.push({ ...cost, model: modelId, fixedUsd: all.usdPerRight, fullInputUsd: oneFullInput * cost.k * asked });
      }
    }
  }
  if (values.json) {
    for (const row of rows) console.log(JSON.stringify(row));
    return;
  }
  console.log(
    `${count} questions of GSM8K, with the answers that gpt-4o-mini gave to them, and how long they were. \`input\`: what the`,
  );
  console.log("prompts cost, against K that are sent and read alone. `against K = 10`: dollars a right answer.\n");
  console.log(
    "| model | prompt | way | K | answers | requests | right | input | dollars a right answer | against K = 10 |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const row of rows) console.log(lineOf(row));
}

function modelOf(api: CachingApi) {
  return Object.values(models).find((model) => model.api === api) as (typeof models)[keyof typeof models];
}

function lineOf(row: Cost & { model: string; fixedUsd: number; fullInputUsd: number }): string {
  const isOfRecorded = row.name !== "generateText";
  const input = `${Math.round(100 * (row.inputUsd / row.fullInputUsd - 1))} %`;
  const cells = [row.model, row.promptTokens, row.name, row.k, row.answers.toFixed(2), row.requests.toFixed(2)];
  const right = isOfRecorded ? `${(100 * row.accuracy).toFixed(1)} %` : "";
  const usd = isOfRecorded ? `$${row.usdPerRight.toPrecision(3)}` : "";
  const against = isOfRecorded ? `${(row.usdPerRight / row.fixedUsd).toFixed(3)}x` : "";
  return `| ${[...cells, right, input, usd, against].join(" | ")} |`;
}

/** Prints what ten answers of 60 tokens cost by the price list, if every read from a cache hits. */
function printPrices(): void {
  const sellers: [name: string, provider: string, modelId: string, way: "ahead" | "marked" | "samples"][] = [
    ["OpenAI", "openai.responses", "gpt-5-mini", "ahead"],
    ["OpenAI", "openai.responses", "gpt-6-luna", "ahead"],
    ["OpenAI, chat completions", "openai.chat", "gpt-4o-mini", "samples"],
    ["Anthropic", "anthropic.messages", "claude-sonnet-4-5", "marked"],
    ["Google", "google.generative-ai", "gemini-2.5-flash", "samples"],
    ["Mistral", "mistral.chat", "mistral-small-latest", "samples"],
  ];
  /** Those whose packages have batches. */
  const batched = new Set(["OpenAI", "Anthropic", "Google"]);
  const usd = (price: PriceSource, provider: string, modelId: string, calls: readonly object[]) =>
    calls.reduce((sum: number, usage: any) => {
      const { inputTokens = 0, outputTokens = 0 } = usage;
      return (
        sum +
        (price.costUsd({ provider, modelId, usage: { ...usage, inputTokens, outputTokens, totalTokens: 0 } }) ??
          Number.NaN)
      );
    }, 0);
  console.log("| provider | model | prompt | ten prompts | paid once | less | in a batch | less |");
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const [name, provider, modelId, way] of sellers) {
    for (const inputTokens of [500, 2_000, 8_000]) {
      const call = { inputTokens, outputTokens: 60 };
      const full = usd(prices, provider, modelId, Array(10).fill(call));
      const first = { ...call, ...(way !== "samples" && { cacheWriteInputTokens: inputTokens }) };
      const later = { ...call, cachedInputTokens: inputTokens };
      const isCached = inputTokens >= 1_024;
      const calls =
        way === "samples"
          ? [{ inputTokens, outputTokens: 600 }]
          : isCached
            ? [first, ...Array(9).fill(later)]
            : Array(10).fill(call);
      const paid = usd(prices, provider, modelId, calls);
      const less = (cost: number) => `${Math.round(100 * (1 - cost / full))} %`;
      const batch = batched.has(name)
        ? usd(prices, `${provider.split(".")[0]}.batch`, modelId, Array(10).fill(call))
        : 0;
      const inBatch = batch > 0 ? [`$${batch.toPrecision(3)}`, less(batch)] : ["", ""];
      const cells = [name, modelId, inputTokens, `$${full.toPrecision(3)}`, `$${paid.toPrecision(3)}`, less(paid)];
      console.log(`| ${[...cells, ...inBatch].join(" | ")} |`);
    }
  }
}

/** Prints the least that so many answers can cost by the price list, against ten that pay for a prompt each. */
function printLeast(): void {
  const counts = [1, 2, 3, 3.5, 4, 5];
  const outputTokens = 133;
  console.log(
    `| model | prompt | ${counts.map((count) => (count === 1 ? "1 answer" : `${count} answers`)).join(" | ")} |`,
  );
  console.log(`| --- | --- |${" --- |".repeat(counts.length)}`);
  for (const { api, modelId } of [models.warm, models.marked]) {
    const provider = api === "anthropic" ? "anthropic.messages" : "openai.responses";
    for (const inputTokens of [2_000, 8_000]) {
      const usd = (cached: object) =>
        prices.costUsd({
          provider,
          modelId,
          usage: { inputTokens, outputTokens, totalTokens: 0, ...cached },
        }) as number;
      const [plain, read] = [usd({}), usd({ cachedInputTokens: inputTokens })];
      const first = api === "anthropic" ? usd({ cacheWriteInputTokens: inputTokens }) : plain;
      const least = counts.map((count) => `${((first + (count - 1) * read) / (10 * plain)).toFixed(3)}x`);
      console.log(`| ${[modelId, inputTokens, ...least].join(" | ")} |`);
    }
  }
}

if (values.least) printLeast();
else if (values.prices) printPrices();
else await measure(Number(positionals[0] ?? 40));
