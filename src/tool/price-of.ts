import type { ToolEvents } from "../contract/event.ts";
import type { LanguageModelLike } from "../contract/model.ts";
import type { PriceSource } from "../contract/settings.ts";
import type { Usage } from "../contract/usage.ts";
import { InvalidOptionsError, messageOf, showValue } from "../core/errors.ts";
import { ignorePromise } from "../core/thenable.ts";

/** A call is paid for whatever its price is said to be: where a source fails, or gives no price, the cost is unknown. */
export function costOf(
  prices: PriceSource,
  { provider, modelId }: LanguageModelLike,
  usage: Usage,
  events?: ToolEvents,
): number | null {
  const unknown = (fault: string) => {
    const message = `The cost of ${provider}:${modelId} is not known: prices.costUsd ${fault}.`;
    events?.emit("warning", { code: "unknown_cost", message });
    return null;
  };
  try {
    const costUsd = prices.costUsd({ provider, modelId, usage });
    if (costUsd === null || (typeof costUsd === "number" && costUsd >= 0 && Number.isFinite(costUsd))) return costUsd;
    const given = ignorePromise(costUsd) ? "a promise" : showValue(costUsd);
    return unknown(`gave ${given}; allowed: a number of at least 0, or null`);
  } catch (error) {
    return unknown(`failed: ${messageOf(error)}`);
  }
}

/**
 * The most that a call of so many tokens costs: where what goes into a provider's cache is dearer, its whole prompt may.
 *
 * @throws InvalidOptionsError where nobody knows it
 */
export function priceOf(prices: PriceSource, model: LanguageModelLike): (input: number, output: number) => number {
  const price = (inputTokens: number, outputTokens: number, cached?: Pick<Usage, "cacheWriteInputTokens">) =>
    costOf(prices, model, { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, ...cached });
  const plain = price(1, 1);
  if (plain === null) throw unknownPrice(model);
  const isCachingDearer = (price(1, 1, { cacheWriteInputTokens: 1 }) ?? 0) > plain;
  return (inputTokens, outputTokens) => {
    const cached = isCachingDearer ? { cacheWriteInputTokens: inputTokens } : undefined;
    return price(inputTokens, outputTokens, cached) ?? Number.POSITIVE_INFINITY;
  };
}

function unknownPrice({ provider, modelId }: LanguageModelLike): InvalidOptionsError {
  return new InvalidOptionsError([
    {
      path: "options.budget.costUsd",
      given: `${provider}:${modelId}, whose price is not known`,
      allowed:
        "a model with a known price, or a price of your own: new Orchestrator({ prices: { costUsd: ({ modelId, usage }) => … } })",
    },
  ]);
}
