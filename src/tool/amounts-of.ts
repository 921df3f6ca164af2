import type { Budget } from "../contract/usage.ts";

/** What a ceiling says of the size of a call. Its time is none: a call may take so long, and need not. */
export function amountsOf(ceiling: Budget | undefined): Budget | undefined {
  return ceiling && { tokens: ceiling.tokens, costUsd: ceiling.costUsd };
}
