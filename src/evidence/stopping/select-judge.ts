import type { StoppingRuleName } from "../../contract/bundle-options.ts";
import { beta } from "./beta.ts";
import { certified } from "./certified.ts";
import { horizon } from "./horizon.ts";
import { type Judge, judgeByDistance, judgeByField, judgeNothing } from "./judge.ts";
import { lossless } from "./lossless.ts";

/** Which rule is asked for, and how sharp. */
export interface JudgeOptions {
  readonly rule?: StoppingRuleName | undefined;
  readonly threshold?: number | undefined;
  readonly epsilon?: number | undefined;
}

/** Up to this many replicates in all, stopping is made lossless rather than early. */
const mostLossless = 3;

/** The judge that options ask for, and the name of its rule. */
export function selectJudge(k: number, options: JudgeOptions): { name: string; judge: Judge } {
  const name = selectRule(k, options);
  return { name, judge: judgeOf(name, options) };
}

function selectRule(k: number, { rule, epsilon }: JudgeOptions): Exclude<StoppingRuleName, "auto"> {
  if (rule === undefined && epsilon !== undefined) return "epsilon";
  if (rule !== undefined && rule !== "auto") return rule;
  return k <= mostLossless ? "lossless" : "horizon";
}

function judgeOf(name: Exclude<StoppingRuleName, "auto">, { threshold, epsilon }: JudgeOptions): Judge {
  switch (name) {
    case "lossless":
      return judgeByField(lossless);
    case "horizon":
      return judgeByField(horizon(threshold ?? 0.975));
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
