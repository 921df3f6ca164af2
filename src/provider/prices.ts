import type { calcPrice, findProvider, Provider } from "@pydantic/genai-prices";
import type { PriceSource } from "../contract/settings.ts";
import type { Usage } from "../contract/usage.ts";
import { lazily } from "../core/lazily.ts";

/** Name of a model: the AI SDK's name of its provider, and its own. */
interface ModelName {
  readonly provider: string;
  readonly modelId: string;
}

/** The prices of a catalogue. */
export interface PriceCatalogue extends PriceSource {
  /** Returns the entry that a model's price comes from: the catalogue knows many names by patterns. `null` where there is none. */
  match(model: ModelName): ModelName | null;
}

/** Names that the AI SDK gives to providers, and the catalogue does not know. */
const aliases: Readonly<Record<string, string>> = { togetherai: "together", "azure-openai": "azure" };

/**
 * Loads the prices of the catalogue `@pydantic/genai-prices`, in US dollars. An unknown model or server has the price `null`,
 * never 0. A batch costs half. A simulated model costs nothing. A recorded answer costs what it cost when it was recorded.
 *
 * @example
 * ```ts
 * const prices = await defaultPrices();
 * const usage = { inputTokens: 1000, outputTokens: 100, totalTokens: 1100 };
 * prices.costUsd({ provider: "openai.responses", modelId: "gpt-5-mini", usage }); // 0.00045
 * ```
 */
export const defaultPrices: () => Promise<PriceCatalogue> = lazily(
  async () => new GenaiPrices(await import("@pydantic/genai-prices")),
);

/**
 * Part of the price that a batch costs, cached prompts included: https://platform.openai.com/docs/guides/batch,
 * https://platform.claude.com/docs/en/build-with-claude/batch-processing, https://ai.google.dev/gemini-api/docs/batch-api.
 */
const batchShare = 0.5;

/** Tells the providers of batches from others by the AI SDK's names of them: `openai.batch`. */
export function isBatched(provider: string): boolean {
  return provider.endsWith(".batch");
}

const mostSellers = 100;

class GenaiPrices implements PriceCatalogue {
  readonly #data: { calcPrice: typeof calcPrice; findProvider: typeof findProvider };
  /** Sellers of the latest providers: the catalogue tries the patterns of all. */
  readonly #sellers = new Map<string, Provider | undefined>();

  constructor(data: { calcPrice: typeof calcPrice; findProvider: typeof findProvider }) {
    this.#data = data;
  }

  costUsd({ usage, ...model }: ModelName & { usage: Usage }): number | null {
    if (model.provider === "simulated") return 0;
    const price = this.#calculate(model, usage)?.total_price ?? null;
    return price !== null && isBatched(model.provider) ? batchShare * price : price;
  }

  match(model: ModelName): ModelName | null {
    const price = this.#calculate(model, { inputTokens: 1, outputTokens: 1 });
    return price && { provider: price.provider.id, modelId: price.model.id };
  }

  #calculate(
    { provider, modelId }: ModelName,
    usage: Pick<Usage, "inputTokens" | "outputTokens" | "cachedInputTokens" | "cacheWriteInputTokens">,
  ) {
    const seller = this.#seller(provider);
    if (!seller) return null;
    const { inputTokens, outputTokens, cachedInputTokens = 0, cacheWriteInputTokens = 0 } = usage;
    const cacheReadTokens = Math.min(cachedInputTokens, inputTokens);
    return this.#data.calcPrice(
      {
        input_tokens: inputTokens,
        output_tokens: outputTokens,
        cache_read_tokens: cacheReadTokens,
        cache_write_tokens: Math.min(cacheWriteInputTokens, inputTokens - cacheReadTokens),
      },
      modelId,
      { provider: seller },
    );
  }

  #seller(provider: string): Provider | undefined {
    if (!this.#sellers.has(provider)) {
      if (this.#sellers.size === mostSellers) this.#sellers.clear();
      this.#sellers.set(provider, this.#findSeller(provider));
    }
    return this.#sellers.get(provider);
  }

  /** An OpenAI-compatible server is known by its address. */
  #findSeller(provider: string): Provider | undefined {
    const name = provider.replace(/^recorded\./, "");
    const host = /^openai-compatible:(.+?)(\.chat)?$/.exec(name)?.[1];
    if (host) return this.#data.findProvider({ providerApiUrl: `https://${host}` });
    const [providerId = ""] = name.split(".");
    return this.#data.findProvider({ providerId: aliases[providerId] ?? providerId });
  }
}
