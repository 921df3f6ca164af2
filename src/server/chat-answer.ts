import type { EvidenceBundle, Replicate } from "../contract/bundle.ts";
import { bundleIn, jsonOf } from "../contract/bundle-json.ts";
import type { OrchestrationOutput, OutputError } from "../contract/output.ts";
import type { Usage } from "../contract/usage.ts";
import { RequestFault } from "./problem.ts";

/** Facts of a completion that its parts share. */
export interface ChatHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/** Returns the completion that an output is. */
export function completionOf(head: ChatHead, output: AnsweredOutput): object {
  const message = { role: "assistant", content: contentOf(output), refusal: null };
  return {
    id: head.id,
    object: "chat.completion",
    created: head.created,
    model: head.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReasonOf(output) }],
    usage: usageOf(output.usage),
    steer: evidenceOf(output),
  };
}

/** Returns a chunk of a streamed completion. */
export function chunkOf(head: ChatHead, delta: object, finishReason: "stop" | "length" | null = null): object {
  return {
    id: head.id,
    object: "chat.completion.chunk",
    created: head.created,
    model: head.model,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
  };
}

/** Returns the last chunks of an output: its content, why it ended with the evidence, and the usage where it was asked for. */
export function lastChunksOf(head: ChatHead, output: AnsweredOutput, hasUsage: boolean): object[] {
  const end = { ...chunkOf(head, {}, finishReasonOf(output)), steer: evidenceOf(output) };
  const usage = { ...chunkOf(head, {}), choices: [], usage: usageOf(output.usage) };
  return [chunkOf(head, { content: contentOf(output) }), end, ...(hasUsage ? [usage] : [])];
}

/** Returns a replicate as reasoning: one line. */
export function reasoningOf(replicate: Replicate): object {
  const { id, valid, quality } = replicate;
  const said = valid ? asText(jsonOf(replicate)) : `no valid answer: ${quality.errors?.join("; ") ?? ""}`;
  return { reasoning_content: `${id}: ${said}\n` };
}

/** An output that has an answer. */
export type AnsweredOutput = Exclude<OrchestrationOutput, { status: "failed" }>;

/**
 * Narrows an output to one with an answer.
 *
 * @throws RequestFault for a failed one: the client's fault where the request itself is why, else that of the model's server
 */
export function assertAnswered(output: OrchestrationOutput): asserts output is AnsweredOutput {
  if (output.status === "failed") throw faultOf(Object.values(output.errors).at(-1));
  const bundle = bundleIn(output.content);
  if (bundle && bundle.summary.validCount === 0) throw faultOf(Object.values(output.errors ?? {}).at(-1));
}

/** Categories of failures that another request would not have. */
const ofRequest = new Set(["invalid_request", "context_length", "content_filter"]);

function faultOf(error: OutputError | undefined): RequestFault {
  const detail = error?.message ?? "No valid answer came.";
  // The run has retried already: a client that did it again would pay for it again.
  const headers = { "x-should-retry": "false" };
  return new RequestFault(
    ofRequest.has(error?.category ?? "") ? 400 : 502,
    error?.code ?? "TOOL_EXECUTION",
    detail,
    headers,
  );
}

function contentOf({ content }: AnsweredOutput): string {
  const bundle = bundleIn(content);
  if (!bundle) return asText(content);
  const { consensusJson } = bundle.summary;
  return isOfText(bundle) ? asText(consensusJson) : JSON.stringify(consensusJson);
}

/** True of a bundle whose answers are text, not JSON. */
function isOfText({ meta }: EvidenceBundle): boolean {
  return meta.schemaFingerprint === undefined;
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

/** `length` where every answer that votes was cut off. */
function finishReasonOf({ content }: AnsweredOutput): "stop" | "length" {
  const voting = bundleIn(content)?.replicates.filter(({ valid }) => valid) ?? [];
  const isCut = voting.length > 0 && voting.every(({ finishReason }) => finishReason?.unified === "length");
  return isCut ? "length" : "stop";
}

/** Tokens of all that the run asked for, failed attempts included. */
function usageOf({
  inputTokens,
  outputTokens,
  totalTokens,
  cachedInputTokens = 0,
  reasoningTokens = 0,
}: Usage): object {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: totalTokens,
    prompt_tokens_details: { cached_tokens: cachedInputTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
  };
}

/** Evidence that stands behind the answer. */
function evidenceOf({ requestId, status, costUsd, content }: AnsweredOutput): object {
  const evidenceBundle = bundleIn(content);
  return { runId: requestId, status, costUsd, ...(evidenceBundle && { evidenceBundle }) };
}
