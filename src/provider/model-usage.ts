import type { LanguageModelV4Usage } from "@ai-sdk/provider";
import type { Usage } from "../contract/usage.ts";

/** The figures of a provider as ours; `undefined` where it gave none. What is no count is none. */
export function toUsage(reported: LanguageModelV4Usage | undefined): Usage | undefined {
  const inputTokens = countOf(reported?.inputTokens?.total);
  const outputTokens = countOf(reported?.outputTokens?.total);
  if (inputTokens === undefined && outputTokens === undefined) return undefined;
  const usage: Usage = {
    inputTokens: inputTokens ?? 0,
    outputTokens: outputTokens ?? 0,
    totalTokens: (inputTokens ?? 0) + (outputTokens ?? 0),
    requests: 1,
  };
  const cachedInputTokens = countOf(reported?.inputTokens?.cacheRead);
  const reasoningTokens = countOf(reported?.outputTokens?.reasoning);
  if (cachedInputTokens !== undefined) usage.cachedInputTokens = cachedInputTokens;
  if (reasoningTokens !== undefined) usage.reasoningTokens = reasoningTokens;
  return usage;
}

/** A server's null passes through providers, and so does the NaN of their sums. */
function countOf(figure: number | null | undefined): number | undefined {
  return typeof figure === "number" && figure >= 0 && Number.isFinite(figure) ? figure : undefined;
}

/** Stands in where the provider gave no figures. */
export function estimatedUsage(inputTokens: number, outputTokens: number): Usage {
  return { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, estimated: true, requests: 1 };
}

/** Our figures as a provider gives them. */
export function fromUsage(
  usage: { [Figure in keyof Usage]?: Usage[Figure] | undefined } | undefined,
): LanguageModelV4Usage {
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens } = usage ?? {};
  return {
    inputTokens: { total: inputTokens, noCache: undefined, cacheRead: cachedInputTokens, cacheWrite: undefined },
    outputTokens: { total: outputTokens, text: undefined, reasoning: reasoningTokens },
  };
}
