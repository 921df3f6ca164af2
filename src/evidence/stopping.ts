import * as v from "valibot";
import { compareOptions, stoppingRuleNames } from "../contract/bundle-options.ts";
import {
  declareOptions,
  finiteNumber,
  listOf,
  nested,
  type OptionsInput,
  oneOf,
  resolveOptions,
  wholeNumber,
} from "../core/options.ts";
import { atOnce, type Slices } from "../core/slices.ts";
import { selectJudge } from "./internal/stopping/stopping-judges.ts";
import { nextCount, stabilityOf, statesOf, WatchedAnswers } from "./internal/stopping/watched-answers.ts";

export const stoppingRuleOptions = declareOptions("StoppingRuleOptions", "createStoppingRule", {
  /** The most replicates that will come. */
  k: wholeNumber({ minimum: 1, unit: "replicates" }),
  /** Mean distance at which the epsilon rule stops. Given without `rule`, it selects that rule. */
  epsilon: v.optional(finiteNumber({ minimum: 0, maximum: 1 })),
  /** Rule that stops before `k`. `"auto"`: lossless up to 3, else horizon. */
  rule: v.optional(oneOf(stoppingRuleNames)),
  /** Probability for horizon (0.975) and beta (0.95), error for certified (0.05), distance for epsilon (0.2). */
  threshold: v.optional(finiteNumber({ minimum: 0, maximum: 1 })),
  /** Comparison of values. */
  compare: v.optional(nested(compareOptions.entries)),
  /** JSON pointers of the fields that have to be settled; `*` stands for any list index. Default: every field. */
  fields: v.optional(listOf(v.string(), 'a list of JSON pointers such as "/severity"')),
  /** Number of answers that a field can have, by JSON pointer (`*`: any list index), for certified. Default: as seen. */
  choices: v.optional(
    v.record(v.string(), wholeNumber({ minimum: 1, unit: "answers" }), "an object of JSON pointers and whole numbers"),
  ),
});

/** Rule that says when to stop asking. */
export interface StoppingRuleOptions extends Omit<OptionsInput<typeof stoppingRuleOptions>, "k"> {
  /** The most replicates that will come. */
  k: number;
}

/** Verdict of a rule after a replicate. */
export interface StoppingVerdict {
  /** True where more answers would change nothing, by the rule. */
  stop: boolean;
  /** Rule that stopped, with its numbers; set only for a stop. */
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
  /**
   * Hears of the next replicate.
   *
   * @param info `valid: false` for a replicate that counts against `k` and votes for nothing; default: valid.
   * `hasLogprobs: true` for one whose log-probabilities may break a tie
   */
  observe(data: unknown, info?: { valid?: boolean | undefined; hasLogprobs?: boolean | undefined }): StoppingVerdict;
}

/**
 * A stopping rule. Every field is judged anew at each replicate, and the rule stops when all are settled. Where answers have
 * lists, a tolerance or a similarity, this holds for the first 64 replicates, and later for each sixteenth more. With a, b
 * votes of a field's first and second answer, n replicates seen (invalid ones too) and m = k - n left:
 *
 * - `"lossless"`: n >= 2 and a - b >= m. The answer of all k, for values compared exactly.
 * - `"horizon"`: two valid, and P(a + x >= b + m - x) >= threshold (0.975), x ~ BetaBinomial(m, a + 1, b + 1).
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
  const { needed, observe } = createSlicedRule(resolveOptions(stoppingRuleOptions, options));
  return { needed, observe: (data, info) => atOnce(observe(data, info)) };
}

/** A stopping rule that observes in slices. */
export interface SlicedRule {
  readonly needed: number;
  observe(...replicate: Parameters<StoppingRule["observe"]>): Slices<StoppingVerdict>;
}

/** Creates a stopping rule that observes in slices, of options that are checked already. */
export function createSlicedRule(options: StoppingRuleOptions): SlicedRule {
  const { k, compare, fields, choices = {}, ...given } = options;
  const { name, judge } = selectJudge(k, given);
  const answers = new WatchedAnswers(compare, fields);
  let seen = 0;
  /** Number of replicates below which no verdict is due, and the stability of the last one. */
  let [due, stability] = [0, 0];
  function* verdict() {
    yield* answers.tabulate();
    const valid = answers.table.rows;
    const progress = { valid, seen, left: Math.max(0, k - seen) };
    const states = yield* statesOf(answers.fields, choices, progress, answers.hasLogprobs);
    return { states, ...(yield* judge({ ...progress, table: answers.table, fields: answers.fields, states })) };
  }
  return {
    needed: atOnce(verdict()).needed,
    *observe(data, { valid = true, hasLogprobs = false } = {}) {
      seen++;
      answers.hasLogprobs ||= hasLogprobs;
      if (valid) yield* answers.add(data);
      if (seen < due) return { stop: false, needed: due - seen, stability };
      const { because, states, ...judged } = yield* verdict();
      stability = stabilityOf(states);
      if (because !== undefined) return { ...judged, reason: `${name} after ${seen} of ${k}: ${because}`, stability };
      if (answers.areCountedAnew) due = nextCount(seen, k);
      return { ...judged, needed: Math.max(judged.needed, due - seen), stability };
    },
  };
}
