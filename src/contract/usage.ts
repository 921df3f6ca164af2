import { showValue } from "../core/errors.ts";

/** Tokens that one or several model calls used. */
export interface Usage {
  /** Tokens of prompts, cached ones included. */
  inputTokens: number;
  /** Tokens of answers, thoughts included. */
  outputTokens: number;
  /** Both together. */
  totalTokens: number;
  /** Part of `inputTokens` that the provider had cached. */
  cachedInputTokens?: number;
  /** Part of `inputTokens` that the provider put into its cache, which some charge more for. */
  cacheWriteInputTokens?: number;
  /** Part of `outputTokens` that was spent on reasoning. */
  reasoningTokens?: number;
  /** True where the provider withheld the figures of at least one call, and a bound stands in for them. */
  estimated?: boolean;
  /** Model calls behind the figures, failed and aborted ones included. Left out: one. */
  requests?: number;
}

/** Amounts that something cost, or may cost: the same shape for a price of tokens, of money and of time. */
export interface Budget {
  /** Input and output tokens together. */
  tokens?: number | undefined;
  /** US dollars. */
  costUsd?: number | undefined;
  /** Milliseconds from the start of the run. */
  timeMs?: number | undefined;
}

/** The most that one call may use, with what a refusal says of it. */
export interface CallBound extends Budget {
  /** Nothing has told yet how large the call really is. */
  readonly isEstimate?: boolean | undefined;
  /** Reason why the call needs so much, as a sentence without its full stop. */
  readonly because?: string | undefined;
}

/** Usage and cost of a piece of work. A cost is `null` as soon as the price of one call in it is not known. */
export interface Spent {
  readonly usage: Usage;
  readonly costUsd: number | null;
}

export function zeroUsage(): Usage {
  return { inputTokens: 0, outputTokens: 0, totalTokens: 0, requests: 0 };
}

export const nothingSpent: Spent = Object.freeze({ usage: Object.freeze(zeroUsage()), costUsd: 0 });

/**
 * Returns reported usage in a form that can be added up. Usage without a price has an unknown one; no usage at all costs nothing.
 *
 * @throws TypeError naming the field and its value, where a figure would spoil every sum that it goes into
 */
export function toSpent(usage: Usage | undefined, costUsd: number | null | undefined): Spent {
  if (usage && typeof usage !== "object") throw badFigure("usage", usage);
  const spent = {
    usage: usage ? completeUsage(usage) : zeroUsage(),
    costUsd: costUsd === undefined ? (usage ? null : 0) : costUsd,
  };
  for (const field of countFields) {
    const isMissing = spent.usage[field] === undefined && optionalCounts.has(field);
    if (!isMissing && !isAmount(spent.usage[field])) throw badFigure(`usage.${field}`, spent.usage[field]);
  }
  if (spent.costUsd !== null && !isAmount(spent.costUsd)) throw badFigure("costUsd", spent.costUsd);
  return spent;
}

/**
 * A usage with all its parts. What was left out follows from the others; where it does not, the usage says that it is
 * estimated. `undefined`, null and NaN, the sum of what is not there, are left out.
 */
export function completeUsage(usage: Usage): Usage {
  if (requiredCounts.every((field) => !isLeftOut(usage[field]))) return usage;
  const given = Object.fromEntries(Object.entries(usage).filter(([, value]) => !isLeftOut(value))) as Partial<Usage>;
  const { inputTokens = rest(given.totalTokens, given.outputTokens) } = given;
  const { outputTokens = rest(given.totalTokens, inputTokens) } = given;
  const { totalTokens = inputTokens + outputTokens } = given;
  const isKnown = requiredCounts.filter((field) => given[field] !== undefined).length > 1;
  return { ...given, inputTokens, outputTokens, totalTokens, ...(!isKnown && { estimated: true }) };
}

function rest(totalTokens = 0, otherTokens = 0): number {
  return Math.max(0, totalTokens - otherTokens);
}

function isLeftOut(figure: unknown): boolean {
  return figure === undefined || figure === null || Number.isNaN(figure);
}

const requiredCounts = ["inputTokens", "outputTokens", "totalTokens"] as const;
const partCounts = ["cachedInputTokens", "cacheWriteInputTokens", "reasoningTokens"] as const;
const countFields = [...requiredCounts, ...partCounts, "requests"] as const;
const optionalCounts = new Set<keyof Usage>([...partCounts, "requests"]);

function isAmount(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY;
}

const allowedFor: Readonly<Record<string, string>> = {
  usage: "an object with inputTokens, outputTokens and totalTokens",
  costUsd: "a number of at least 0, or null where the price is not known",
};

function badFigure(field: string, value: unknown): TypeError {
  const allowed = allowedFor[field] ?? "a number of at least 0";
  return new TypeError(
    `What was reported as used cannot be counted: ${field} is ${showValue(value)}; allowed: ${allowed}.`,
  );
}

/** The sum of two usages. Optional parts are there where one of the two has them; a usage without `requests` is one. */
export function addUsage(a: Usage, b: Usage): Usage {
  const sum: Usage = {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    totalTokens: a.totalTokens + b.totalTokens,
    requests: (a.requests ?? 1) + (b.requests ?? 1),
  };
  for (const part of partCounts) {
    if (a[part] !== undefined || b[part] !== undefined) sum[part] = (a[part] ?? 0) + (b[part] ?? 0);
  }
  if (a.estimated || b.estimated) sum.estimated = true;
  return sum;
}

export function addCost(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

export function addSpent(a: Spent, b: Spent): Spent {
  return { usage: addUsage(a.usage, b.usage), costUsd: addCost(a.costUsd, b.costUsd) };
}

/** Returns what is left of `a` when `b`, a part of it, is taken away. */
export function subtractSpent(a: Spent, b: Spent): Spent {
  const left: Usage = { ...a.usage, requests: (a.usage.requests ?? 1) - (b.usage.requests ?? 1) };
  for (const count of [...requiredCounts, ...partCounts])
    if (left[count] !== undefined) left[count] = Math.max(0, (left[count] ?? 0) - (b.usage[count] ?? 0));
  const costUsd = a.costUsd === null || b.costUsd === null ? null : Math.max(0, a.costUsd - b.costUsd);
  return { usage: left, costUsd };
}
