import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createMistral } from "@ai-sdk/mistral";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { z } from "zod";
import type { LanguageModelLike } from "../../../src/contract/model.ts";
import { defineTool, PromptBundleTool, ReliableOrchestrator } from "../../../src/orchestration.ts";
import { classify, ReliabilityState } from "../../../src/reliability.ts";
import type { Expected, Row, Thrown } from "./rows.ts";
import { type DialectServer, serve } from "./server.ts";

/** Runs a row through the real provider package, and tells in which of its expectations it fails. */
export async function faultsOf(row: Row): Promise<string[]> {
  if (row.given.thrown) return faultsOfThrown(row, row.given.thrown);
  const faults = new Set<string>();
  for (const isStreamed of modesOf(row)) {
    for (const fault of await faultsOfRun(row, isStreamed))
      faults.add(`${isStreamed ? "streamed" : "whole"}: ${fault}`);
  }
  return [...faults];
}

/** A row with a body and events is tried both ways. */
function modesOf({ given }: Row): readonly boolean[] {
  if (given.ask?.streaming) return [true];
  const hasStream = given.events !== undefined || given.raw !== undefined;
  return given.body !== undefined && hasStream ? [false, true] : [hasStream];
}

async function faultsOfRun(row: Row, isStreamed: boolean): Promise<string[]> {
  const { given, expected } = row;
  const state = new ReliabilityState();
  await using server = await serve(row);
  const withFallback = expected.later !== undefined && expected.fallback;
  const run = await runOnce(row, server, isStreamed, { state, ...(withFallback && { withFallback }) });
  const faults = [...faultsIn(run, expected, server, row)];
  if (expected.later) {
    const again = { ...row, given: { ...given, ask: { ...given.ask, timeoutMs: 1000 } } };
    faults.push(...mismatch("later", (await runOnce(again, server, isStreamed, { state })).status, expected.later));
  }
  if ((expected.breaker || expected.retryAfterMs !== undefined) && given.body !== undefined)
    faults.push(...(await faultsOfClassification(row)));
  if (expected.fallback !== undefined && !expected.later) {
    await using lasting = await serve(row, { lasts: true });
    const other = await runOnce(row, lasting, isStreamed, { state: new ReliabilityState(), withFallback: true });
    const hasTakenOver = other.toolName === "other" && other.status === "completed";
    faults.push(...mismatch("fallback", hasTakenOver, expected.fallback));
  }
  return faults;
}

type Run = Awaited<ReturnType<typeof runOnce>>;

