import { type Command, InvalidArgumentError } from "commander";
import type { RateLimits } from "../../guard/limits.ts";
import type { PriceTable } from "../../provider/price-table.ts";
import { providerOf } from "../../tool/prompt/model-reference.ts";
import type { ToolDefinition } from "./tool-file.ts";

/** Entries of a tool file that the command line gives in their place. */
export interface DefinitionFlags {
  readonly model?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly baseUrl?: string;
  readonly apiKeyEnv?: string;
  readonly price?: PriceTable;
  readonly limits?: RateLimits;
}

/** Adds the flags that stand for entries of a tool file. */
export function addDefinitionFlags(command: Command): Command {
  return command
    .option("-m, --model <provider:model>", "ask this model instead of the tool file's")
    .option("--base-url <url>", "address of the model's API")
    .option("--api-key-env <name>", "environment variable that holds the key")
    .option("--header <name: value>", "sent with each call; repeatable", headerFlag)
    .option(
      "--price <model=dollars>",
      "dollars for a million tokens, <model>=<input>,<output>[,<cached>]; repeatable",
      priceFlag,
    )
    .option(
      "--limits <model=limits>",
      "requests and tokens a minute, calls at once, as <model>=500rpm,200000tpm,20; repeatable",
      limitsFlag,
    );
}

/**
 * Returns a definition as the command line wants it. The headers, address and key of a file belong to its provider, so
 * that a model of another one is not sent them.
 */
export function withFlags(definition: ToolDefinition, flags: DefinitionFlags): ToolDefinition {
  const { model = definition.model, header, baseUrl, apiKeyEnv, price, limits } = flags;
  const own = definition.model ?? definition.models?.[0];
  const isSame = model === undefined || (own !== undefined && providerOf(model) === providerOf(own));
  const headers = isSame ? { ...definition.headers, ...header } : header;
  const given = {
    ...definition,
    model,
    models: flags.model === undefined ? definition.models : undefined,
    headers: headers && Object.keys(headers).length > 0 ? headers : undefined,
    baseUrl: baseUrl ?? (isSame ? definition.baseUrl : undefined),
    apiKeyEnv: apiKeyEnv ?? (isSame ? definition.apiKeyEnv : undefined),
    prices: (definition.prices || price) && { ...definition.prices, ...price },
    limits: (definition.limits || limits) && { ...definition.limits, ...limits },
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as ToolDefinition;
}

function headerFlag(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, value] = /^([^:\s]+):\s*(.+)$/.exec(text) ?? [];
  if (!name || !value) throw new InvalidArgumentError('It has to be a name and a value: "x-team: search".');
  return { ...before, [name]: value };
}

function priceFlag(text: string, before: PriceTable = {}): PriceTable {
  const [model, parts] = parted(text);
  const numbers = parts.map((part) => (/^\d*\.?\d+$/.test(part) ? Number(part) : Number.NaN));
  const [inputPerMillion = Number.NaN, outputPerMillion = Number.NaN, cachedInputPerMillion] = numbers;
  if (!model || numbers.length < 2 || numbers.length > 3 || numbers.some(Number.isNaN))
    throw new InvalidArgumentError("It has to be a model and dollars for a million tokens: qwen3=0.05,0.2");
  const price = { inputPerMillion, outputPerMillion, ...(numbers.length === 3 && { cachedInputPerMillion }) };
  return { ...before, [model]: price };
}

const limitOfUnit = { rpm: "requestsPerMinute", tpm: "tokensPerMinute", "": "maxConcurrent" } as const;

export function limitsFlag(text: string, before: RateLimits = {}): RateLimits {
  const [name, parts] = parted(text);
  const limit: Partial<Record<(typeof limitOfUnit)[keyof typeof limitOfUnit], number>> = {};
  for (const part of parts) {
    const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)(rpm|tpm)?$/i.exec(part) ?? [];
    const option = limitOfUnit[unit.toLowerCase() as keyof typeof limitOfUnit];
    if (digits === undefined || Number(digits) === 0 || limit[option] !== undefined) throw notLimits(part);
    limit[option] = Number(digits);
  }
  if (!name || parts.length === 0 || !Number.isInteger(limit.maxConcurrent ?? 1)) throw notLimits(text);
  return { ...before, [name]: limit };
}

function notLimits(text: string): InvalidArgumentError {
  const example = "openai:gpt-5-mini=500rpm,200000tpm,20 for requests and tokens a minute, and calls at once";
  return new InvalidArgumentError(`${JSON.stringify(text)} is not a limit. Write ${example}.`);
}

/** The name before the last "=", and the parts behind it. */
function parted(text: string): [name: string, parts: string[]] {
  const at = text.lastIndexOf("=");
  return [
    text.slice(0, Math.max(0, at)).trim(),
    text
      .slice(at + 1)
      .split(",")
      .map((part) => part.trim()),
  ];
}
