import type { StandardSchemaV1 } from "@standard-schema/spec";
import * as v from "valibot";
import type { JSONSchema } from "../core/json.ts";
import {
  checkedBy,
  declareOptions,
  finiteNumber,
  listOf,
  milliseconds,
  nested,
  type OptionsInput,
  type OptionsInputWith,
  oneOf,
  text,
  wholeNumber,
} from "../core/options.ts";
import type { LanguageModelLike } from "./model.ts";
import { optionPlaces } from "./option-places.ts";
import type { Budget } from "./usage.ts";

export const stoppingRuleNames = ["auto", "epsilon", "horizon", "lossless", "beta", "certified", "none"] as const;
/** The rules by which a bundle may end before `k` answers. */
export type StoppingRuleName = (typeof stoppingRuleNames)[number];

/** The entries of a budget, wherever one may be given. */
export const budgetEntries = {
  /** Input and output tokens together. */
  tokens: v.optional(wholeNumber({ minimum: 0, unit: "tokens" })),
  /** US dollars. */
  costUsd: v.optional(finiteNumber({ minimum: 0, unit: "US dollars" })),
  /** Milliseconds from the start. */
  timeMs: v.optional(milliseconds()),
};

const budget = (): v.GenericSchema<Budget> => nested(budgetEntries) as unknown as v.GenericSchema<Budget>;

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Model that decides which texts mean the same: `true` is the tool's own model. `prompt` replaces the instructions that it
 * is given.
 */
export type JudgeOption = true | string | LanguageModelLike | { model: string | LanguageModelLike; prompt?: string };

const fieldCompareEntries = {
  /** Numbers this close are one value: relative (`0.01` is one per cent), or `{ absolute: 0.5 }`. Default: equal only. */
  tolerance: v.optional(
    checkedBy<number | { absolute: number }>(
      (value) =>
        isTolerance(value) || (hasOnly(value, "absolute") && isTolerance((value as { absolute: unknown }).absolute)),
      "a number of at least 0, or { absolute: a number of at least 0 }",
    ),
  ),
  /**
   * Rule by which two strings are one answer: `"same"` (default, or `true`) where they say the same in another form, as `sameAnswer`
   * has it; `"exact"` (or `false`) only to the letter, which is the default of strings with an enum, a const or a format.
   */
  text: v.optional(
    checkedBy<boolean | "same" | "exact">(
      (value) => typeof value === "boolean" || value === "same" || value === "exact",
      '"same" (or true) or "exact" (or false)',
    ),
  ),
  /**
   * Model that decides which of the texts that `"same"` keeps apart mean the same: `true` asks the tool's own model. One
   * short call a wave, and only where texts differ. Where it fails, `"same"` decides alone, and a `warning` says so.
   */
  judge: v.optional(
    checkedBy<JudgeOption>(
      isJudge,
      'true, a model such as "openai:gpt-5-nano", or { model, prompt: "instructions of your own" }',
    ),
  ),
  /**
   * Alignment of list items: `"content"` (default), in any order: equal ones, then those of one key, then the most alike;
   * `"position"`; or by a key of their objects alone. `"align"` is another word for `"content"`.
   */
  lists: v.optional(
    checkedBy<"content" | "position" | "align" | { key: string }>(
      (value) =>
        ["content", "position", "align"].includes(value as string) ||
        (hasOnly(value, "key") && typeof (value as { key: unknown }).key === "string"),
      '"content", "position" or { key: "the name of a property" }',
    ),
  ),
  /**
   * Similarity of two texts in [0, 1], from 0.5 on one answer, in place of `"same"`: an embedding model, an entailment
   * judge. Where it fails, no more answers are asked for, and those that are there are compared without it.
   */
  similarity: v.optional(
    checkedBy<(a: string, b: string) => number | Promise<number>>(
      (value) => typeof value === "function",
      "a function of two texts that gives a number from 0 to 1",
    ),
  ),
};

/** A function stands for the verdicts of a judge that was asked. */
function isJudge(value: unknown): boolean {
  if (value === true || typeof value === "function") return true;
  if (typeof value === "string") return value.includes(":");
  if (!isObject(value)) return false;
  const { model, prompt, doGenerate } = value as { model?: unknown; prompt?: unknown; doGenerate?: unknown };
  if (typeof doGenerate === "function") return true;
  const isModel = typeof model === "string" || isObject(model);
  return hasOnly(value, "model", "prompt") && isModel && (prompt === undefined || typeof prompt === "string");
}

/** True of an object without other properties: a misspelt one would be an option that does nothing. */
function hasOnly(value: unknown, ...names: readonly string[]): boolean {
  return isObject(value) && Object.keys(value as object).every((name) => names.includes(name));
}

function isTolerance(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && Number.isFinite(value);
}

const pointer = () =>
  v.custom<string>(
    (value) => typeof value === "string" && /^(\/|$)/.test(value),
    ({ input }) => `a JSON pointer: "" for the whole answer, or "/" before each step, such as "/${input}"`,
  );

