import type { EvidenceBundle } from "../../../src/contract/bundle.ts";
import { asRead, bundleOf } from "../../support/bundle-of.ts";

/** A line of an output file, as `steer run` writes it. */
export function answeredLine(index: number, bundle: EvidenceBundle, more: object = {}): any {
  const { consensusJson, confidence, calibratedConfidence } = bundle.summary;
  return asRead({
    index,
    fingerprint: `fingerprint ${index}`,
    input: { id: `bug-${index}`, report: `report ${index}` },
    status: "completed",
    consensus: consensusJson,
    confidence,
    calibratedConfidence,
    usage: bundle.usageTotal,
    costUsd: bundle.costTotalUsd,
    output: {
      status: "completed",
      content: { evidenceBundle: bundle },
      usage: bundle.usageTotal,
      costUsd: bundle.costTotalUsd,
      metadata: { toolName: "triage", toolVersion: "1", costUsd: bundle.costTotalUsd },
      traceId: "t",
      requestId: "r",
      elapsedMs: index,
    },
    ...more,
  });
}

export function failedLine(index: number, category: string, message: string): any {
  const error = { type: "ToolExecutionError", code: "X", message, isRetryable: true, attempts: 3, category };
  const { output, ...line } = answeredLine(index, bundleOf([undefined]));
  return {
    ...line,
    status: "failed",
    consensus: undefined,
    confidence: undefined,
    costUsd: 0,
    output: { ...output, status: "failed", content: null, errors: { triage: error } },
  };
}

export function rejectedLine(index: number, message: string): any {
  const { output, consensus, confidence, ...line } = answeredLine(index, bundleOf([undefined]));
  return {
    ...line,
    costUsd: 0,
    status: "rejected",
    error: { type: "BudgetExceeded", code: "BUDGET_EXCEEDED", message },
  };
}

export function fileOf(lines: readonly unknown[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}
