import type { Replicate, ReplicateResult } from "../../contract/bundle.ts";
import { withReplicateJson } from "../../contract/bundle-json.ts";
import type { CallOutcome } from "../../contract/call.ts";
import { InvalidOutputError } from "../../contract/errors.ts";
import type { ToolContext } from "../../contract/tool.ts";
import { keepOriginal } from "../../core/error-marks.ts";
import { toReadableData } from "../../schema/json-data.ts";
import type { Answer } from "./answer-json.ts";
import type { AskedSpec, BundleAsking } from "./bundle-asking.ts";
import type { ReplicateSource } from "./replicate-source.ts";

/** A result whose answer the schema has accepted. */
export type AcceptedResult<T> = ReplicateResult<T> & Pick<Answer, "json" | "score">;

/** Makes a replicate of the end of its call: valid with an accepted answer, invalid with the reasons for there being none. */
export function toReplicate<T>(
  { tool, context }: BundleAsking<any, T>,
  { id, seed, fields }: AskedSpec,
  outcome: CallOutcome<AcceptedResult<T>>,
): Replicate<T> {
  const facts = {
    id,
    seed,
    usage: outcome.usage,
    costUsd: outcome.costUsd,
    elapsedMs: Math.round(outcome.elapsedMs),
    attempts: outcome.attempts,
    ...(fields && { fields: [...fields] }),
  };
  return outcome.ok ? validReplicate(facts, outcome.value, tool) : invalidReplicate(facts, outcome, tool, context);
}

type Facts = Pick<Replicate, "id" | "seed" | "usage" | "costUsd" | "elapsedMs" | "attempts" | "fields">;

function validReplicate<T>(facts: Facts, result: AcceptedResult<T>, tool: ReplicateSource<any, T>): Replicate<T> {
  const { data, json, score, model, warnings, reasoning, finishReason, logprobs, savedUsd } = result;
  const replicate = {
    ...facts,
    model: model ?? modelOf(tool),
    valid: true as const,
    data,
    quality: { valid: true as const, ...(warnings?.length && { warnings: [...warnings] }) },
    ...(savedUsd !== undefined && { savedUsd }),
    ...(score !== undefined && { score }),
    ...(reasoning && { reasoning }),
    ...(finishReason && { finishReason }),
    ...(logprobs && { logprobs: { ...logprobs } }),
  };
  return withReplicateJson(replicate, json);
}

function invalidReplicate(
  facts: Facts,
  { error, failure }: CallOutcome<unknown> & { ok: false },
  tool: ReplicateSource<any, any>,
  { signal }: ToolContext,
): Replicate<never> {
  const isInvalidOutput = InvalidOutputError.isInstance(error);
  const reason = signal.aborted ? `stopped: ${failure.message}` : failure.message;
  const errors = isInvalidOutput ? [...error.errors] : [reason];
  const data = isInvalidOutput ? toReadableData(error.data ?? null) : null;
  const replicate = {
    ...facts,
    model: modelOf(tool),
    valid: false as const,
    data,
    quality: { valid: false as const, errors },
  };
  return keepOriginal(withReplicateJson(replicate, data), error);
}

function modelOf({ modelId, provider, name }: ReplicateSource<any, any>): string {
  return modelId ?? provider ?? name;
}