async function runOnce(
  row: Row,
  server: DialectServer,
  streaming: boolean,
  { state, withFallback = false }: { state: ReliabilityState; withFallback?: boolean },
) {
  const { schema, k = 1, maxOutputTokens, ...ask } = row.given.ask ?? {};
  const model =
    ask.by === "name" ? `openai-compatible:${server.url}/v1#${ask.model}` : modelOf(row.api, server.url, ask.model);
  const tool = new PromptBundleTool({
    name: "t",
    model,
    prompt: "How much?",
    ...(schema && { schema: z.object({ amountUsd: z.number() }) }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    defaultOptions: { k },
  });
  const other = ask.fallbackModel
    ? new PromptBundleTool({
        name: "other",
        model: modelOf(row.api, server.url, ask.fallbackModel),
        prompt: "How much?",
        defaultOptions: { k: 1 },
      })
    : defineTool({ name: "other", execute: async () => "from the other" });
  const { firstChunkTimeoutMs, chunkTimeoutMs } = ask;
  const orchestrator = new ReliableOrchestrator({
    state,
    reliabilityConfig: {
      maxRetries: ask.maxRetries ?? 2,
      initialDelayMs: 1,
      maxDelayMs: 60_000,
      jitter: false,
      ...(firstChunkTimeoutMs !== undefined && { firstChunkTimeoutMs }),
      ...(chunkTimeoutMs !== undefined && { chunkTimeoutMs }),
    },
  });
  const events: any[] = [];
  const startedAtMs = performance.now();
  const output: any = await orchestrator
    .run({
      tool,
      request: {},
      ...((withFallback || ask.fallbackModel) && { fallbackTools: [other] }),
      options: { streaming, timeoutMs: ask.timeoutMs ?? 8000, ...(ask.budget && { budget: ask.budget }) },
      onEvent: (event: any) => events.push(event),
    } as any)
    .catch((error: unknown) => error);
  const retry = events.find(({ type }) => type === "retry_scheduled");
  return {
    status: (output.status ?? output.name) as string,
    toolName: output.metadata?.toolName as string | undefined,
    bundle: (output.content ?? output.partial?.content)?.evidenceBundle,
    failure: retry?.error ?? output.errors?.t,
    isRetried: retry !== undefined,
    usage: output.usage ?? {},
    said: JSON.stringify([output.errors, output.message]),
    elapsedMs: performance.now() - startedAtMs,
  };
}

function* faultsIn(run: Run, expected: Expected, server: DialectServer, row: Row): Generator<string> {
  const { summary, replicates = [] } = run.bundle ?? {};
  const calls = server.calls.length;
  const isFallbackExpected = expected.later !== undefined && expected.fallback;
  if (expected.category && !isFallbackExpected) yield* mismatch("category", run.failure?.category, expected.category);
  if (expected.isRetryable === true) yield* mismatch("isRetryable", run.isRetried || run.failure?.isRetryable, true);
  if (expected.isRetryable === false) yield* mismatch("isRetryable", run.isRetried || run.failure?.isRetryable, false);
  if (expected.valid === true) yield* mismatch("votes", [calls, summary?.validCount], [[1, 1]]);
  if (expected.valid === false && calls === 1 && run.toolName !== "other")
    yield* mismatch("votes", summary?.validCount ?? 0, 0);
  if (expected.calls !== undefined) yield* mismatch("calls", calls, expected.calls);
  if (expected.status) yield* mismatch("status", run.status, expected.status);
  if ("value" in expected && (run.status === "completed" || expected.orSays === undefined))
    yield* mismatch("value", summary?.consensus, [expected.value]);
  if (expected.orSays && run.status !== "completed") yield* silence(run.said, expected.orSays);
  const quality = JSON.stringify(replicates.map((replicate: any) => replicate.quality));
  for (const words of [expected.says ?? []].flat()) yield* silence(run.said + quality, words);
  if (expected.withinMs !== undefined && run.elapsedMs >= expected.withinMs) yield `took ${run.elapsedMs} ms`;
  if (expected.by) yield* mismatch("tool", run.toolName, "other");
  if (expected.neverRefused) yield* mismatch("refused requests", server.refused, 0);
  if (expected.minValid !== undefined && (summary?.validCount ?? 0) < expected.minValid) yield "too few answers vote";
  if (expected.asksAgain) {
    const [first, second] = server.calls;
    yield* mismatch("second messages", second?.body.messages, [first?.body.messages]);
  }
  if (expected.usage) yield* faultsOfUsage(run.usage, expected.usage);
  if (row.given.endless)
    yield* mismatch("estimate of an endless answer", [run.usage.totalTokens > 0, run.usage.estimated], [[true, true]]);
}

function* faultsOfUsage(usage: any, expected: Record<string, unknown>): Generator<string> {
  for (const [name, figure] of Object.entries({ estimated: undefined, ...expected })) {
    const bound = /^(\w+)AtLeast$/.exec(name)?.[1];
    if (bound === undefined) yield* mismatch(name, usage[name], [figure]);
    else if (!(usage[bound] >= Number(figure))) yield `${bound} is ${usage[bound]}, and not at least ${figure}`;
  }
}

async function faultsOfClassification(row: Row): Promise<string[]> {
  const { breaker, retryAfterMs } = row.expected;
  await using server = await serve(row, { lasts: true });
  const model = modelOf(row.api, server.url, row.given.ask?.model);
  const prompt = [{ role: "user", content: [{ type: "text", text: "x" }] }];
  const error = await model.doGenerate({ prompt }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Error)) return retryAfterMs === undefined ? [] : ["the package throws nothing"];
  const said = classify(error, model.provider);
  return [
    ...(breaker ? mismatch("breaker", said.breaker, breaker) : []),
    ...(retryAfterMs === undefined ? [] : mismatch("retryAfterMs", said.retryAfterMs, retryAfterMs)),
  ];
}

