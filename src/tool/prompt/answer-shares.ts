import type { LanguageModelLike } from "../../contract/model.ts";
import type { PriceSource } from "../../contract/settings.ts";
import type { Usage } from "../../contract/usage.ts";
import { costOf } from "./call-bound.ts";

/** Returns what each of several answers saves: all but its part of the prompt. */
export function savingOfSamples(
  prices: PriceSource,
  model: LanguageModelLike,
  usage: Usage,
  count: number,
): number | undefined {
  if (count === 1) return undefined;
  const prompt = costOf(prices, model, { ...usage, outputTokens: 0, totalTokens: usage.inputTokens });
  return prompt === null ? undefined : prompt - prompt / count;
}

/** Returns the cost of one of several answers: an equal part of the prompt's, and that of what was written by its tokens. */
export function shareOfCost(
  prices: PriceSource,
  model: LanguageModelLike,
  usage: Usage,
  share: Usage,
  count: number,
): number | null {
  const whole = costOf(prices, model, usage);
  const prompt = costOf(prices, model, { ...usage, outputTokens: 0, totalTokens: usage.inputTokens });
  if (whole === null || prompt === null) return null;
  const written = usage.outputTokens === 0 ? 0 : share.outputTokens / usage.outputTokens;
  return prompt / count + (whole - prompt) * written;
}
