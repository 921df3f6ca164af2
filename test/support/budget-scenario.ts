import { globSync, readFileSync } from "node:fs";
import { countTokens as cl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { countTokens as o200k } from "gpt-tokenizer/encoding/o200k_base";
import {
  type Budget,
  type ImagePart,
  type OrchestrationEvent,
  PromptBundleTool,
  type PromptMessage,
  ReliableOrchestrator,
  type Replicate,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { type Api, type Reply, type Seen, startServer } from "./vendor-server.ts";

/** A question, and how the model that is asked behaves. */
export interface BudgetScenario {
  readonly kind: string;
  readonly api: Api;
  readonly modelId: string;
  readonly messages: readonly PromptMessage[];
  /** Tokens of the prompt as the server counts them. */
  readonly promptTokens: number;
  /** Longest answer that the server allows. */
  readonly cap: number;
  /** Tokens that answer n needs, thoughts included. */
  readonly needs: readonly number[];
  readonly thoughts: number;
  readonly k: number;
}

/** What became of one run. */
export interface BudgetOutcome {
  readonly status: string;
  readonly tokens: number;
  readonly costUsd: number;
  readonly validCount: number;
  readonly calls: number;
  /** Calls whose limit was below what earlier answers of the bundle had needed, or not above one that was too small. */
  readonly tooSmall: number;
  /** Answers that were cut off. */
  readonly cut: number;
  /** The most that was set aside at one time, in the unit of the ceiling. */
  readonly inFlight: number;
}

/** Prices of every model: four times as much for a token of the answer as for one of the prompt. */
const prices = {
  costUsd: ({ usage }: { usage: { inputTokens: number; outputTokens: number } }) =>
    (usage.inputTokens + 4 * usage.outputTokens) / 1e6,
};

/** Whole numbers below `bound`, the same for the same seed. */
function randomFrom(seed: number): (bound: number) => number {
  let state = Math.imul(seed + 1, 2_654_435_761) >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

const read = (pattern: string) =>
  globSync(pattern)
    .sort()
    .map((path) => readFileSync(path, "utf8"));
const translations = (language: string): string[] => {
  const path = `node_modules/typescript/lib/${language}/diagnosticMessages.generated.json`;
  return Object.values(JSON.parse(readFileSync(path, "utf8"))).filter((text) => typeof text === "string");
};
const lines = (texts: readonly string[]) => texts.flatMap((text) => text.split("\n"));

const corpora: Record<string, () => string[]> = {
  English: () => lines(read("docs/guide/*.md")),
  code: () => lines(read("src/{tool,guard}/*.ts")),
  JSON: () => lines(read("bench/data/*.jsonl")).slice(0, 200),
  Chinese: () => translations("zh-cn"),
  German: () => translations("de"),
  image: () => lines(read("docs/guide/*.md")),
};
const loaded = new Map<string, string[]>();

/** Every vendor counts in its own way; Claude's tokenizers count more than those of others. */
const models: readonly { api: Api; modelId: string; count: (text: string) => number; image: number }[] = [
  { api: "openai-chat", modelId: "gpt-4o", count: o200k, image: 85 + 4 * 170 },
  { api: "openai-compatible", modelId: "llama-3", count: cl100k, image: Math.ceil(1024 ** 2 / 750) },
  { api: "anthropic", modelId: "claude-next", count: (text) => 1.15 * o200k(text), image: Math.ceil(1024 ** 2 / 750) },
  { api: "google", modelId: "gemini-2.5-flash", count: o200k, image: 4 * 258 },
];

export const kinds = Object.keys(corpora);

/** Scenario number `seed`: a prompt of some kind, a model of some vendor with some cap, that thinks or does not. */
export function scenarioOf(seed: number): BudgetScenario {
  const random = randomFrom(seed * 7_919 + 1);
  const kind = kinds[seed % kinds.length] as string;
  const corpus = loaded.get(kind) ?? (corpora[kind] as () => string[])();
  loaded.set(kind, corpus);
  const start = random(corpus.length);
  const text = corpus.slice(start, start + 1 + random(40)).join("\n") || "How much?";
  const { api, modelId, count, image: imageTokens } = models[random(models.length)] as (typeof models)[number];
  const cap = [4_096, 8_192, 16_384, 65_536][random(4)] as number;
  const thoughts = random(2) === 0 ? 0 : 200 + random(3_000);
  const k = 1 + random(6);
  const needs = Array.from({ length: 4 * k }, () => Math.min(cap, thoughts + 5 + random(600)));
  const image: ImagePart = { type: "image", image: png(1_024, 1_024) };
  const parts = [{ type: "text" as const, text }, ...(kind === "image" ? [image] : [])];
  const promptTokens = Math.ceil(8 + count(text) + (kind === "image" ? imageTokens : 0));
  return { kind, api, modelId, messages: [{ role: "user", content: parts }], promptTokens, cap, needs, thoughts, k };
}

/** A ceiling of so many times what a run without one has used; every third is in dollars. */
export function ceilingOf(seed: number, { tokens, costUsd }: BudgetOutcome, times: number): Budget {
  return seed % 3 === 2 ? { costUsd: times * costUsd } : { tokens: Math.ceil(times * tokens) };
}

/** By how much of what was set aside at one time a run has passed its ceiling. */
export function overrunOf({ tokens, costUsd, inFlight }: BudgetOutcome, ceiling: Budget): number {
  const over =
    ceiling.tokens === undefined ? costUsd - (ceiling.costUsd as number) * (1 + 1e-9) : tokens - ceiling.tokens;
  return over > 0 ? over / inFlight : 0;
}

/** A ceiling from a fifth to more than twice of what is needed. */
export function tightness(seed: number): number {
  return 0.2 + randomFrom(seed)(200) / 100;
}

/** Asks over a server that counts, thinks, cuts off and refuses as the scenario says. */
export async function runScenario(scenario: BudgetScenario, budget?: Budget): Promise<BudgetOutcome> {
  const facts: Facts = { tooSmall: 0, needed: 0, cutAt: 0, cuts: [], answered: 0 };
  await using server = await startServer((seen) => answer(scenario, seen, facts));
  const tool = new PromptBundleTool({
    name: "t",
    model: server.model(scenario.api, scenario.modelId),
    prompt: () => scenario.messages,
    defaultOptions: { k: scenario.k, stopping: "none", maxParallel: 3 },
  });
  const held = new Map<string, number>();
  let inFlight = 0;
  const onEvent = (event: OrchestrationEvent) => {
    if (event.type === "budget_reserved")
      held.set(event.replicateId ?? "", event.reserved[budget?.costUsd === undefined ? "tokens" : "costUsd"] ?? 0);
    if (event.type === "replicate_done") {
      held.delete(event.replicate.id);
      learn(facts, event.replicate);
    }
    inFlight = Math.max(
      inFlight,
      [...held.values()].reduce((sum, tokens) => sum + tokens, 0),
    );
  };
  const orchestrator = new ReliableOrchestrator({
    state: new ReliabilityState(),
    prices,
    reliabilityConfig: { maxRetries: 0 },
  });
  const options = budget ? { budget } : {};
  const output: any = await orchestrator.run({ tool, request: {}, options, onEvent }).catch((error) => error);
  const bundle = (output.content ?? output.partial?.content)?.evidenceBundle;
  return {
    status: output.status ?? output.code,
    tokens: (output.usage ?? output.partial?.usage)?.totalTokens ?? 0,
    costUsd: output.costUsd ?? output.partial?.costUsd ?? 0,
    validCount: bundle?.summary.validCount ?? 0,
    calls: server.seen.length,
    tooSmall: facts.tooSmall,
    cut: facts.cuts.length,
    inFlight,
  };
}

interface Facts {
  tooSmall: number;
  /** Limits that were too small. */
  readonly cuts: number[];
  answered: number;
  /** The most that an answer has needed, as far as the client has heard. */
  needed: number;
  /** The largest limit that was too small, as far as the client has heard. */
  cutAt: number;
}

function learn(facts: Facts, { usage, attempts }: Replicate): void {
  const tokens = usage?.outputTokens ?? 0;
  if (attempts > 1) return;
  if (facts.cuts.includes(tokens)) facts.cutAt = Math.max(facts.cutAt, tokens);
  else facts.needed = Math.max(facts.needed, tokens);
}

function answer({ api, cap, needs, promptTokens, thoughts }: BudgetScenario, { limit }: Seen, facts: Facts): Reply {
  if (limit !== undefined && limit > cap) return refusalOf(api, limit, cap);
  const needed = needs[facts.answered++ % needs.length] as number;
  const isCut = limit !== undefined && limit < needed;
  if (limit !== undefined && (limit < facts.needed || (facts.cutAt > 0 && limit <= facts.cutAt))) facts.tooSmall++;
  if (isCut) facts.cuts.push(limit);
  const outputTokens = isCut ? limit : needed;
  const reasoningTokens = Math.min(thoughts, outputTokens);
  return {
    text: outputTokens <= thoughts ? "" : "42",
    inputTokens: promptTokens,
    outputTokens,
    reasoningTokens,
    isCut,
  };
}

function refusalOf(api: Api, asked: number, cap: number): Reply {
  switch (api) {
    case "anthropic": {
      const message = `max_tokens: ${asked} > ${cap}, which is the maximum allowed number of output tokens for claude-next`;
      return { status: 400, body: { type: "error", error: { type: "invalid_request_error", message } } };
    }
    case "google": {
      const message = `Unable to submit request because it has a maxOutputTokens value of ${asked} but the supported range is from 1 (inclusive) to ${cap + 1} (exclusive).`;
      return { status: 400, body: { error: { code: 400, message, status: "INVALID_ARGUMENT" } } };
    }
    default: {
      const message = `max_tokens is too large: ${asked}. This model supports at most ${cap} completion tokens, whereas you provided ${asked}.`;
      return { status: 400, body: { error: { message, type: "invalid_request_error", param: "max_tokens" } } };
    }
  }
}

/** The header of an image of that size, and ten bytes for each of its pixels' rows. */
function png(width: number, height: number): Uint8Array {
  const file = Buffer.alloc(24 + 10 * height);
  file.write("\x89PNG\r\n\x1a\n", "latin1");
  file.write("IHDR", 12, "latin1");
  file.writeUInt32BE(width, 16);
  file.writeUInt32BE(height, 20);
  return file;
}
