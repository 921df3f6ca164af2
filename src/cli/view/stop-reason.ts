import type { EvidenceBundle } from "../../contract/bundle.ts";
import type { StoppingRuleName } from "../../contract/bundle-options.ts";
import { counted } from "../progress/format.ts";

/** Findings of the stopping rules, for people. */
const ruleWords: Readonly<Record<Exclude<StoppingRuleName, "auto" | "none"> | "target", string>> = {
  epsilon: "the answers are alike enough",
  horizon: "the answers left are very unlikely to change the consensus",
  lossless: "the answers left cannot change the consensus",
  beta: "the lead of the consensus is very likely no chance",
  certified: "the votes are strong evidence against a tie",
  target: "the confidence that was asked for is reached",
};

function ruleIn({ earlyStopReason = "" }: StopFacts): keyof typeof ruleWords | undefined {
  const name = /^([a-z]+) after \d+ of \d+(?::|$)/.exec(earlyStopReason)?.[1];
  return name !== undefined && Object.hasOwn(ruleWords, name) ? (name as keyof typeof ruleWords) : undefined;
}

type StopFacts = Pick<EvidenceBundle["meta"], "earlyStopReason">;

/** True where a stopping rule ended the bundle before K, and not a limit, a failure or a cancellation. */
export function isStoppedByRule(meta: StopFacts): boolean {
  return ruleIn(meta) !== undefined;
}

/** Reason why a bundle has no more answers, for people. */
export interface StopReason {
  readonly title: string;
  readonly words: string;
  /** The rule and its numbers, as the bundle has them. */
  readonly detail?: string | undefined;
}

/** Says for people why a bundle has no more answers. */
export function describeStop(meta: StopFacts & Pick<EvidenceBundle["meta"], "k">): StopReason {
  const { earlyStopReason, k } = meta;
  const rule = ruleIn(meta);
  if (rule !== undefined) {
    const isOutOfReach = rule === "target" && earlyStopReason?.includes("out of reach");
    const words = isOutOfReach ? "no further answers could reach the confidence that was asked for" : ruleWords[rule];
    return { title: "Stopped here because", words, detail: earlyStopReason };
  }
  if (earlyStopReason === undefined || earlyStopReason === "")
    return { title: "Asked to the end:", words: `all ${counted(k, "answer")} were asked for` };
  if (earlyStopReason === "budget") return { title: "Cut off:", words: "the budget had no room for a further answer" };
  if (earlyStopReason === "time") return { title: "Cut off:", words: "the time of the run was over" };
  if (/^all of the first \d+ answers differ$/.test(earlyStopReason))
    return { title: "Stopped here because", words: earlyStopReason };
  return { title: "Cut off:", words: earlyStopReason };
}
