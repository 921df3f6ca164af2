import type { ToolEvents } from "../../contract/event.ts";
import type { LanguageModelLike, ModelTraits } from "../../contract/model.ts";
import type { PriceSource } from "../../contract/settings.ts";
import type { Budget, CallBound, Usage } from "../../contract/usage.ts";
import { InvalidOptionsError, messageOf, showValue } from "../../core/errors.ts";
import { ignorePromise } from "../../core/thenable.ts";

/**
 * Job: decide how much room each call of a bundle needs, from what its answers have taught.
 * Boundary: knows no ledger; what does not fit waits or is refused there.
 * Invariants:
 * 1. A call is never given less room than an answer of the bundle has needed, nor the room that an answer did not fit into.
 * 2. No limit is above what the model writes, or below what every server takes.
 */

/** Facts of a bundle's calls that hold from the first one on. */
export interface CallFacts {
  /** Estimates the tokens of the question; `undefined` where its size cannot be known. */
  readonly questionTokens: () => number | undefined;
  /** Estimates what the correction of an error adds to the question. */
  readonly correctionTokens: (previousError: unknown) => number;
  /** Dollars for so many tokens; `undefined` where no ceiling is in dollars. */
  readonly priceOf: PriceOf | undefined;
  /** The user's own limit. */
  readonly maxOutputTokens: number | undefined;
  readonly traits: ModelTraits;
  /** Longest answer of the tool's earlier bundles; 0 where there was none. */
  readonly usualAnswer: number;
}

/** Dollars for so many tokens, `cachedTokens` of the input out of the provider's cache. */
export type PriceOf = (inputTokens: number, outputTokens: number, cachedTokens?: number) => number;

/** Amounts that a call may count on. */
export interface Room {
  /** Budget left, divided by the calls that may still be made. */
  readonly share: Budget;
  /** Budget left beside the calls in flight. */
  readonly remaining: Budget;
  /** Budget left if the calls in flight used nothing. */
  readonly unspent: Budget;
}

/** Share that is ample for the first answer of a tool, which may think before it writes. */
const roomForThoughts = 16_384;
/** Length that is expected of a tool's first answer, until one has come. */
const roomForAnswer = 512;
/** Answers are not squeezed below this for the sake of asking several at once. */
const leastRoom = 256;
/** The lowest limit that every server takes: OpenAI's Responses API refuses lower ones. */
const lowestLimit = 16;
/** An answer that did not fit is asked for again with this much more room, or not at all. */
const growth = 1.5;

/** Sizes of one bundle's calls. */
export class CallSizes {
  readonly #facts: CallFacts;
  /** Real tokens of the prompt by estimated ones, since the first answer told. */
  #scale: number | undefined;
  #answers = 0;
  #longestAnswer = 0;
  /** The largest limit that an answer did not fit into. */
  #longestCut = 0;
  /** The fewest tokens that a call has read from the cache, from the first that did; 0 once one did not. */
  #cachedTokens: number | undefined;

  constructor(facts: CallFacts) {
    this.#facts = facts;
  }

