import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { BundleSummary, EvidenceContent } from "../../contract/bundle.ts";
import type { OrchestrationOutput } from "../../contract/output.ts";
import { addCost } from "../../contract/usage.ts";
import { packageRoot } from "../../core/package-root.ts";
import { seededRandom } from "../../core/random.ts";
import { acceptAnswers } from "../../evidence/accept-answers.ts";
import { createJobCalibration } from "../../evidence/job-calibration.ts";
import { sameAnswer } from "../../evidence/same-answer.ts";

/** Result of one question. */
export interface Answered {
  /** True where the consensus is right. */
  readonly isRight: boolean;
  /** Confidence of the consensus; 0 without one. */
  readonly confidence: number;
  /** Answers that were asked for. */
  readonly answerCount: number;
  /** Those of them that are right, each taken alone. */
  readonly rightAnswerCount: number;
  readonly costUsd: number | null;
  /** Absent where no answer came. */
  readonly summary: BundleSummary<string> | undefined;
}

/**
 * Confidences of a whole job: each consensus judged by the votes of all, and by the labels of the first so many questions, which
 * are left out.
 */
export function judgeByJob(answered: readonly Answered[], labels: number): Answered[] {
  const job = createJobCalibration();
  for (const { summary } of answered) job.observe(summary ?? null);
  const labelled = answered.slice(0, labels);
  for (const { summary, isRight } of labelled) if (summary) job.label(summary, isRight);
  return answered.slice(labels).map((one) => ({ ...one, confidence: job.confidence(one.summary ?? null) ?? 0 }));
}

/** Answers that the labels of a uniform draw certify. The same for everyone: the draw has a fixed seed. */
export function acceptByLabels(answered: readonly Answered[], labels: number, precision: number): Answered[] {
  const job = createJobCalibration();
  for (const { summary } of answered) job.observe(summary ?? null);
  const random = seededRandom(1);
  const order = answered.map((_, bundle) => ({ bundle, at: random.next() })).toSorted((a, b) => a.at - b.at);
  const drawn = order.slice(0, labels).map(({ bundle }) => {
    return { bundle, correct: (answered[bundle] as Answered).isRight, draw: "uniform" } as const;
  });
  const bundles = answered.map(({ summary }) => ({ votes: summary ? job.numbers(summary).allRight : null }));
  const { accepted, certificate } = acceptAnswers(bundles, drawn, { precision });
  return certificate.threshold === null ? [] : answered.filter((_, at) => accepted[at] === true);
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
    summary: bundle?.summary,
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

/** Compares an answer, single or the consensus, with the reference answer as votes are compared. */
export function isRight(answer: string, gold: string): boolean {
  return answer.trim() !== "" && sameAnswer(answer, gold);
}

/** A question of TriviaQA, and what it accepts as right. */
export interface TriviaQuestion {
  readonly question: string;
  readonly gold: string;
}

/** 20 answers of llama-13b to each of 500 questions; bench/data/README.md says where they come from. */
export const recordingPath = join(packageRoot(), "bench", "data", "triviaqa-llama13b-20.jsonl");

export function loadQuestions(): TriviaQuestion[] {
  const lines = readFileSync(recordingPath, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as TriviaQuestion);
}
