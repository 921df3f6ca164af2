import type { JSONValue } from "../core/json.ts";
import type { EvidenceSource } from "./model.ts";
import type { Usage } from "./usage.ts";

/** Which replicate a call is for. */
export interface ReplicateSpec {
  /** `"r1"`, `"r2"`, … */
  readonly id: string;
  /** From 0, among the replicates of its model. */
  readonly index: number;
  readonly seed: number;
  /** From 1. */
  readonly attempt: number;
  /** JSON pointers that are asked for; absent when the whole answer is. */
  readonly fields?: readonly string[];
}

/** Why a model ended its answer. */
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
  usage?: Usage | undefined;
  costUsd?: number | null | undefined;
  model?: string | undefined;
  warnings?: readonly string[] | undefined;
  /** The provider's name for the answer: two answers of one name are one answer, and a `warning` says so. */
  responseId?: string | undefined;
  /** Text that the model wrote as its thoughts. It is no part of the answer. */
  reasoning?: string | undefined;
  finishReason?: FinishReason | undefined;
}

interface ReplicateBase {
  id: string;
  /**
   * The answer as JSON, on which votes are taken: `data` where the schema takes that unchanged, else what the model wrote.
   * It stands in place of `data` wherever the replicate is written as JSON.
   */
  json?: JSONValue;
  usage?: Usage;
  costUsd?: number | null;
  elapsedMs: number;
  seed: number;
  model: string;
  attempts: number;
  /** JSON pointers that it was asked for, where that was not the whole answer (`resample: "fields"`). */
  fields?: string[];
  /** Text that the model wrote as its thoughts. */
  reasoning?: string;
  finishReason?: FinishReason;
}

/** One answer. Only a valid one votes. `data` is the output of the schema, of any type. */
export type Replicate<T = unknown> =
  | (ReplicateBase & { valid: true; data: T; quality: { valid: true; errors?: string[]; warnings?: string[] } })
  | (ReplicateBase & { valid: false; data: unknown; quality: { valid: false; errors: string[]; warnings?: string[] } });

/** A field on which the answers differ, its values by falling support. */
export interface Disagreement {
  /** JSON pointer; `""` is the whole answer. */
  path: string;
  tied: boolean;
  values: { value: unknown; support: number; replicateIds: string[] }[];
}

/** Votes on one field, or on the whole answer where it has none. Values and paths are those of `Replicate.json`. */
export interface FieldSummary {
  value: unknown;
  tied: boolean;
  /** Votes of the winner. */
  support: number;
  /** Probability that the value is right. */
  confidence: number;
  /** Probability that more samples would not change it. */
  stability: number;
  distribution: { value: unknown; support: number }[];
}

/** What the answers agree on, where they differ, and how far that can be trusted. */
export interface BundleSummary<T = unknown> {
  /** Output of the schema for `consensusJson`; `null` without a valid answer. */
  consensus: T | null;
  /** The consensus of the votes, as JSON. It stands in place of `consensus` wherever the summary is written as JSON. */
  consensusJson: JSONValue;
  /** The replicate given as the consensus, where the schema refuses the fields put together. */
  medoidId?: string;
  /** Most contested first. */
  disagreements: Disagreement[];
  /** Of every two replicates, in [0, 1]; `null` where one of them is invalid. */
  pairwiseDistance: (number | null)[][];
  /** Probability that the consensus is right, from the answers alone. */
  confidence: number;
  /** The same, learnt from labels of the same task, model and schema; absent where there are too few of them. */
  calibratedConfidence?: number;
  /** The least confidence of a field. */
  weakest: number;
  /** Probability that more samples would not change the consensus. */
  stability: number;
  /** By JSON pointer. */
  fields: Record<string, FieldSummary>;
  validCount: number;
  invalidCount: number;
  /**
   * Tokens of a replicate on average, each counted by how many of its fields agree with the consensus. Absent where no
   * such replicate says what it used.
   */
  meanTotalTokens?: number;
}

/** A model whose answers stayed too uncertain, so that a stronger one was asked, and answered. */
export interface Escalation {
  from: string;
  /** Its replicates. They are kept, and do not vote. */
  replicateIds: string[];
  /** What was too low: learnt from labels where there are enough, else from the answers alone. */
  confidence: number;
}

/** How a bundle came to be. */
export interface BundleMetadata {
  task: string;
  k: number;
  kCompleted: number;
  model: string;
  seeds: number[];
  earlyStopped: boolean;
  earlyStopReason?: string;
  totalElapsedMs: number;
  schemaUri?: string;
  /** SHA-256 of the canonical JSON schema that answers had to fit; absent where they are text. */
  schemaFingerprint?: string;
  source: EvidenceSource;
  /** In their order; absent where the summary is of the first model's answers. */
  escalations?: Escalation[];
  /** By JSON pointer, how many replicates were asked for the field; with `resample: "fields"` only. */
  fieldsAsked?: Record<string, number>;
}

/**
 * The answers of one question, what they agree on, and what they cost: plain data but for `data` of the replicates and the
 * `consensus`, which are what the schema makes of JSON.
 */
export interface EvidenceBundle<T = unknown> {
  meta: BundleMetadata;
  replicates: Replicate<T>[];
  summary: BundleSummary<T>;
  usageTotal: Usage;
  costTotalUsd: number | null;
}

/** The content of a bundle tool's output. */
export interface EvidenceContent<T = unknown> {
  evidenceBundle: EvidenceBundle<T>;
}
