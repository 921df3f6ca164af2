import type { Escalation, EvidenceBundle } from "../../src/contract/bundle.ts";
import type { CompareOptions, ResolvedBundleOptions } from "../../src/contract/bundle-options.ts";
import { createEvidenceBundle } from "../../src/tool/bundle/create-evidence-bundle.ts";

/** What is known of a bundle beside its answers. */
export interface BundleFacts {
  readonly task?: string;
  readonly model?: string;
  readonly schemaFingerprint?: string;
  /** Default: as many as there are answers. */
  readonly k?: number;
  readonly compare?: CompareOptions;
  /** Of each answer. */
  readonly tokens?: number;
  readonly costUsd?: number;
  readonly earlyStopReason?: string;
  readonly escalations?: readonly Escalation[];
}

/** A bundle of answers to one question; `undefined` is an answer that is not valid. */
export function bundleOf(answers: readonly unknown[], facts: BundleFacts = {}): EvidenceBundle<any> {
  const { task = "triage", model = "some-model", k = answers.length, compare = {}, tokens, costUsd } = facts;
  const replicates = answers.map((data, index) => ({
    id: `r${index + 1}`,
    elapsedMs: 1,
    seed: index,
    model,
    attempts: 1,
    ...(costUsd !== undefined && { costUsd }),
    ...(tokens !== undefined && { usage: { requests: 1, inputTokens: 0, outputTokens: tokens, totalTokens: tokens } }),
    ...(data === undefined
      ? { valid: false as const, data: null, quality: { valid: false as const, errors: ["it is no JSON"] } }
      : { valid: true as const, data, quality: { valid: true as const } }),
  }));
  const options = { k, compare } as ResolvedBundleOptions;
  return createEvidenceBundle({ ...facts, task, replicates, options });
}

/** A bundle as a file gives it back. */
export function asRead<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
