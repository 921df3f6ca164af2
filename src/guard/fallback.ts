import { consequencesOf } from "../contract/error-category.ts";
import { assertUsable } from "../core/errors.ts";
import { classify } from "./classify.ts";

/** Returns whether something else may succeed where this kind of failure occurred. */
export function canFallBack(category: string | undefined): boolean {
  return consequencesOf(category).fallback;
}

/** Candidates, and the way to try one. */
export interface FallbackOptions<Candidate, Result> {
  /** In the order in which they are tried. */
  readonly candidates: readonly [Candidate, ...Candidate[]];
  /**
   * Tries one candidate.
   *
   * @param place `hasFallback`: whether another one is left, for a guard to know that a long pause is not worth the wait
   */
  run(candidate: Candidate, place: { readonly hasFallback: boolean }): PromiseLike<Result> | Result;
  /** Hears that one candidate failed and the next one takes over. */
  onFallback?(failed: Candidate, next: Candidate, error: unknown): void;
}

/**
 * The result of the first candidate that succeeds.
 *
 * @throws InvalidOptionsError without a candidate or a function that tries one; what the last candidate threw; at once what no other candidate can make good, such as an invalid request
 *
 * @example
 * ```ts
 * const answer = await withFallback({
 *   candidates: ["primary", "secondary"],
 *   run: (name, place) => guards[name].run(() => ask(name), place),
 * });
 * ```
 */
export async function withFallback<Candidate, Result>(options: FallbackOptions<Candidate, Result>): Promise<Result> {
  const { candidates, run, onFallback } = (options ?? {}) as typeof options;
  const hasCandidate = Array.isArray(candidates) && candidates.length > 0;
  assertUsable(hasCandidate, "candidates", candidates, "a list of at least one candidate");
  assertUsable(typeof run === "function", "run", run, "a function that tries one candidate");
  const all = [...candidates];
  for (let at = 0; ; at++) {
    const [candidate, next] = [all[at], all[at + 1]] as [Candidate, Candidate];
    const hasFallback = at + 1 < all.length;
    try {
      return await run(candidate, { hasFallback });
    } catch (error) {
      if (!hasFallback || !canFallBack(classify(error).category)) throw error;
      onFallback?.(candidate, next, error);
    }
  }
}
