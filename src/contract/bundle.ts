import type { JSONValue } from "../core/json.ts";
import type { EvidenceSource } from "./model.ts";
import type { Usage } from "./usage.ts";

/** Replicate that a call is for. */
export interface ReplicateSpec {
  /** `"r1"`, `"r2"`, … */
  readonly id: string;
  /** From 0, among the replicates of its model. */
  readonly index: number;
  /** Seed of this answer: equal requests have equal seeds. */
  readonly seed: number;
  /** From 1. */
  readonly attempt: number;
  /** JSON pointers that are asked for; absent when the whole answer is. */
  readonly fields?: readonly string[];
}

/** Reason for which a model ended its answer. */
export interface FinishReason {
  /** `"stop"`, `"length"`, `"content-filter"`, `"tool-calls"`, `"error"` or `"other"`. */
  unified: string;
  /** The provider's own word, where it gave one. */
  raw?: string | undefined;
}

/** Result of one call for one replicate. */
export interface ReplicateResult<T = unknown> {
  /** The answer, as it goes into the schema. Without a schema: JSON, or what `JSON.stringify` loses nothing of. */
  data: T;
  /** Tokens that the answer used. */
  usage?: Usage | undefined;
  /** US dollars; `null` or left out: not known. */
  costUsd?: number | null | undefined;
  /** Dollars that the provider's cache saved. */
  savedUsd?: number | undefined;
  /** Model that answered. */
  model?: string | undefined;
  /** Shown in `quality.warnings` of the replicate. */
  warnings?: readonly string[] | undefined;
  /** The provider's name for the answer: two answers of one name are one answer, and a `warning` says so. */
  responseId?: string | undefined;
  /** Text that the model wrote as its thoughts. It is not part of the answer. */
  reasoning?: string | undefined;
  /** Reason for which the model ended its answer. */
  finishReason?: FinishReason | undefined;
  /** Mean log-probability of the tokens of each field, by JSON pointer. They break ties, and are no confidence. */
  logprobs?: Readonly<Record<string, number>> | undefined;
}

interface ReplicateBase {
  /** `r1`, `r2`, …, by index. */
  id: string;
  /**
   * Answer as JSON, on which votes are taken: `data` where the schema takes that unchanged, else the model's own. It
   * stands in place of `data` wherever the replicate is written as JSON.
   */
  json?: JSONValue;
  /** Tokens of all attempts at this answer. */
  usage?: Usage;
  /** US dollars of them; `null` where a price is not known. */
  costUsd?: number | null;
  /**
   * Dollars that it cost less than a prompt that was sent and read alone: by the provider's cache, by a request for several
   * answers, or because the answer was there already. Negative for a call that only filled the cache.
   */
  savedUsd?: number;
  /** Seed of the call that it came with, where one request gave several answers: `seed` was not sent for it. */
  callSeed?: number;
  /** An earlier run has paid for it: it costs nothing here, and its `usage`, which is that of then, is in no sum. */
  reused?: true;
  /** Milliseconds from its first attempt to its end. */
  elapsedMs: number;
  /** Seed that the model was given. */
  seed: number;
  /** Model that was asked. */
  model: string;
  /** Attempts that were made. */
  attempts: number;
  /** JSON pointers that it was asked for, where that was not the whole answer (`resample: "fields"`). */
  fields?: string[];
  /** Rank among the answers, where the tool's check gives one: of ranked answers the highest is the consensus. */
  score?: number;
  /** Text that the model wrote as its thoughts. */
  reasoning?: string;
  /** Reason for which the model ended its answer. */
  finishReason?: FinishReason;
  /**
   * Mean log-probability of the tokens of each field, by JSON pointer (`""`: a text), where the provider tells them. They
   * break ties for the lead, and are no confidence.
   */
  logprobs?: Record<string, number>;
}

/** One answer. Only a valid one votes. `data` is the output of the schema, of any type. */
export type Replicate<T = unknown> =
  | (ReplicateBase & { valid: true; data: T; quality: { valid: true; errors?: string[]; warnings?: string[] } })
  | (ReplicateBase & { valid: false; data: unknown; quality: { valid: false; errors: string[]; warnings?: string[] } });

