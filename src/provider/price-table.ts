import * as v from "valibot";
import type { PriceSource } from "../contract/settings.ts";
import type { Usage } from "../contract/usage.ts";
import type { OptionIssue } from "../core/errors.ts";
import { collectOptions, declareOptions, finiteNumber, type OptionsInput } from "../core/options.ts";

/** Price of a model, in US dollars. */
export const modelPrice = declareOptions("ModelPrice", "prices", {
  /** Dollars for a million tokens of the prompt. */
  inputPerMillion: finiteNumber({ minimum: 0, unit: "dollars" }),
  /** Dollars for a million tokens of the answer, thoughts included. */
  outputPerMillion: finiteNumber({ minimum: 0, unit: "dollars" }),
  /** Dollars for a million tokens that the server reads from its cache. Default: `inputPerMillion`. */
  cachedInputPerMillion: v.optional(finiteNumber({ minimum: 0, unit: "dollars" })),
});

/** Price of a model, in US dollars. */
export type ModelPrice = Needed<"inputPerMillion" | "outputPerMillion"> & PriceOptions;

type Needed<Name extends keyof PriceOptions> = { [Each in Name]: NonNullable<PriceOptions[Each]> };

type PriceOptions = OptionsInput<typeof modelPrice>;

/** Prices by model: `"qwen3"`, or `"openai:gpt-5-mini"`. */
export type PriceTable = Readonly<Record<string, ModelPrice>>;

/** Names the faults in a table of prices. */
export function faultsInPrices(prices: unknown, path: string): readonly OptionIssue[] {
  if (typeof prices !== "object" || prices === null || Array.isArray(prices))
    return [{ path, given: prices, allowed: "an object of prices by model" }];
  const issues: OptionIssue[] = [];
  for (const [model, price] of Object.entries(prices))
    collectOptions(modelPrice, price ?? null, `${path}[${JSON.stringify(model)}]`, issues);
  return issues;
}

/** Returns a source that prices the models of a table, and asks another one for the rest. */
export function withPriceTable(prices: PriceTable, others: PriceSource): PriceSource {
  return {
    costUsd(call) {
      const { provider, modelId, usage } = call;
      const names = [modelId, `${provider}:${modelId}`, `${provider.replace(/\..*$/, "")}:${modelId}`];
      const name = names.find((candidate) => Object.hasOwn(prices, candidate));
      return name === undefined ? others.costUsd(call) : costOf(prices[name] as ModelPrice, usage);
    },
  };
}

function costOf({ inputPerMillion, outputPerMillion, ...price }: ModelPrice, usage: Usage): number {
  const cached = Math.min(usage.cachedInputTokens ?? 0, usage.inputTokens);
  const cachedPerMillion = price.cachedInputPerMillion ?? inputPerMillion;
  const dollars = (usage.inputTokens - cached) * inputPerMillion + cached * cachedPerMillion;
  return (dollars + usage.outputTokens * outputPerMillion) / 1_000_000;
}
