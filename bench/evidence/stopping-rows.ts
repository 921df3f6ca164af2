import { type CompareOptions, createStoppingRule, type StoppingRuleOptions } from "../../src/evidence.ts";
import type { Sample } from "./data-set.ts";

/** Hears samples one by one, and says when they are enough. */
export type Stopper = (sample: Sample) => boolean;

/** A row of a stopping table. */
export interface StoppingRow {
  readonly name: string;
  start(k: number): Stopper;
}

type RuleOptions = Omit<StoppingRuleOptions, "k">;

export const ourRules: readonly { readonly name: string; readonly options: RuleOptions }[] = [
  { name: "auto (the default)", options: {} },
  { name: "lossless", options: { rule: "lossless" } },
  { name: "horizon .975", options: { rule: "horizon" } },
  { name: "horizon .98", options: { rule: "horizon", threshold: 0.98 } },
  { name: "beta .95", options: { rule: "beta" } },
  { name: "certified .05", options: { rule: "certified" } },
  { name: "epsilon .2", options: { epsilon: 0.2 } },
];

/** A rule of ours as it is used, asked at every sample. */
export function ourRow(
  { name, options }: { name: string; options: RuleOptions },
  compare?: CompareOptions,
): StoppingRow {
  return {
    name,
    start(k) {
      const rule = createStoppingRule({ ...options, k, compare });
      return ({ data, valid }) => rule.observe(data, { valid }).stop;
    },
  };
}

/** How labels and normalised texts are compared, whatever their length. */
export const exactly: CompareOptions = { text: false };

/**
 * The same for single values compared exactly, remembering what the rule said: there it can depend on nothing but how
 * many votes each answer has. `checkMemory` tries that.
 */
export function rememberingRow({ name, options }: { name: string; options: RuleOptions }): StoppingRow {
  const verdicts = new Map<string, boolean>();
  const real = ourRow({ name, options }, exactly);
  return {
    name,
    start(k) {
      const heard: Sample[] = [];
      const votes = new Map<string, number>();
      return (sample) => {
        heard.push(sample);
        if (sample.valid) votes.set(sample.key, (votes.get(sample.key) ?? 0) + 1);
        const state = `${k}:${heard.length}:${[...votes.values()].sort((a, b) => b - a).join()}`;
        let stop = verdicts.get(state);
        if (stop === undefined) {
          const observe = real.start(k);
          stop = heard.map(observe).at(-1) as boolean;
          verdicts.set(state, stop);
        }
        return stop;
      };
    },
  };
}