  /**
   * Returns what one call may use; `undefined` where no ceiling is to be kept, or the prompt's size is not known.
   *
   * @param previousError of the attempt before, whose correction makes the prompt longer
   * @param samples answers that the call asks for
   */
  bound(previousError: unknown, { share, remaining, unspent }: Room, samples = 1): CallBound | undefined {
    if (remaining.tokens === undefined && remaining.costUsd === undefined) return undefined;
    const { maxOutputTokens, priceOf } = this.#facts;
    const promptTokens = this.promptTokens(previousError);
    if (promptTokens === undefined) return undefined;
    const within = (budget: Budget) => this.#roomWithin(budget, promptTokens, samples);
    const each = maxOutputTokens ?? this.#roomFor(within(timesOf(share, samples)), within(remaining), within(unspent));
    const outputTokens = samples * each;
    return {
      tokens: promptTokens + outputTokens,
      ...(priceOf && { costUsd: priceOf(promptTokens, outputTokens, this.#cachedTokens) }),
      isEstimate: true,
      ...(this.#longestCut > 0 && maxOutputTokens === undefined && { because: this.#cutReason() }),
    };
  }

  /**
   * Returns the limit to send with a call: the user's own, or what was set aside for the call beside its prompt.
   *
   * @returns `undefined` where the model stops before the budget does
   */
  limitWithin(reserved: Budget, previousError: unknown, samples = 1): number | undefined {
    const { maxOutputTokens, traits } = this.#facts;
    if (maxOutputTokens !== undefined) return maxOutputTokens;
    if (reserved.tokens === undefined && reserved.costUsd === undefined) return undefined;
    const promptTokens = this.promptTokens(previousError);
    if (promptTokens === undefined) return undefined;
    const limit = Math.max(this.#roomWithin(reserved, promptTokens, samples), this.#needed);
    return limit < this.#cap ? limit : traits.maxOutputTokens;
  }

  /**
   * Learns from an answer.
   *
   * @param limit that the budget had set for the answer
   * @param isCut the answer ended at its limit
   */
  learn(previousError: unknown, usage: Usage, limit: number | undefined, isCut: boolean): void {
    const estimated = this.#scale === undefined && !usage.estimated ? this.promptTokens(previousError) : undefined;
    if (estimated && usage.inputTokens > 0) this.#scale = usage.inputTokens / estimated;
    if (!isCut) {
      this.#answers++;
      this.#longestAnswer = Math.max(this.#longestAnswer, usage.outputTokens);
    } else if (limit !== undefined) this.#longestCut = Math.max(this.#longestCut, limit);
  }

  /** Learns whether calls find their prompt in the cache. A miss after a hit shows that no price of the cache is sure. */
  learnCached({ cachedInputTokens = 0 }: Usage): void {
    if (cachedInputTokens > 0)
      this.#cachedTokens = Math.min(cachedInputTokens, this.#cachedTokens ?? cachedInputTokens);
    else if (this.#cachedTokens !== undefined) this.#cachedTokens = 0;
  }

  /** Tokens that a call is likely to use: its prompt, and an answer as long as the longest so far. */
  expectedTokens(previousError: unknown): number | undefined {
    const promptTokens = this.promptTokens(previousError);
    if (promptTokens === undefined) return undefined;
    const { usualAnswer, maxOutputTokens = roomForAnswer } = this.#facts;
    return promptTokens + (Math.max(this.#longestAnswer, usualAnswer) || maxOutputTokens);
  }

  /** Estimated tokens of a call's prompt, measured by the first answer. */
  promptTokens(previousError: unknown): number | undefined {
    const { questionTokens, correctionTokens } = this.#facts;
    const tokens = questionTokens();
    return tokens === undefined
      ? undefined
      : Math.ceil((tokens + correctionTokens(previousError)) * (this.#scale ?? 1));
  }

  /** True where several answers may share what is left: one of a tool that is not known yet, and may think, has all of it. */
  maySplit(share: Budget): boolean {
    if (!this.#isFirst || this.#facts.maxOutputTokens !== undefined) return true;
    if (share.tokens === undefined && share.costUsd === undefined) return true;
    return this.#roomWithin(share, this.promptTokens(undefined) ?? 0, 1) >= roomForThoughts;
  }

  get #isFirst(): boolean {
    return this.#answers === 0 && this.#longestCut === 0 && this.#facts.usualAnswer === 0;
  }

  get #cap(): number {
    return this.#facts.traits.maxOutputTokens ?? Number.POSITIVE_INFINITY;
  }

  /** The least room in which an answer of this bundle is known to fit, or not known not to. */
  get #needed(): number {
    const beyondCut = this.#longestCut < this.#longestAnswer ? 0 : Math.ceil(growth * this.#longestCut);
    return Math.min(this.#cap, Math.max(lowestLimit, this.#longestAnswer, beyondCut));
  }

  /**
   * Room that a call asks for. A call waits for others to give back what they do not use, rather than be squeezed below
   * what an answer may well need. It is not made with less than answers have needed. The first answer of a tool, which may
   * think, has all that is left, unless each call's share is ample.
   */
  #roomFor(shared: number, remaining: number, unspent: number): number {
    const ample = this.#isFirst && shared < roomForThoughts ? unspent : this.#ampleRoom();
    const wanted = Math.min(this.#cap, Math.max(shared, ample));
    const least = Math.max(this.#needed, Math.min(this.#cap, ample, unspent));
    return remaining < least ? least : Math.min(wanted, remaining);
  }

  /** Room in which the next answer fits for all that is known: the fewer answers were seen, the more. */
  #ampleRoom(): number {
    const factor = 2 + 2 / Math.max(1, this.#answers);
    const longest = this.#answers > 0 ? this.#longestAnswer : this.#facts.usualAnswer;
    return Math.max(leastRoom, Math.ceil(factor * longest), 2 * this.#longestCut);
  }

  /** Output tokens that a budget leaves room for beside the prompt; perhaps negative. */
  #roomWithin(budget: Budget, promptTokens: number, samples: number): number {
    const { priceOf } = this.#facts;
    const byTokens = ((budget.tokens ?? Number.POSITIVE_INFINITY) - promptTokens) / samples;
    const byCost =
      budget.costUsd === undefined || !priceOf
        ? Number.POSITIVE_INFINITY
        : outputTokensFor(budget.costUsd, promptTokens, (input, output) =>
            priceOf(input, samples * output, this.#cachedTokens),
          );
    return Math.floor(Math.min(byTokens, byCost, mostOutputTokens));
  }

  #cutReason(): string {
    return `an answer did not fit into ${this.#longestCut} output tokens, thoughts included, which was all that the budget left for it`;
  }
}

/** Returns a budget times a number; time is not multiplied. */
function timesOf({ tokens, costUsd }: Budget, times: number): Budget {
  return {
    ...(tokens !== undefined && { tokens: times * tokens }),
    ...(costUsd !== undefined && { costUsd: times * costUsd }),
  };
}

/** More than any model writes. */
const mostOutputTokens = 2 ** 24;

/** Returns the most output tokens whose price, prompt included, stays within `costUsd`. Prices rise with tokens. */
function outputTokensFor(
  costUsd: number,
  promptTokens: number,
  priceOf: (input: number, output: number) => number,
): number {
  let [fits, tooMany] = [0, mostOutputTokens];
  if (priceOf(promptTokens, tooMany) <= costUsd) return tooMany;
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (priceOf(promptTokens, middle) <= costUsd) fits = middle;
    else tooMany = middle;
  }
  return fits;
}

/**
 * Returns the cost of a call in US dollars; `null` where its price is not known. A source of prices that fails, or gives
 * no price, is a warning: the answer is paid for all the same.
 */
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
    return unknown(`gave ${given}, and not a number of at least 0 or null`);
  } catch (error) {
    return unknown(`failed: ${messageOf(error)}`);
  }
}

const ceilingOfRun = "options.budget.costUsd";

/**
 * Returns the price of a call by its tokens. Where a provider's cache costs more, the whole prompt may go into it.
 *
 * @param ceiling name of the ceiling that the price is needed for
 * @throws InvalidOptionsError for a model without a known price
 */
export function priceOf(prices: PriceSource, model: LanguageModelLike, ceiling = ceilingOfRun): PriceOf {
  const price = (inputTokens: number, outputTokens: number, cached?: CachedParts) =>
    costOf(prices, model, { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, ...cached });
  const plain = price(1, 1);
  if (plain === null) throw unknownPrice(model, ceiling);
  const isCachingDearer = (price(1, 1, { cacheWriteInputTokens: 1 }) ?? 0) > plain;
  return (inputTokens, outputTokens, cachedTokens = 0) => {
    const cachedInputTokens = Math.min(cachedTokens, inputTokens);
    const cached = {
      ...(cachedInputTokens > 0 && { cachedInputTokens }),
      ...(isCachingDearer && { cacheWriteInputTokens: inputTokens - cachedInputTokens }),
    };
    return price(inputTokens, outputTokens, cached) ?? Number.POSITIVE_INFINITY;
  };
}

type CachedParts = Pick<Usage, "cachedInputTokens" | "cacheWriteInputTokens">;

function unknownPrice({ provider, modelId }: LanguageModelLike, path: string): InvalidOptionsError {
  const model = `${provider}:${modelId}`;
  const orFlag = path === ceilingOfRun ? `, or the command --price '${modelId}=INPUT,OUTPUT'` : "";
  const message =
    `${path} needs a price for ${model}, and none is known. Give the tool, in code or in its file, ` +
    `prices: { ${JSON.stringify(modelId)}: { inputPerMillion: …, outputPerMillion: … } }, in dollars${orFlag}. ` +
    "Or drop the dollar budget.";
  const allowed = "a model with a known price, or a price of your own";
  return new InvalidOptionsError([{ path, given: `${model}, whose price is not known`, allowed, message }]);
}
