import type { LanguageModelV4Usage } from "@ai-sdk/provider";
import type { Usage } from "../contract/usage.ts";

/** What a provider says that a call used. What it withholds is left out. */
export type ReportedUsage = Pick<Partial<Usage>, "inputTokens" | "outputTokens"> &
  Pick<Usage, "cachedInputTokens" | "cacheWriteInputTokens" | "reasoningTokens">;

/** The figures of a provider as ours; `undefined` where it gave none. What is no count is none. */
export function toUsage(reported: LanguageModelV4Usage | undefined): ReportedUsage | undefined {
  const inputTokens = countOf(reported?.inputTokens?.total);
  const outputTokens = countOf(reported?.outputTokens?.total);
  if (inputTokens === undefined && outputTokens === undefined) return undefined;
  const cachedInputTokens = countOf(reported?.inputTokens?.cacheRead);
  const cacheWriteInputTokens = countOf(reported?.inputTokens?.cacheWrite);
  const reasoningTokens = countOf(reported?.outputTokens?.reasoning);
  return {
    ...(inputTokens !== undefined && { inputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
    ...(cachedInputTokens !== undefined && { cachedInputTokens }),
    ...(cacheWriteInputTokens !== undefined && { cacheWriteInputTokens }),
    ...(reasoningTokens !== undefined && { reasoningTokens }),
  };
}

/** A server's null passes through providers, and so does the NaN of their sums. */
function countOf(figure: number | null | undefined): number | undefined {
  return typeof figure === "number" && figure >= 0 && Number.isFinite(figure) ? figure : undefined;
}

/** Our figures as a provider gives them. */
export function fromUsage(
  usage: { [Figure in keyof Usage]?: Usage[Figure] | undefined } | undefined,
): LanguageModelV4Usage {
  const { inputTokens, outputTokens, cachedInputTokens, cacheWriteInputTokens, reasoningTokens } = usage ?? {};
  return {
    inputTokens: {
      total: inputTokens,
      noCache: undefined,
      cacheRead: cachedInputTokens,
      cacheWrite: cacheWriteInputTokens,
    },
    outputTokens: { total: outputTokens, text: undefined, reasoning: reasoningTokens },
  };
}
