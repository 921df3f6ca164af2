import type { CallAttempt } from "../contract/call.ts";
import type { Usage } from "../contract/usage.ts";
import { messageOf } from "../core/errors.ts";

/**
 * Counts what an answer says that it used. Figures that nobody can count take no answer away that is paid for: what was
 * set aside for it counts in their place.
 *
 * @returns what is wrong with the figures
 */
export function countUse(
  attempt: CallAttempt,
  usage: Usage | undefined,
  costUsd: number | null | undefined,
): string | undefined {
  if (!usage && costUsd === undefined) return undefined;
  try {
    attempt.spend(usage, costUsd);
    return undefined;
  } catch (error) {
    const tokens = attempt.reserved.tokens ?? 0;
    attempt.spend({ inputTokens: tokens, outputTokens: 0, totalTokens: tokens, estimated: true }, null);
    return `${messageOf(error)} What was set aside for the answer counts instead.`;
  }
}
