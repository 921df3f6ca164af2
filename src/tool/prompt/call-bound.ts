import type { ToolEvents } from "../../contract/event.ts";
import type { LanguageModelLike } from "../../contract/model.ts";
import type { PriceSource } from "../../contract/settings.ts";
import type { Budget, Usage } from "../../contract/usage.ts";
import { InvalidOptionsError, messageOf, showValue } from "../../core/errors.ts";
import { ignorePromise } from "../../core/thenable.ts";

/** What bounds the answer of one call. */
export interface OutputLimit {
  /** Upper bound of the prompt; `undefined` where it cannot be known. */
  readonly promptTokens: number | undefined;
  /** Dollars for so many tokens; `undefined` where money does not matter. */
  readonly priceOf: ((inputTokens: number, outputTokens: number) => number) | undefined;
}

/** An answer is not squeezed below this for the sake of asking several at once: those that do not fit wait instead. */
const roomyOutputTokens = 1_024;

/**
 * The most that one call may use: its prompt, and the longest answer that it may give. Where the user gave no
 * `maxOutputTokens`, the budget does: an equal share of what is left, or a roomy answer where that is more.
 *
 * @returns `undefined` where there is nothing to keep, or nothing is known
 */
export function boundCall(
  limit: OutputLimit,
  maxOutputTokens: number | undefined,
  share: Budget,
  remaining: Budget,
): Budget | undefined {
  const { promptTokens, priceOf } = limit;
  if (promptTokens === undefined) return undefined;
  if (remaining.tokens === undefined && remaining.costUsd === undefined) return undefined;
  const affordable = outputLimitWithin(remaining, limit, maxOutputTokens) ?? 1;
  const shared = outputLimitWithin(share, limit, maxOutputTokens) ?? 1;
  const outputTokens = Math.max(1, maxOutputTokens ?? Math.min(affordable, Math.max(shared, roomyOutputTokens)));
  return {
    tokens: promptTokens + outputTokens,
    ...(priceOf && { costUsd: priceOf(promptTokens, outputTokens) }),
  };
}

/**
 * The longest answer that a budget leaves room for beside the prompt; never more than `maxOutputTokens`.
 *
 * @returns tokens, perhaps negative; `undefined` where the budget sets no bound and the user neither
 */
export function outputLimitWithin(
  budget: Budget,
  { promptTokens, priceOf }: OutputLimit,
  maxOutputTokens: number | undefined,
): number | undefined {
  if (promptTokens === undefined) return maxOutputTokens;
  const limits = [maxOutputTokens];
  if (budget.tokens !== undefined) limits.push(budget.tokens - promptTokens);
  if (budget.costUsd !== undefined && priceOf) limits.push(tokensFor(budget.costUsd, promptTokens, priceOf));
  const known = limits.filter((limit) => limit !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** The most output tokens whose price, prompt included, stays within `costUsd`: prices rise with tokens, so bisect. */
function tokensFor(costUsd: number, promptTokens: number, priceOf: (input: number, output: number) => number): number {
  let [fits, tooMany] = [0, 2 ** 24];
  if (priceOf(promptTokens, tooMany) <= costUsd) return tooMany;
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (priceOf(promptTokens, middle) <= costUsd) fits = middle;
    else tooMany = middle;
  }
  return fits;
}

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
