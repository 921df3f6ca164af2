import type { ResolvedBundleOptions, StoppingRuleName } from "../../contract/bundle-options.ts";
import type { LabelledCalibration } from "../../contract/settings.ts";
import type { Slices } from "../../core/slices.ts";
import { type PartialReplicate, summarizingParts } from "../../evidence/internal/parts.ts";
import { createPartsRule } from "../../evidence/internal/parts-rule.ts";
import { nextCount } from "../../evidence/internal/stopping/watched-answers.ts";
import { choicesFromSchema } from "../../evidence/schema-hints.ts";
import { createSlicedRule, type StoppingRuleOptions } from "../../evidence/stopping.ts";
import type { ResolvedSchema } from "../../schema/resolve.ts";
import type { FieldResampling } from "./field-resampling.ts";
import type { Rule } from "./replicate-scheduler.ts";
import { createTargetRule, targetOf } from "./target-rule.ts";

/** Facts that decide when the replicates of a stage are enough. */
export interface BundleRuleOptions {
  /** Returns the options as they stand: how values compare may be learned on the way. */
  options(): ResolvedBundleOptions;
  readonly schema: ResolvedSchema | undefined;
  readonly resampling: FieldResampling | undefined;
  /** False where another model can be asked in place of sampling on. */
  readonly isLast: boolean;
  /** True where how values compare is learned on the way. */
  readonly learns: boolean;
  /** Calibration that says when a target confidence is reached. */
  readonly labelled?: LabelledCalibration | undefined;
}

/** After this many answers that all differ, asking the same model again is of little use. */
const hopelessSpread = 3;

/** Creates the stopping rule of one stage of a bundle. */
export function createBundleRule(given: BundleRuleOptions): Rule {
  const { options, schema, resampling, isLast, learns, labelled } = given;
  const target = targetOf(options());
  if (target !== undefined && labelled) return createTargetRule(target, labelled, options);
  const newRule = () => {
    const stopping = stoppingOptions(options(), schema);
    const single = stopping.rule === "none" ? askAll(stopping.k) : createSlicedRule(stopping);
    const rule = resampling ? resampleFields(resampling.parts, stopping) : single;
    return isLast ? rule : stopWhenScattered(rule, options());
  };
  return learns ? judgeAnew(newRule, options().k) : newRule();
}

/** Options of the rule that stops a bundle. */
export function stoppingOptions(
  options: ResolvedBundleOptions,
  schema: ResolvedSchema | undefined,
): StoppingRuleOptions {
  const { k, epsilon, stopping, compare, fields } = options;
  const isNamed = typeof stopping !== "object" || "target" in stopping;
  const { rule, threshold } = isNamed ? { rule: stopping as StoppingRuleName, threshold: undefined } : stopping;
  const choices = schema && choicesFromSchema(schema.jsonSchema);
  return { k, epsilon, rule, threshold, compare, fields, choices };
}

/** Creates a rule that asks for unsettled fields only, once there is a whole answer to put them into. */
function resampleFields(parts: readonly string[], options: StoppingRuleOptions): Rule {
  const rule = createPartsRule(parts, options);
  let hasWhole = false;
  return {
    needed: rule.needed,
    *observe(data, info) {
      hasWhole ||= info.valid && info.fields === undefined;
      const { unsettled, ...verdict } = yield* rule.observe(data, info);
      return hasWhole && unsettled.length < parts.length ? { ...verdict, fields: unsettled } : verdict;
    },
  };
}

/** Creates a rule that judges all replicates anew, by the comparison that is learned so far. */
function judgeAnew(newRule: () => Rule, k: number): Rule {
  const observed: Parameters<Rule["observe"]>[] = [];
  let due = 0;
  return {
    needed: newRule().needed,
    *observe(...replicate) {
      const earlier = observed.length;
      observed.push(replicate);
      if (observed.length < due) return { stop: false, needed: due - observed.length };
      due = nextCount(observed.length, k);
      const rule = newRule();
      for (const each of observed.slice(0, earlier)) yield* rule.observe(...each);
      const verdict = yield* rule.observe(...replicate);
      return verdict.stop ? verdict : { ...verdict, needed: Math.max(verdict.needed, due - observed.length) };
    },
  };
}

/** Creates a rule that never stops, and compares nothing. */
function askAll(k: number): Rule {
  let seen = 0;
  return {
    needed: k,
    *observe() {
      seen++;
      yield 1;
      return { stop: false, needed: Math.max(0, k - seen) };
    },
  };
}

/** Creates a rule that also stops when the first few answers agree on nothing. */
function stopWhenScattered(rule: Rule, { compare }: ResolvedBundleOptions): Rule {
  const seen: PartialReplicate<unknown>[] = [];
  return {
    needed: Math.min(hopelessSpread, rule.needed),
    *observe(data, info) {
      const verdict = yield* rule.observe(data, info);
      seen.push({ id: String(seen.length), data, quality: { valid: info.valid }, fields: info.fields });
      const left = hopelessSpread - seen.length;
      if (verdict.stop || left < 0 || !(yield* isScattered(seen, compare))) return verdict;
      if (left > 0) return { ...verdict, needed: Math.min(left, verdict.needed) };
      return { ...verdict, stop: true, needed: 0, reason: `all of the first ${hopelessSpread} answers differ` };
    },
  };
}

function* isScattered(
  seen: readonly PartialReplicate<unknown>[],
  compare: ResolvedBundleOptions["compare"],
): Slices<boolean> {
  const matrix = (yield* summarizingParts(seen, compare)).pairwiseDistance ?? [];
  return matrix.every((row, index) => row.every((distance, other) => index === other || (distance ?? 1) > 0));
}
