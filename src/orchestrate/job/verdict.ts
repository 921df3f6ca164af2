import { consequencesOf } from "../../contract/error-category.ts";
import { BudgetExceeded, type StoreError } from "../../contract/errors.ts";
import type { OrchestrationOutput, OutputError } from "../../contract/output.ts";
import type { Spent } from "../../contract/usage.ts";
import { originalOf } from "../../core/error-marks.ts";
import { messageOf } from "../../core/errors.ts";
import { classify } from "../../guard/classify.ts";
import { CircuitOpenError } from "../../guard/errors.ts";
import { mayBeReachedLater } from "../key/store-protection.ts";

/** End of one run of an input: its output, or what it rejected with. */
export type Outcome = { readonly output: OrchestrationOutput } | { readonly error: unknown };

/** Thrown by the run of an input, to end the whole job with an error: what is in flight is finished first. */
export class JobEnd {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** Meaning of an outcome for the job. */
export type Verdict =
  /** The input has its result. `isAnswer`: a provider has answered it, well or not. */
  | { readonly kind: "settled"; readonly isAnswer: boolean }
  /** Waiting may mend it. */
  | Passing
  /** Its deadline has passed: the input's own fault, or that of a provider that hangs. */
  | { readonly kind: "late"; readonly why: string }
  /** Every further input would fail alike. */
  | { readonly kind: "hopeless"; readonly failure: OutputError; readonly isSent: true };

/** Failure that waiting may mend. */
export interface Passing {
  readonly kind: "passing";
  readonly why: string;
  /** Milliseconds before which another try is of no use, as far as an error says so. */
  readonly retryAfterMs: number;
  /** True where a provider was asked. */
  readonly isSent: boolean;
  /** Attempts of the call that has failed. */
  readonly attempts: number;
  /** True where the failure may be the input's own: a provider has refused this very request as often as it was tried. */
  readonly mayBeOwn: boolean;
  /** True where no server was there to be asked. */
  readonly isUnreached: boolean;
}

/** Decides what the end of a run means for its job. */
export function verdictOf(outcome: Outcome): Verdict {
  if ("error" in outcome) return verdictOfRejection(outcome.error);
  const { output } = outcome;
  if (output.status === "completed") return { kind: "settled", isAnswer: true };
  const failures = Object.values(output.errors ?? {});
  const passing = failures.filter(isPassing);
  if (passing.length > 0) return passingOf(passing, isSent(output));
  const isHopeless = failures.length > 0 && failures.every(({ category }) => consequencesOf(category).endsJob);
  if (isHopeless) return { kind: "hopeless", failure: failures.at(-1) as OutputError, isSent: true };
  return { kind: "settled", isAnswer: output.status === "partial" || failures.some(isOfProvider) };
}

function verdictOfRejection(error: unknown): Verdict {
  if (BudgetExceeded.isInstance(error) && error.budgetType === "timeMs") return { kind: "late", why: messageOf(error) };
  if (!mayBeReachedLater(error)) return { kind: "settled", isAnswer: false };
  const { usage } = (error as StoreError).partial ?? {};
  const wasSent = (usage?.totalTokens ?? 0) > 0;
  const facts = { retryAfterMs: 0, isSent: wasSent, attempts: 0, mayBeOwn: false, isUnreached: false };
  return { kind: "passing", why: messageOf(error), ...facts };
}

/** A rate limit that a request exceeds by itself never passes, and neither does what its server calls final. */
function isPassing({ category, isRetryable }: OutputError): boolean {
  return category === "circuit_open" || (consequencesOf(category).passes && isRetryable);
}

/** True of a failure that a provider's answer to the request has caused: it is there. */
function isOfProvider({ category, attempts }: OutputError): boolean {
  return attempts > 0 && category !== "unknown" && category !== "cancelled" && category !== "budget";
}

function passingOf(failures: readonly OutputError[], wasSent: boolean): Passing {
  const last = failures.at(-1) as OutputError;
  const refused = failures.find(
    ({ category, attempts }) => attempts > 0 && category !== "rate_limit" && category !== "circuit_open",
  );
  return {
    kind: "passing",
    why: last.message,
    // The first of several tools that may be asked again is enough.
    retryAfterMs: Math.min(...failures.map(retryAfterMsOf)),
    isSent: wasSent,
    attempts: Math.max(...failures.map(({ attempts }) => attempts)),
    mayBeOwn: refused !== undefined,
    isUnreached: failures.every(({ attempts, code }) => attempts === 0 || isUnreached(code)),
  };
}

/** True of a code which says that nothing listens at the address, or that its host does not exist. */
export function isUnreached(code: string): boolean {
  return code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "ConnectionRefused";
}

/** Returns the pause that an error asks for; 0 where it asks for none. */
export function retryAfterMsOf(failure: OutputError): number {
  const error = originalOf(failure);
  if (error instanceof CircuitOpenError) return error.retryAfterMs;
  return error === undefined ? 0 : (classify(error).retryAfterMs ?? 0);
}

function isSent({ errors = {}, usage }: OrchestrationOutput): boolean {
  return usage.totalTokens > 0 || Object.values(errors).some(({ attempts }) => attempts > 0);
}

/** Returns what a run and the earlier tries of its input have used, whatever its end. */
export function spentOn(outcome: Outcome): Spent | undefined {
  const facts = "output" in outcome ? outcome.output : (outcome.error as Partial<StoreError> | undefined)?.partial;
  return facts && { usage: facts.usage, costUsd: facts.costUsd };
}
