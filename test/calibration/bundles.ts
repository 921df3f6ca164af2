import type { EvidenceBundle } from "../../src/contract/bundle.ts";
import type { ResolvedBundleOptions } from "../../src/contract/bundle-options.ts";
import { createEvidenceBundle } from "../../src/tool/create-evidence-bundle.ts";

/** A bundle of answers to one question; `null` is an answer that does not count. */
export function bundleOf(
  answers: readonly unknown[],
  { task = "triage", model = "some-model", schemaFingerprint, tokens }: BundleFacts = {},
): EvidenceBundle<any> {
  const replicates = answers.map((data, index) => ({
    id: `r${index + 1}`,
    elapsedMs: 1,
    seed: index,
    model,
    attempts: 1,
    ...(tokens !== undefined && { usage: { requests: 1, inputTokens: 0, outputTokens: tokens, totalTokens: tokens } }),
    ...(data === null
      ? { valid: false as const, data, quality: { valid: false as const, errors: ["no JSON"] } }
      : { valid: true as const, data, quality: { valid: true as const } }),
  }));
  const options = { k: answers.length, compare: {} } as ResolvedBundleOptions;
  return createEvidenceBundle({ task, replicates, options, schemaFingerprint });
}

interface BundleFacts {
  readonly task?: string;
  readonly model?: string;
  readonly schemaFingerprint?: string;
  /** Of each answer. */
  readonly tokens?: number;
}

/** Labels of unanimous and of split bundles, of which the split ones are more often wrong. */
export function labels(count: number, facts?: BundleFacts) {
  return Array.from({ length: count }, (_, index) => {
    const isSplit = index % 2 === 0;
    return {
      id: `q${index}`,
      bundle: bundleOf(isSplit ? ["a", "b", "a"] : ["a", "a", "a"], facts),
      correct: isSplit ? index % 3 === 0 : index % 7 !== 0,
    };
  });
}
