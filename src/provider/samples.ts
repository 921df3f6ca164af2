import type { LanguageModelV4 } from "@ai-sdk/provider";
import type { LanguageModelLike, ModelTraits } from "../contract/model.ts";
import type { Usage } from "../contract/usage.ts";
import { type AnswerToken, placeTokens } from "./log-probabilities.ts";
import type { ModelCall } from "./model-call.ts";
import { judge, type Verdict } from "./verdict.ts";
import { type Fields, fieldsOf, readWire } from "./wire.ts";

/**
 * Most answers that one request can ask for, by the AI SDK's name of the provider. A server that ignores it, or refuses it, is
 * remembered by the first request: vLLM and SGLang take it, Ollama and llama.cpp do not.
 */
const capabilities: readonly (readonly [provider: RegExp, most: number])[] = [
  // https://platform.openai.com/docs/api-reference/chat/create#chat-create-n
  [/^(?:openai|azure|azure-openai)\.chat$/, 128],
  // https://docs.mistral.ai/api/endpoint/chat
  [/^mistral\.chat$/, 16],
  // https://ai.google.dev/api/generate-content#generationconfig
  [/^google\.(?:generative-ai|vertex)/, 8],
  [/ollama|llama\.?cpp|:11434\b/i, 1],
  // https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html, https://docs.sglang.ai/basic_usage/openai_api_completions.html
  [/^(?:openai-compatible:.*|vllm|sglang)\.chat$/, 128],
];

/** Returns how many answers one request to a model may ask for. */
export function mostSamples(model: LanguageModelLike, { refused, mostSamples: learned }: ModelTraits): number {
  const { config } = model as { config?: unknown };
  const isReachable = typeof config === "object" && config !== null && "fetch" in config;
  if (!isReachable || refused.has("samples")) return 1;
  const documented = capabilities.find(([provider]) => provider.test(model.provider))?.[1] ?? 1;
  return Math.min(documented, learned ?? documented);
}

/** Learns from a refusal of several answers: the server may take fewer. It names how many, or half as many are tried. */
export function learnFewer(traits: ModelTraits, asked: number, said: string): void {
  const named =
    /(?:at most|up to|less than or equal to|<=|maximum(?: of| is)?|between 1 and|1 to|1-)\s*['"`]?(\d+)/i.exec(
      said,
    )?.[1];
  const most = named === undefined || Number(named) >= asked ? Math.floor(asked / 2) : Number(named);
  traits.mostSamples = Math.min(most, traits.mostSamples ?? most);
  if (
    traits.mostSamples <= 1 ||
    /\b(?:only n ?= ?1|unsupported|not (?:supported|enabled|allowed|permitted)|unrecogni[sz]ed|unknown|extra)\b/i.test(
      said,
    )
  )
    traits.refused.add("samples");
}

/** Asks for several answers in the body of a request: the provider packages have no option for it. */
export function askForSamples(init: RequestInit | undefined, samples: number): RequestInit | undefined {
  if (typeof init?.body !== "string") return init;
  const body = fieldsOf(JSON.parse(init.body));
  if (!body) return init;
  if ("messages" in body) return { ...init, body: JSON.stringify({ ...body, n: samples }) };
  if (!("contents" in body)) return init;
  const generationConfig = { ...fieldsOf(body["generationConfig"]), candidateCount: samples };
  return { ...init, body: JSON.stringify({ ...body, generationConfig }) };
}

/** A further answer of a request, or the error that it is. */
export type Sample =
  | (Verdict & { readonly text: string; readonly tokens: readonly AnswerToken[] | undefined })
  | { readonly error: unknown };

/** Reads the answers of a body behind the first one, which its package reads. Each votes only where the server says that it is complete. */
export function furtherSamples(model: LanguageModelV4, call: ModelCall, body: unknown): Sample[] {
  const fields = fieldsOf(body);
  const name = ["choices", "candidates"].find((each) => Array.isArray(fields?.[each]));
  if (!fields || name === undefined) return [];
  return (fields[name] as unknown[]).slice(1).map((choice) => readSample(model, call, { ...fields, [name]: [choice] }));
}

function readSample(model: LanguageModelV4, call: ModelCall, body: Fields): Sample {
  const said = readWire(body);
  try {
    if (!said || said.error !== undefined) throw new Error("One of the answers of a request cannot be read");
    const end = { ...said, unified: "other" as const, raw: undefined, isWhole: true };
    const verdict = judge(model, end, said.text.length, call.previousError);
    return { ...verdict, text: said.text, tokens: placeTokens(said.tokens, said.text) };
  } catch (error) {
    return { error };
  }
}

/**
 * Splits the usage of a request among its answers: the prompt in equal parts, what was written by the length of each text, as servers
 * tell no more than the sum. The parts add up to the usage, and the first one is the request itself.
 */
export function splitUsage(usage: Usage, texts: readonly string[]): Usage[] {
  const even = texts.map(() => 1);
  const byLength = texts.map(({ length }) => length + 1);
  const input = split(usage.inputTokens, even);
  const output = split(usage.outputTokens, byLength);
  const parts = {
    cachedInputTokens: split(usage.cachedInputTokens ?? 0, even),
    cacheWriteInputTokens: split(usage.cacheWriteInputTokens ?? 0, even),
    reasoningTokens: split(usage.reasoningTokens ?? 0, byLength),
  };
  return texts.map((_, at) => {
    const [inputTokens = 0, outputTokens = 0] = [input[at], output[at]];
    const share: Usage = { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens };
    for (const [name, figures] of Object.entries(parts))
      if (usage[name as keyof typeof parts] !== undefined) share[name as keyof typeof parts] = figures[at] ?? 0;
    return { ...share, requests: at === 0 ? (usage.requests ?? 1) : 0, ...(usage.estimated && { estimated: true }) };
  });
}

/** Splits a count by weights, without losing any of it. */
function split(count: number, weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let before = 0;
  let given = 0;
  return weights.map((weight) => {
    before += weight;
    const upTo = Math.round((count * before) / total);
    const part = upTo - given;
    given = upTo;
    return part;
  });
}
