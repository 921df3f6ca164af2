import { completeUsage, type Usage } from "../contract/usage.ts";
import { InvalidOptionsError } from "../core/errors.ts";

/** Tokens as the AI SDK counts them, of version 5 to 7. */
export interface AiSdkUsage {
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly totalTokens?: number | undefined;
  readonly inputTokenDetails?:
    | { readonly cacheReadTokens?: number | undefined; readonly cacheWriteTokens?: number | undefined }
    | undefined;
  readonly outputTokenDetails?: { readonly reasoningTokens?: number | undefined } | undefined;
  readonly cachedInputTokens?: number | undefined;
  readonly reasoningTokens?: number | undefined;
}

/** A result of the AI SDK's `generateText`, `generateObject` or of an agent. */
export interface AiSdkResult {
  /** Usage of all steps. Before version 7 of the AI SDK, `usage` is that of the last step alone. */
  readonly totalUsage?: AiSdkUsage | undefined;
  readonly usage?: AiSdkUsage | undefined;
  /** Calls of the model. */
  readonly steps?: readonly unknown[] | undefined;
}

/**
 * Returns what a result of the AI SDK used, all its steps included, as a tool reports it: a loop that calls tools becomes a
 * replicate whose tokens are in the bundle's budget and usage. Usage that its provider withheld is marked `estimated`.
 *
 * @throws InvalidOptionsError for what is no settled result: `streamText` gives promises, which are awaited first
 *
 * @example
 * ```ts
 * import { generateText } from "ai";
 * import { usageOf } from "steer-llm-sdk";
 *
 * const result = await generateText({ model: "openai/gpt-5-mini", prompt: report, abortSignal: signal });
 * const answer = { data: result.text, usage: usageOf(result) };
 * ```
 */
export function usageOf(result: AiSdkResult): Usage {
  const used = result?.totalUsage ?? result?.usage;
  if (typeof used !== "object" || used === null || "then" in used) {
    const message = `usageOf takes a settled result of the AI SDK, with totalUsage or usage. ${awaitFirst(used)}`;
    throw new InvalidOptionsError([{ path: "usageOf(…)", given: used, allowed: "a settled result", message }]);
  }
  const { inputTokenDetails, outputTokenDetails } = used;
  const parts = {
    cachedInputTokens: inputTokenDetails?.cacheReadTokens ?? used.cachedInputTokens,
    cacheWriteInputTokens: inputTokenDetails?.cacheWriteTokens,
    reasoningTokens: outputTokenDetails?.reasoningTokens ?? used.reasoningTokens,
  };
  const { inputTokens, outputTokens, totalTokens } = used;
  const requests = Math.max(1, result.steps?.length ?? 1);
  const figures = { inputTokens, outputTokens, totalTokens, ...parts };
  const known = Object.entries(figures).filter(([, figure]) => figure !== undefined);
  return { ...completeUsage(Object.fromEntries(known) as unknown as Usage), requests };
}

function awaitFirst(used: unknown): string {
  if (used === undefined || used === null) return "Pass what generateText resolves with.";
  return "Await it first: usageOf({ usage: await result.usage }).";
}