/**
 * Answer that a tool got by itself. `data` is needed; what else is known of it may stand beside it: by default it is valid,
 * the first is `r1`, and its seed is its number from 0.
 */
export type GivenReplicate<T = unknown> = Partial<Omit<ReplicateBase, "json">> & { json?: JSONValue | undefined } & (
    | { data: T; valid?: true; quality?: { valid?: true; errors?: string[]; warnings?: string[] } }
    | { data: unknown; valid: false; quality?: { valid?: false; errors?: string[]; warnings?: string[] } }
  );

/** Field on which the answers differ, its values by falling support. */
export interface Disagreement {
  /** JSON pointer; `""` is the whole answer. */
  path: string;
  /** True where several values have the most votes. */
  tied: boolean;
  /** The values, most votes first, with the replicates that gave them. */
  values: { value: unknown; support: number; replicateIds: string[] }[];
}

/** Value of a field, and its votes. */
export interface FieldVote {
  value: unknown;
  support: number;
  /** Number of answers that gave it, by model, where answers of several models vote. */
  models?: Record<string, number>;
}

/** Votes on one field, or on the whole answer where it has none. Values and paths are those of `Replicate.json`. */
export interface FieldSummary {
  /** Value of the consensus at this place. */
  value: unknown;
  /** True where another value has as many votes. */
  tied: boolean;
  /** Votes of the winner. */
  support: number;
  /** Votes that texts like the winner add to it, of free text (`compare.text`): a misspelt name is part of a vote. */
  likeness?: number;
  /** Probability that the value is right. */
  confidence: number;
  /** Probability that the replicates left of K keep it. */
  stability: number;
  /** All values with their votes, most first. */
  distribution: FieldVote[];
  /** Number of possible values, where the schema lists them. */
  choices?: number;
  /** Weight of the field in the confidence of the whole, where that is not 1. */
  weight?: number;
  /** Mean log-probability of its tokens, where there is a single answer: labels may say what that is worth. */
  logprob?: number;
}

/** Ground on which a confidence stands. */
export interface ConfidenceBasis {
  /**
   * `"labels"`: labels of bundles of this kind; `"job"`: the votes of such bundles, this one among them; `"none"`: one
   * answer, or none, says nothing of how far it can be trusted.
   */
  kind: "none" | "job" | "labels";
  /** Bundles of one task, model, schema and K that it was learnt from, this one among them. */
  bundles: number;
  /** Labels of such bundles. */
  labels: number;
  /** False where the number is a guess: of one answer, and of yes or no without labels. */
  calibrated: boolean;
}

/** Consensus of the answers, their disagreements, and how far the consensus can be trusted. */
export interface BundleSummary<T = unknown> {
  /** Output of the schema for `consensusJson`; `null` without a valid answer. */
  consensus: T | null;
  /** The consensus of the votes, as JSON. It stands in place of `consensus` wherever the summary is written as JSON. */
  consensusJson: JSONValue;
  /** The consensus of the votes, where a person has put another in its place. All numbers are those of the votes. */
  votedJson?: JSONValue;
  /** The replicate given as the consensus: the best of ranked ones, or where the schema refuses the fields put together. */
  medoidId?: string;
  /** Most contested first. */
  disagreements: Disagreement[];
  /** Distance of every two replicates, in [0, 1]; `null` where one is invalid. Of more than 1,000 replicates `null`. */
  pairwiseDistance: (number | null)[][] | null;
  /**
   * Probability that the consensus is right; of an object the weighted mean of its fields', or, from labels of whole answers,
   * `allRight`. 0 without a valid answer. `confidenceBasis` says what it rests on.
   */
  confidence: number;
  /** Basis of the confidence: the votes of this bundle, of the job, or labels. */
  confidenceBasis: ConfidenceBasis;
  /** From a calibration source of your own: the same, learnt from labels. */
  calibratedConfidence?: number;
  /** The least confidence of a field. */
  weakest: number;
  /** Probability that every field is right. */
  allRight: number;
  /**
   * Sizes of the groups of equal whole answers; first that of the consensus, 0 where no answer is the consensus. Absent
   * where replicates were asked for parts of the answer.
   */
  groups?: number[];
  /** Probability that the replicates left of K keep the value of every field: the stability that the stopping rule saw. */
  stability: number;
  /** Votes by JSON pointer. */
  fields: Record<string, FieldSummary>;
  /** Replicates that vote. */
  validCount: number;
  /** Replicates that do not. */
  invalidCount: number;
  /**
   * Tokens of a replicate on average, each counted by how many of its fields agree with the consensus. Absent where no
   * such replicate says what it used.
   */
  meanTotalTokens?: number;
}

