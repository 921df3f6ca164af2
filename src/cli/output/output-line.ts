import type { BundleSummary, EvidenceBundle, EvidenceContent } from "../../contract/bundle.ts";
import type { BudgetExceeded } from "../../contract/errors.ts";
import { hasEvidence, type OrchestrationOutput } from "../../contract/output.ts";
import { nothingSpent, type Usage } from "../../contract/usage.ts";
import { messageOf } from "../../core/errors.ts";
import type { Accepted } from "../../evidence/accept-answers.ts";
import type { Input } from "../input/input.ts";
import type { JobHead } from "./job-head.ts";

/** Result of one input: one line of an output file, and of standard output with `--json`. */
export type OutputLine = AnsweredLine | RejectedLine;

interface LineBase {
  /** Position of the input in its file, from 0. */
  readonly index: number;
  /** Fingerprint of the input, the tool and its options: tells whether a line still answers what is asked. */
  readonly fingerprint: string;
  readonly input: unknown;
  /** Verdict of `--right`: accepted, to review, or refused. */
  readonly accepted?: Accepted;
  readonly usage: Usage;
  /** US dollars; `null` where a price is not known. */
  readonly costUsd: number | null;
  /** Facts of the job; in the first line of a file alone. */
  readonly job?: JobHead;
}

interface AnsweredLine extends LineBase {
  readonly status: "completed" | "partial" | "failed";
  /** Repeated from the evidence bundle, so that a line can be read without digging; confidences have the digits that votes tell. */
  readonly consensus?: unknown;
  readonly confidence?: number;
  readonly calibratedConfidence?: number;
  readonly output: OrchestrationOutput;
}

/** The run ended before it had anything to show: its deadline or its own budget was too small. */
interface RejectedLine extends LineBase {
  readonly status: "rejected";
  readonly error: { readonly type: string; readonly code: string; readonly message: string };
}

export function answeredLine(input: Input, fingerprint: string, output: OrchestrationOutput): OutputLine {
  const evidence = hasEvidence(output) ? output.content.evidenceBundle.summary : undefined;
  return {
    index: input.index,
    fingerprint,
    input: input.request,
    status: output.status,
    ...(evidence && evidenceOf(evidence)),
    usage: output.usage,
    costUsd: output.costUsd,
    output,
  };
}

function evidenceOf({ consensusJson: consensus, confidence, calibratedConfidence }: BundleSummary) {
  const calibrated = calibratedConfidence !== undefined && { calibratedConfidence: inDigits(calibratedConfidence) };
  return { consensus, confidence: inDigits(confidence), ...calibrated };
}

/** A confidence in the digits that votes tell, rounded down: what is written never claims more than there is. */
export function inDigits(confidence: number): number {
  return Math.floor(confidence * 1_000 + 1e-9) / 1_000;
}

export function rejectedLine(input: Input, fingerprint: string, error: BudgetExceeded): OutputLine {
  const { usage, costUsd } = error.partial ?? nothingSpent;
  return {
    index: input.index,
    fingerprint,
    input: input.request,
    status: "rejected",
    usage,
    costUsd,
    error: { type: error.name, code: error.code, message: messageOf(error) },
  };
}

/** Puts a verdict where a reader looks for it: behind the confidence. */
export function withVerdict(line: OutputLine, accepted: Accepted): OutputLine {
  const { index, fingerprint, input, status, ...others } = line;
  const { consensus, confidence, calibratedConfidence, accepted: _before, ...rest } = others as Partial<AnsweredLine>;
  return {
    index,
    fingerprint,
    input,
    status,
    consensus,
    confidence,
    calibratedConfidence,
    accepted,
    ...rest,
  } as OutputLine;
}

/** Evidence of a line, that of a failed run included. */
export function bundleIn(line: OutputLine): EvidenceBundle | undefined {
  if (line.status === "rejected") return undefined;
  return (line.output.content as Partial<EvidenceContent> | null | undefined)?.evidenceBundle;
}

/** Returns true where the input has no answer. */
export function isFailed({ status }: Pick<OutputLine, "status">): boolean {
  return status === "failed" || status === "rejected";
}
