import type {
  BundleReuse,
  BundleSummary,
  Escalation,
  EvidenceBundle,
  GivenReplicate,
  JudgeReport,
  Replicate,
} from "../../contract/bundle.ts";
import { withConsensus, withReplicateJson } from "../../contract/bundle-json.ts";
import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import type { EvidenceSource } from "../../contract/model.ts";
import { addCost, addUsage, completeUsage, zeroUsage } from "../../contract/usage.ts";
import { assertUsable } from "../../core/errors.ts";
import { toJsonData, toReadableData } from "../../schema/json-data.ts";
import { summarizeSoFar } from "./votes.ts";

/**
 * Creates the evidence bundle of replicates that a tool got by itself.
 *
 * @param input `replicates` in the order in which they were asked for, `options` as `executeBundle` got them, `source`
 * of the answers (default `"live"`), `elapsedMs` of the whole (default 0), why it ended before `k` of them, the
 * `schemaFingerprint` of what they had to fit, how often each of the `fieldsAsked` was, and the `summary` of them (default:
 * made here)
 *
 * @throws InvalidOptionsError without a task or replicates, and for a replicate without `data` or with a field of another type
 *
 * @example
 * ```ts
 * class Panel extends BundleTool<string, { yes: boolean }> {
 *   readonly name = "panel";
 *   override async executeBundle(question: string, options: ResolvedBundleOptions) {
 *     const replicates: Replicate<{ yes: boolean }>[] = await ask(question, options.seeds);
 *     return createEvidenceBundle({ task: this.name, replicates, options });
 *   }
 * }
 * ```
 */
export function createEvidenceBundle<T>(input: BundleInput<T, Replicate<T>>): EvidenceBundle<T>;
export function createEvidenceBundle<T>(input: BundleInput<T, GivenReplicate<T>>): EvidenceBundle<T>;
export function createEvidenceBundle<T>(input: BundleInput<T, GivenReplicate<T>>): EvidenceBundle<T> {
  const { task, replicates: given, options = {} } = (input ?? {}) as typeof input;
  assertUsable(typeof task === "string", "task", task, "the name of the task");
  assertUsable(Array.isArray(given), "replicates", given, "a list of replicates");
  const hasOptions = typeof options === "object" && options !== null;
  assertUsable(hasOptions, "options", options, "the options that executeBundle got");
  const replicates = given.map((replicate, index) => completeReplicate(replicate, index, options.seeds?.[index]));
  const { source = "live", elapsedMs = 0, earlyStopReason } = input;
  const answers = replicates.map(withOwnJson);
  const paid = replicates.filter(({ reused }) => !reused);
  const used = input.judge ? [...paid, input.judge] : paid;
  const reuse = reuseOf(answers);
  const models = new Set(replicates.flatMap(({ model }) => (model === "" ? [] : [model])));
  return {
    meta: {
      task,
      k: options.k ?? replicates.length,
      kCompleted: replicates.length,
      model: [...models].join(", "),
      seeds: replicates.map(({ seed, callSeed = seed }) => callSeed),
      earlyStopped: earlyStopReason !== undefined,
      ...(earlyStopReason !== undefined && { earlyStopReason }),
      totalElapsedMs: elapsedMs,
      ...(options.schemaUri !== undefined && { schemaUri: options.schemaUri }),
      ...(input.schemaFingerprint !== undefined && { schemaFingerprint: input.schemaFingerprint }),
      source,
      ...(input.escalations?.length && { escalations: [...input.escalations] }),
      ...(input.judge && { judge: input.judge }),
      ...(reuse && { reuse }),
      ...(input.fieldsAsked && { fieldsAsked: { ...input.fieldsAsked } }),
    },
    replicates: answers,
    summary: input.summary ?? summarizeSoFar(answers, { ...options.compare, k: options.k }),
    usageTotal: used.reduce((sum, { usage }) => (usage ? addUsage(sum, completeUsage(usage)) : sum), zeroUsage()),
    costTotalUsd: used.reduce<number | null>((sum, { costUsd }) => addCost(sum, costUsd ?? null), 0),
  };
}

