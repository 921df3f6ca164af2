import * as v from "valibot";
import { type CompareOptions, compareOptions, type StoppingRuleName, stoppingRuleNames } from "../contract/bundle.ts";
import { declareOptions, finiteNumber, listOf, nested, oneOf, resolveOptions, wholeNumber } from "../core/options.ts";
import { countVotes } from "./agreement.ts";
import { beta } from "./stopping/beta.ts";
import { certified } from "./stopping/certified.ts";
import type { FieldState } from "./stopping/field-rule.ts";
import { horizon } from "./stopping/horizon.ts";
import { type Judge, judgeByDistance, judgeByField, judgeNothing } from "./stopping/judge.ts";
import { keptLeadProbability } from "./stopping/lead-probability.ts";
import { lossless } from "./stopping/lossless.ts";
import { WatchedAnswers } from "./stopping/watched-answers.ts";

const stoppingRuleOptions = declareOptions("StoppingRuleOptions", "createStoppingRule", {
  /** The most replicates that will come. */
  k: wholeNumber({ minimum: 1, unit: "replicates" }),
  /** Mean distance at which the epsilon rule stops. Given without `rule`, it selects that rule. */
  epsilon: v.optional(finiteNumber({ minimum: 0, maximum: 1 })),
  /** When to stop before `k`. `"auto"`: lossless up to 3, else horizon. */
  rule: v.optional(oneOf(stoppingRuleNames)),
  /** Of horizon (0.98) and beta (0.95) a probability, of certified (0.05) an error, of epsilon (0.2) a distance. */
  threshold: v.optional(finiteNumber({ minimum: 0, maximum: 1 })),
  /** How values are compared. */
  compare: v.optional(nested(compareOptions.entries)),
  /** JSON pointers of the fields that have to be settled. Default: every field. */
  fields: v.optional(listOf(v.string(), 'a list of JSON pointers such as "/severity"')),
  /** How many answers a field can have, by JSON pointer: the length of its enum. Default: as many as were seen. */
  choices: v.optional(v.record(v.string(), wholeNumber({ minimum: 1, unit: "answers" }))),
});

/** When to stop asking. */
export interface StoppingRuleOptions {
  k: number;
  epsilon?: number | undefined;
  rule?: StoppingRuleName | undefined;
  threshold?: number | undefined;
  compare?: CompareOptions | undefined;
  fields?: readonly string[] | undefined;
  choices?: Readonly<Record<string, number>> | undefined;
}

/** What a rule says after a replicate. */
export interface StoppingVerdict {
  stop: boolean;
  /** Which rule stopped, with which numbers; only of a stop. */
  reason?: string;
  /** Probability, in [0, 1], that the replicates that are left would change no field's leading answer. */
  stability: number;
  /**
   * The fewest further replicates that could end it (0 of a stop; at most those left). Exact for fields that are
   * compared exactly and are there in every answer; else a good guess.
   */
  needed: number;
}

/** Hears replicate after replicate, in index order, and says when they are enough. */
export interface StoppingRule {
  /** The fewest replicates that could end it, before any has come. */
  readonly needed: number;
  /** @param info `valid: false` for a replicate that counts against `k` and votes for nothing; default: valid */
  observe(data: unknown, info?: { valid?: boolean | undefined }): StoppingVerdict;
}

/**
 * A stopping rule. Every field is judged anew at each replicate, and the rule stops when all are settled. With a, b votes
 * of a field's first and second answer, n replicates seen (invalid ones too) and m = k - n left:
 *
 * - `"lossless"`: n >= 2 and a - b >= m. The answer of all k, for values compared exactly.
 * - `"horizon"`: two valid, and P(a + x >= b + m - x) >= threshold (0.98), x ~ BetaBinomial(m, a + 1, b + 1).
 * - `"epsilon"`: two valid, and their mean pairwise distance <= epsilon (0.2).
 * - `"beta"`: 1 - I_0.5(a + 1, b + 1) >= threshold (0.95): Adaptive-Consistency (Aggarwal et al. 2023).
 * - `"certified"`: 1 / BetaPDF(0.5; a + 1, b + 1) >= max(1, answers - 1) / threshold (0.05); anytime-valid (Ville 1939).
 * - `"none"`: never.
 *
 * @throws InvalidOptionsError where the options cannot be used
 *
 * @example
 * ```ts
 * const rule = createStoppingRule({ k: 10 });
 * for (const answer of answers) if (rule.observe(answer).stop) break;
 * ```
 */
export function createStoppingRule(options: StoppingRuleOptions): StoppingRule {
  const { k, compare, fields, choices = {}, ...given } = resolveOptions(stoppingRuleOptions, options);
  const name = selectRule(k, given);
  const judge = judgeOf(name, given);
  const answers = new WatchedAnswers(compare, fields);
  let seen = 0;
  const verdict = (valid: number) => {
    const progress = { valid, seen, left: Math.max(0, k - seen) };
    const states = statesOf(answers, choices, progress);
    return { states, ...judge({ ...progress, table: answers.table, fields: answers.fields, states }) };
  };
  return {
    needed: verdict(0).needed,
    observe(data, { valid = true } = {}) {
      seen++;
      if (valid) answers.add(data);
      const { because, states, ...judged } = verdict(answers.table.rows);
      const reason = because === undefined ? {} : { reason: `${name} after ${seen} of ${k}: ${because}` };
      return { ...judged, ...reason, stability: stabilityOf(states) };
    },
  };
}

function selectRule(
  k: number,
  { rule, epsilon }: { rule?: StoppingRuleName | undefined; epsilon?: number | undefined },
) {
  if (rule === undefined && epsilon !== undefined) return "epsilon";
  if (rule !== undefined && rule !== "auto") return rule;
  return k <= 3 ? "lossless" : "horizon";
}

function judgeOf(
  name: Exclude<StoppingRuleName, "auto">,
  { threshold, epsilon }: { threshold?: number | undefined; epsilon?: number | undefined },
): Judge {
  switch (name) {
    case "lossless":
      return judgeByField(lossless);
    case "horizon":
      return judgeByField(horizon(threshold ?? 0.98));
    case "beta":
      return judgeByField(beta(threshold ?? 0.95));
    case "certified":
      return judgeByField(certified(threshold ?? 0.05));
    case "epsilon":
      return judgeByDistance(threshold ?? epsilon ?? 0.2);
    case "none":
      return judgeNothing;
  }
}

/** How the votes stand on each watched field; on all together where no answer has one, as all agree on nothing there. */
function statesOf(
  { fields }: WatchedAnswers,
  choices: Readonly<Record<string, number>>,
  progress: Pick<FieldState, "valid" | "seen" | "left">,
): FieldState[] {
  if (fields.length === 0)
    return [{ ...progress, first: progress.valid, second: 0, distinct: Math.min(1, progress.valid) }];
  return fields.map((field) => {
    const votes = countVotes(field);
    return { ...progress, ...votes, distinct: Math.max(votes.distinct, choices[field.pointer] ?? 0) };
  });
}

function stabilityOf(states: readonly FieldState[]): number {
  const probabilities = states.map(({ first, second, valid, left }) =>
    valid === 0 ? 0 : keptLeadProbability(first, second, left),
  );
  return Math.min(...probabilities);
}
