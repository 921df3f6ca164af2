import type { EvidenceContent } from "../../contract/bundle.ts";
import type { OrchestrationOutput } from "../../contract/output.ts";
import { addCost } from "../../contract/usage.ts";
import { isRight } from "./is-right.ts";
import type { TriviaQuestion } from "./questions.ts";

/** What came of one question. */
export interface Answered {
  /** Whether the consensus is right. */
  readonly isRight: boolean;
  /** Of the consensus; 0 where there is none. */
  readonly confidence: number;
  /** Answers that were asked for. */
  readonly answerCount: number;
  /** Those of them that are right, each taken alone. */
  readonly rightAnswerCount: number;
  readonly costUsd: number | null;
}

export function judge({ gold }: TriviaQuestion, output: OrchestrationOutput<EvidenceContent<string>>): Answered {
  const bundle = output.content?.evidenceBundle;
  const answers = (bundle?.replicates ?? []).map(({ data }) => (typeof data === "string" ? data : ""));
  return {
    isRight: isRight(bundle?.summary.consensus ?? "", gold),
    confidence: bundle?.summary.confidence ?? 0,
    answerCount: answers.length,
    rightAnswerCount: answers.filter((answer) => isRight(answer, gold)).length,
    costUsd: output.costUsd,
  };
}

/** Sums over many questions. */
export interface Score {
  readonly questionCount: number;
  /** Shares from 0 to 1. */
  readonly rightShare: number;
  readonly rightShareOfSingleAnswers: number;
  readonly answerCount: number;
  readonly costUsd: number | null;
}

export function scoreOf(answered: readonly Answered[]): Score {
  const sum = (part: (one: Answered) => number) => answered.reduce((total, one) => total + part(one), 0);
  const answerCount = sum((one) => one.answerCount);
  return {
    questionCount: answered.length,
    rightShare: sum((one) => Number(one.isRight)) / answered.length,
    rightShareOfSingleAnswers: sum((one) => one.rightAnswerCount) / answerCount,
    answerCount,
    costUsd: answered.reduce<number | null>((total, one) => addCost(total, one.costUsd), 0),
  };
}