/** Sums up what the answers of a bundle saved; `undefined` where none did. */
function reuseOf(replicates: readonly Replicate[]): BundleReuse | undefined {
  if (replicates.every(({ savedUsd, reused }) => savedUsd === undefined && !reused)) return undefined;
  return {
    cachedInputTokens: replicates.reduce(
      (sum, { usage, reused }) => sum + (reused ? 0 : (usage?.cachedInputTokens ?? 0)),
      0,
    ),
    replicateIds: replicates.flatMap(({ id, reused }) => (reused ? [id] : [])),
    savedUsd: replicates.reduce((sum, { savedUsd = 0 }) => sum + savedUsd, 0),
  };
}

/** Answers of a tool, and what is known of them. */
export interface BundleInput<T, Given> {
  /** Name of the task, as a rule the tool. */
  task: string;
  /** Answers; what a replicate leaves out is filled in. */
  replicates: readonly Given[];
  /** Bundle options that they were asked with. */
  options?: Partial<ResolvedBundleOptions> | undefined;
  /** Default: `"live"`. */
  source?: EvidenceSource | undefined;
  elapsedMs?: number | undefined;
  earlyStopReason?: string | undefined;
  schemaFingerprint?: string | undefined;
  summary?: BundleSummary<T> | undefined;
  escalations?: readonly Escalation[] | undefined;
  fieldsAsked?: Readonly<Record<string, number>> | undefined;
  judge?: JudgeReport | undefined;
}

/** Fills in what is not known of a replicate. */
function completeReplicate<T>(given: GivenReplicate<T>, index: number, seed = index): Replicate<T> {
  const place = `replicates[${index}]`;
  const isObject = typeof given === "object" && given !== null && "data" in given && given.data !== undefined;
  assertUsable(isObject, place, given, "an object with the answer as its data: { data }");
  const { valid = given.quality?.valid ?? true } = given;
  const replicate = {
    elapsedMs: 0,
    seed,
    model: "",
    attempts: 1,
    ...given,
    id: given.id ?? `r${index + 1}`,
    valid,
    quality: { ...(valid ? {} : { errors: [] }), ...given.quality, valid },
  };
  for (const [name, type] of Object.entries(factTypes)) {
    const value = replicate[name as keyof typeof factTypes];
    assertUsable(typeof value === type && !Number.isNaN(value), `${place}.${name}`, value, `a ${type}`);
  }
  return replicate as Replicate<T>;
}

const factTypes = {
  id: "string",
  model: "string",
  seed: "number",
  elapsedMs: "number",
  attempts: "number",
  valid: "boolean",
} as const;

/** Completes a bundle that a tool made or changed by itself: it may have no JSON beside its answers. */
export function completeBundle<T>(bundle: EvidenceBundle<T>): EvidenceBundle<T> {
  const { summary, replicates } = bundle;
  const completed = replicates.map(withOwnJson);
  const isComplete =
    summary.consensusJson !== undefined && completed.every((each, index) => each === replicates[index]);
  if (isComplete) return bundle;
  const { consensus, consensusJson = toJsonData(consensus) } = summary;
  return { ...bundle, replicates: completed, summary: withConsensus({ ...summary, consensusJson }, consensus) };
}

/** Completes a replicate that a tool made or copied by itself: it may have no JSON beside its answer. */
function withOwnJson<T>(replicate: Replicate<T>): Replicate<T> {
  const { data, valid, json = (valid ? toJsonData : toReadableData)(data) } = replicate;
  const isComplete = replicate.json !== undefined && (data === json || "toJSON" in replicate);
  return isComplete ? replicate : withReplicateJson({ ...replicate }, json);
}
