import type { BundleReuse, EvidenceBundle } from "../../contract/bundle.ts";
import { addCost } from "../../contract/usage.ts";
import type { SignalLine } from "../accept/signals-file.ts";
import type { OutputLine } from "../output/output-line.ts";
import { type Expense, type FixedKCost, fixedKCost } from "../view/expense.ts";

/** Cost of a job. */
export interface CostFacts extends FixedKCost {
  /** K of the inputs; several where they differ. */
  readonly ks: readonly number[];
  /** Answers that were not valid; they are paid for and do not vote. */
  readonly invalidAnswers: number;
  /** US dollars of all inputs, failed ones included, and of signals; `null` where a price is not known. */
  readonly totalUsd: number | null;
  /** US dollars of the inputs and signals whose price is known. */
  readonly knownUsd: number;
  readonly unknownCount: number;
  readonly tokens: number;
  /** Calls of a verifier or a second model, which are in the sums; `undefined` where there were none. */
  readonly signals: { readonly calls: number; readonly costUsd: number | null } | undefined;
  /** Savings of answers that did not pay again; `undefined` where each paid for itself. */
  readonly reuse: JobReuse | undefined;
}

/** Savings of the answers of a job that did not pay again. */
export interface JobReuse {
  readonly cachedInputTokens: number;
  /** Answers that were there already. */
  readonly answers: number;
  readonly savedUsd: number;
}

/** Sums what was asked and paid, beside what always asking K times would have been. */
export class CostTally {
  readonly #actual = new ExpenseTally();
  readonly #fixed = new ExpenseTally();
  readonly #saved = new ExpenseTally();
  readonly #ks = new Set<number>();
  #invalidAnswers = 0;
  #knownUsd = 0;
  #unknownCount = 0;
  #tokens = 0;
  #signals: CostFacts["signals"];
  #reuse: JobReuse | undefined;

  addSignal({ costUsd, tokens }: Pick<SignalLine, "costUsd" | "tokens">): void {
    const { calls, costUsd: sumUsd } = this.#signals ?? { calls: 0, costUsd: 0 };
    this.#signals = { calls: calls + 1, costUsd: addCost(sumUsd, costUsd) };
    this.#knownUsd += costUsd ?? 0;
    this.#tokens += tokens;
  }

  addLine({ costUsd, usage }: OutputLine): void {
    if (typeof costUsd === "number") this.#knownUsd += costUsd;
    else this.#unknownCount++;
    this.#tokens += usage?.totalTokens ?? 0;
  }

  addBundle(bundle: EvidenceBundle): void {
    const cost = fixedKCost(bundle);
    this.#invalidAnswers += bundle.summary.invalidCount;
    this.#reuse = addReuse(this.#reuse, bundle.meta.reuse);
    if (!cost) return;
    if (this.#ks.size < mostKs) this.#ks.add(bundle.meta.k);
    this.#actual.add(cost.actual);
    this.#fixed.add(cost.fixed);
    this.#saved.add(cost.saved);
  }

  get facts(): CostFacts {
    return {
      actual: this.#actual.sum,
      fixed: this.#fixed.sum,
      saved: { answers: this.#saved.sum.answers, costUsd: this.#saved.sum.costUsd },
      ks: [...this.#ks].sort((a, b) => a - b),
      invalidAnswers: this.#invalidAnswers,
      totalUsd: this.#unknownCount === 0 && this.#signals?.costUsd !== null ? this.#knownUsd : null,
      knownUsd: this.#knownUsd,
      unknownCount: this.#unknownCount,
      tokens: this.#tokens,
      signals: this.#signals,
      reuse: this.#reuse,
    };
  }
}

function addReuse(sum: JobReuse | undefined, more: BundleReuse | undefined): JobReuse | undefined {
  if (!more) return sum;
  const { cachedInputTokens = 0, answers = 0, savedUsd = 0 } = sum ?? {};
  return {
    cachedInputTokens: cachedInputTokens + more.cachedInputTokens,
    answers: answers + more.replicateIds.length,
    savedUsd: savedUsd + more.savedUsd,
  };
}

/** More different K than this are not told one by one. */
const mostKs = 20;

/** A sum of expenses, unknown in whatever one of them does not know. */
class ExpenseTally {
  #answers = 0;
  #tokens: number | undefined = 0;
  #costUsd: number | null = 0;

  add({ answers, tokens, costUsd }: Pick<Expense, "answers" | "costUsd"> & Partial<Expense>): void {
    this.#answers += answers;
    this.#tokens = this.#tokens === undefined || tokens === undefined ? undefined : this.#tokens + tokens;
    this.#costUsd = addCost(this.#costUsd, costUsd);
  }

  get sum(): Expense {
    return { answers: this.#answers, tokens: this.#tokens, costUsd: this.#costUsd };
  }
}