/** Model whose answers stayed too uncertain, so that a stronger one was asked, and answered. */
export interface Escalation {
  from: string;
  /** Replicates of that model. They are kept, and do not vote. */
  replicateIds: string[];
  /** Confidence that was too low: learned from labels where there are enough, else from the answers alone. */
  confidence: number;
}

/** Verdicts of a judge (`compare.judge`) on answers that were not the same by rule. */
export interface JudgeReport {
  model: string;
  /** Calls, those included whose verdict was in the journal. */
  calls: number;
  /** Texts by field: JSON pointer, with `*` in place of list indices, and its texts by group. */
  verdicts: { path: string; groups: string[][] }[];
  /** Used by the judge, beside the replicates. It counts in `usageTotal`. */
  usage: Usage;
  costUsd: number | null;
}

/** Calls that a bundle did not pay for again. */
export interface BundleReuse {
  /** Part of the prompts that the provider read from its cache, in tokens. */
  cachedInputTokens: number;
  /** Replicates that an earlier run has paid for. */
  replicateIds: string[];
  /** Dollars that all of this saved, the price of filling the cache taken off; of what has a known price. */
  savedUsd: number;
}

/** Facts about the making of a bundle. */
export interface BundleMetadata {
  /** Name of the tool. */
  task: string;
  /** The most answers that were to be asked for. */
  k: number;
  /** Answers that were asked for and have ended, valid or not. */
  kCompleted: number;
  /** Models that answered, as one text. */
  model: string;
  /** A seed for each answer, in their order. */
  seeds: number[];
  /** True where `earlyStopReason` says why there are no more answers. */
  earlyStopped: boolean;
  /** Reason in words: the rule and the votes, or what ended the run. */
  earlyStopReason?: string;
  /** Milliseconds that the bundle took. */
  totalElapsedMs: number;
  /** Address of the schema, where the answers were asked for by one. */
  schemaUri?: string;
  /** SHA-256 of the canonical JSON schema that answers had to fit; absent where they are text. */
  schemaFingerprint?: string;
  /** Origin of the answers: a model now, a recording of one, or a simulation. */
  source: EvidenceSource;
  /** Confidence that was asked for (`stopping: { target }`), and if the consensus has it. */
  target?: { confidence: number; reached: boolean };
  /** In their order; absent where the summary is of the first model's answers. */
  escalations?: Escalation[];
  /** Present where a judge was asked. */
  judge?: JudgeReport;
  /** Present where an answer cost less because of others. */
  reuse?: BundleReuse;
  /** Number of replicates that were asked for each field, by JSON pointer; with `resample: "fields"` only. */
  fieldsAsked?: Record<string, number>;
}

/**
 * Answers of one question, their consensus, and their cost: plain data but for the `data` of replicates and the
 * `consensus`, which are outputs of the schema.
 */
export interface EvidenceBundle<T = unknown> {
  /** Task, K, seeds, source, and why there are no more answers. */
  meta: BundleMetadata;
  /** Every answer in the order of its index, valid or not. */
  replicates: Replicate<T>[];
  /** Consensus, confidence, and where the answers differ. */
  summary: BundleSummary<T>;
  /** Tokens of all answers, invalid ones too, and of a judge. */
  usageTotal: Usage;
  /** US dollars of the same; `null` where a price is not known. */
  costTotalUsd: number | null;
}

/** The content of a bundle tool's output. */
export interface EvidenceContent<T = unknown> {
  /** The bundle: all answers, and what they say together. */
  evidenceBundle: EvidenceBundle<T>;
}
