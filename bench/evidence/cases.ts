import type { BundleSummary, FieldSummary } from "../../src/evidence.ts";
import { summaryOf } from "./consensus.ts";
import type { DataSet, Question } from "./data-set.ts";
import { fieldsOf, isSameLeaf } from "./json-fields.ts";
import { shuffled } from "./orders.ts";
import { leadPosterior } from "./peers.ts";

/** A consensus and its confidence, by each way to have one. */
export interface Case {
  /** With our confidence; of one field, where the answers are objects. */
  readonly summary: BundleSummary;
  /** Votes of the winner of all valid ones. */
  readonly majorityShare: number;
  readonly leadPosterior: number;
  readonly correct: boolean;
}

/** What `k` samples in a random order give, by question: one case, of objects one for each field of the right answer. */
export function casesOf(set: DataSet, k: number, order: number): Case[][] {
  return set.questions.map((question, at) => {
    const samples = shuffled(question.samples, order * 100_003 + at).slice(0, k);
    const summary = summaryOf(samples, set.kind === "texts" ? { text: true } : undefined);
    const pointers = set.kind === "objects" ? [...fieldsOf(question.gold).keys()] : [""];
    return pointers.map((pointer) => caseOf(set, question, summary, pointer));
  });
}

function caseOf(set: DataSet, { gold }: Question, summary: BundleSummary, pointer: string): Case {
  const field = summary.fields[pointer];
  if (!field) return { summary: { ...summary, confidence: 0 }, majorityShare: 0, leadPosterior: 0.5, correct: false };
  const [first = 0, second = 0] = field.distribution.map(({ support }) => support);
  return {
    summary: { ...summary, confidence: field.confidence },
    majorityShare: first / summary.validCount,
    leadPosterior: leadPosterior(first, second),
    correct: isRight(set, field, gold, pointer),
  };
}

function isRight(set: DataSet, { value }: FieldSummary, gold: unknown, pointer: string): boolean {
  if (set.kind !== "objects") return set.score(value, gold) === 1;
  return isSameLeaf(fieldsOf(value).get(""), fieldsOf(gold).get(pointer));
}