/** An error that a tool throws, while its run is not aborted. */
async function faultsOfThrown({ kind, expected }: Row, thrown: Thrown): Promise<string[]> {
  const { category, isRetryable, breaker } = classify(errorOf(thrown));
  if (kind !== "client_timeout")
    return [
      ...(expected.category ? mismatch("category", category, expected.category) : []),
      ...(expected.isRetryable === undefined ? [] : mismatch("isRetryable", isRetryable, expected.isRetryable)),
      ...(expected.breaker ? mismatch("breaker", breaker, expected.breaker) : []),
    ];
  let calls = 0;
  const tool = defineTool({
    name: "t",
    execute: async () => {
      calls++;
      throw errorOf(thrown);
    },
  });
  const other = defineTool({ name: "other", execute: async () => 1 });
  const output = await new ReliableOrchestrator({
    state: new ReliabilityState(),
    reliabilityConfig: { maxRetries: 2, initialDelayMs: 1 },
  }).run({ tool, request: {}, fallbackTools: [other], options: { timeoutMs: 5000 } });
  return [
    ...(expected.calls === undefined ? [] : mismatch("calls", calls, expected.calls)),
    ...(expected.category ? mismatch("category", output.errors?.["t"]?.category, expected.category) : []),
    ...(expected.fallback ? mismatch("status", output.status, "completed") : []),
    ...[expected.says ?? []].flat().flatMap((words) => [...silence(JSON.stringify(output.errors), words)]),
  ];
}

function errorOf({ class: className, name, message, properties, cause }: Thrown): Error {
  if (className === "DOMException") return new DOMException(message, name);
  const options = cause && { cause: errorOf(cause) };
  const error = className === "TypeError" ? new TypeError(message, options) : new Error(message, options);
  if (name) Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
  return Object.assign(error, properties);
}

/** The model of a row through its real package. */
export function modelOf(api: Row["api"], url: string, modelId?: string): LanguageModelLike {
  const apiKey = "k";
  switch (api) {
    case "openai-chat":
      return createOpenAI({ baseURL: `${url}/v1`, apiKey }).chat(modelId ?? "gpt-4o-mini");
    case "openai-responses":
      return createOpenAI({ baseURL: `${url}/v1`, apiKey }).responses(modelId ?? "gpt-4o-mini");
    case "anthropic":
      return createAnthropic({ baseURL: `${url}/v1`, apiKey })(modelId ?? "claude-sonnet-4-5");
    case "google":
      return createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey })(modelId ?? "gemini-2.5-flash");
    case "mistral":
      return createMistral({ baseURL: `${url}/v1`, apiKey })(modelId ?? "mistral-small-latest");
    default:
      return createOpenAICompatible({
        name: "local",
        baseURL: `${url}/v1`,
        apiKey,
        includeUsage: true,
        supportsStructuredOutputs: true,
      })(modelId ?? "m");
  }
}

/** @param wanted a value, or a list of values any of which will do */
function mismatch(what: string, given: unknown, wanted: unknown): string[] {
  const shown = JSON.stringify(given);
  const isMet = [wanted].flat(1).some((one) => JSON.stringify(one) === shown);
  return isMet ? [] : [`${what} is ${shown}, and not ${JSON.stringify(wanted)}`];
}

function silence(said: string, words: string): string[] {
  return said.includes(words) ? [] : [`nothing says "${words}": ${said.slice(0, 300)}`];
}