export const compareOptions = declareOptions("CompareOptions", "compare", {
  ...fieldCompareEntries,
  /** Weight of a field in distances and confidence, by JSON pointer. Default: 1 each. */
  weights: v.optional(
    v.record(pointer(), finiteNumber({ minimum: 0 }), "an object of JSON pointers and numbers of at least 0"),
  ),
  /** The same options for single fields, by JSON pointer; `*` stands for any list index. */
  byPath: v.optional(v.record(pointer(), nested(fieldCompareEntries), "an object of JSON pointers and options")),
});

/** Rules by which values are compared: for all fields, or by JSON pointer. */
export interface CompareOptions extends OptionsInputWith<typeof fieldCompareEntries, typeof compareOptions> {}

const compare = (): v.GenericSchema<CompareOptions> =>
  nested(compareOptions.entries) as unknown as v.GenericSchema<CompareOptions>;

export const bundleOptions = declareOptions(
  "BundleOptions",
  "toolOptions",
  {
    /** The most answers that are asked for. */
    k: v.optional(wholeNumber({ minimum: 1, maximum: 10_000, unit: "answers" }), 3),
    /** A seed for each answer. Default: derived from the request, so that the same request asks with the same seeds. */
    seeds: v.optional(
      listOf(wholeNumber({ minimum: 0, maximum: 2 ** 31 - 1 }), "a list of whole numbers, one per answer"),
    ),
    /** Stop when the mean distance of the answers is at most this. Given without `stopping`, it selects that rule. */
    epsilon: v.optional(finiteNumber({ minimum: 0, maximum: 1 }), 0.2),
    /**
     * Rule that stops before `k` answers: a rule, or a rule with its threshold. `"auto"`: lossless up to 3, else horizon.
     * `{ target: 0.95 }`: until the confidence is reached, or is out of reach; it takes 30 labels of the task.
     */
    stopping: v.optional(
      checkedBy<StoppingRuleName | { rule: StoppingRuleName; threshold?: number | undefined } | { target: number }>(
        isStopping,
        `one of ${stoppingRuleNames.map((name) => `"${name}"`).join(", ")}, { rule, threshold } or { target: 0.95 }`,
      ),
      "auto",
    ),
    /** A registered schema, or one on an allowed host, that answers must fit. */
    schemaUri: v.optional(text("the URI of a schema")),
    /** A JSON schema or a Standard Schema (zod, valibot, arktype) that answers must fit. */
    schema: v.optional(
      checkedBy<StandardSchemaV1<any, any> | JSONSchema>(
        (value) => isObject(value) || typeof value === "function",
        "a JSON schema object or a Standard Schema (zod, valibot, arktype)",
      ),
    ),
    /** Most answers in flight at once. The lower of this and the run's `maxParallel` holds. */
    maxParallel: v.optional(wholeNumber({ minimum: 1, unit: "calls" }), 10),
    /** Ceiling of each single answer. */
    perReplicateBudget: v.optional(budget()),
    /** Ceiling of all answers together. */
    globalBudget: v.optional(budget()),
    /** Rules by which answers are compared. */
    compare: v.optional(compare()),
    /** JSON pointers of the fields that have to be settled before stopping; `*` stands for any list index. Default: every field. */
    fields: v.optional(listOf(pointer(), 'a list of JSON pointers such as "/severity"')),
    /**
     * Ask a stronger model, once the first stays too uncertain, instead of sampling on. Held against `below` is
     * `calibratedConfidence` where labels give one, else `confidence`.
     */
    escalate: v.optional(
      checkedBy<{ below: number; to: readonly (string | LanguageModelLike)[] }>(
        isEscalation,
        '{ below: a confidence from 0 to 1, to: ["provider:model", …] }',
      ),
    ),
    /** After the first wave, ask again for whole answers or only for the fields that are not settled. */
    resample: v.optional(oneOf(["objects", "fields"]), "objects"),
  },
  optionPlaces,
);

function isEscalation(value: unknown): boolean {
  const { below, to } = (value ?? {}) as { below?: unknown; to?: unknown };
  const isShare = typeof below === "number" && below >= 0 && below <= 1;
  return (
    hasOnly(value, "below", "to") &&
    isShare &&
    Array.isArray(to) &&
    to.every((model) => typeof model === "string" || isObject(model))
  );
}

function isStopping(value: unknown): boolean {
  if (typeof value === "string") return stoppingRuleNames.includes(value as StoppingRuleName);
  if (hasOnly(value, "target")) {
    const { target } = value as { target?: unknown };
    return typeof target === "number" && target > 0 && target < 1;
  }
  if (!hasOnly(value, "rule", "threshold")) return false;
  const { rule, threshold } = value as { rule?: unknown; threshold?: unknown };
  return isStopping(rule) && typeof rule === "string" && (threshold === undefined || typeof threshold === "number");
}

/** Options of a bundle, as callers give them. */
export interface BundleOptions extends OptionsInput<typeof bundleOptions> {}
/** Options that a run may give a bundle tool. The schema is the tool's own. */
export type BundleToolOptions = Omit<BundleOptions, "schema">;

/** Options as a bundle tool reads them: defaults filled in, a seed for every replicate. */
export interface ResolvedBundleOptions extends BundleOptions {
  readonly k: number;
  readonly epsilon: number;
  readonly maxParallel: number;
  readonly seeds: readonly number[];
}
