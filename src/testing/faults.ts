import type { LanguageModelV4GenerateResult, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import type { LanguageModelLike } from "../contract/model.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { seededRandom } from "../core/random.ts";
import { HttpFailure, untilAborted } from "./scripted-model.ts";

/** Faults that are errors, under the names of the categories by which errors are classified. */
export type ErrorFaultKind =
  | "rate_limit"
  | "quota_exhausted"
  | "overloaded"
  | "server_error"
  | "timeout"
  | "network"
  | "invalid_request"
  | "context_length"
  | "content_filter"
  | "authentication";

/** Faults of a call. */
export type FaultKind =
  | ErrorFaultKind
  /** Never answers, until it is aborted. */
  | "hang"
  /** Answers with a text that means nothing. */
  | "garbage"
  /** Loses the connection half-way through the answer. */
  | "cut"
  /** Answers long after it should have, whether or not it was aborted meanwhile. */
  | "late";

/** @param share from 0 to 1: which form of the error */
const errorsByKind: Record<ErrorFaultKind, (share: number) => Error> = {
  rate_limit: (share) => new HttpFailure(429, Math.round(share * 5_000)),
  quota_exhausted: () => new HttpFailure(402),
  overloaded: () => new HttpFailure(529),
  server_error: (share) => new HttpFailure(share < 0.5 ? 500 : 503),
  timeout: () => new HttpFailure(504),
  network: (share) => connectionError(share < 0.5 ? "ECONNRESET" : "UND_ERR_SOCKET"),
  invalid_request: () => new HttpFailure(400),
  context_length: () => withCode(new HttpFailure(400), "context_length_exceeded"),
  content_filter: () => withCode(new HttpFailure(400), "content_filter"),
  authentication: () => new HttpFailure(401),
};

/** Every kind of fault. */
export const faultKinds: readonly FaultKind[] = [
  ...(Object.keys(errorsByKind) as ErrorFaultKind[]),
  "hang",
  "garbage",
  "cut",
  "late",
];

/**
 * The error of a kind of fault; `undefined` for a kind that is none.
 *
 * @param share from 0 to 1: which of its forms
 */
export function errorOf(kind: FaultKind, share: number): Error | undefined {
  return kind in errorsByKind ? errorsByKind[kind as ErrorFaultKind](share) : undefined;
}

export function connectionError(code: string): Error {
  return withCode(new Error(`The connection was lost (${code})`), code);
}

function withCode(error: Error, code: string): Error {
  return Object.assign(error, { code });
}

/** Faults and their rate. */
export interface FaultOptions {
  /** The same seed gives the same faults to the same calls. */
  readonly seed: number;
  /** Share of calls that meet a fault, from 0 to 1. Default: 0.2. */
  readonly rate?: number | undefined;
  /** Faults, each equally often. Default: every kind. */
  readonly kinds?: readonly FaultKind[] | undefined;
  /** Milliseconds before a late answer. Default: 30,000. */
  readonly lateMs?: number | undefined;
  /** Clock that late answers wait on. Default: the real clock. */
  readonly clock?: Clock | undefined;
}

/** A model with faults of its own and of ours. */
export interface FaultyModel extends LanguageModelLike {
  /** Count of each fault that was injected so far. */
  readonly injected: Readonly<Record<FaultKind, number>>;
}

/**
 * A model that fails now and then, as providers do: by an error of each category, a hang, garbage, a cut connection, or an
 * answer that comes too late. All its chance comes from the seed.
 *
 * @example
 * ```ts
 * const clock = createFakeClock();
 * const model = injectFaults(scriptedModel(() => ({ text: "yes" })), { seed: 7, rate: 0.3, clock });
 * // … run something against it
 * model.injected.hang; // how often it hung
 * ```
 */
export function injectFaults(model: LanguageModelLike, options: FaultOptions): FaultyModel {
  const { seed, rate = 0.2, kinds = faultKinds, lateMs = 30_000, clock = systemClock } = options;
  const random = seededRandom(seed);
  const injected = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>;

  /** Draws as often for a call without a fault, so that one call's fault does not shift those of the next. */
  function draw(): { kind: FaultKind | undefined; share: number } {
    const [hit, which, share] = [random.next(), random.next(), random.next()];
    const kind = hit < rate ? kinds[Math.floor(which * kinds.length)] : undefined;
    if (kind) injected[kind]++;
    return { kind, share };
  }

  async function failBefore(
    kind: FaultKind | undefined,
    share: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const error = kind && errorOf(kind, share);
    if (error) throw error;
    if (kind === "hang") await untilAborted(signal);
    if (kind === "late") await clock.sleep(lateMs);
  }

  return {
    specificationVersion: model.specificationVersion,
    provider: model.provider,
    modelId: model.modelId,
    ...(model.source !== undefined && { source: model.source }),
    injected,
    async doGenerate(callOptions) {
      const { kind, share } = draw();
      await failBefore(kind, share, callOptions.abortSignal);
      const result = await model.doGenerate(callOptions);
      if (kind === "cut") throw connectionError("ERR_STREAM_PREMATURE_CLOSE");
      return kind === "garbage" ? garbled(result) : result;
    },
    async doStream(callOptions) {
      const { kind, share } = draw();
      await failBefore(kind, share, callOptions.abortSignal);
      const result = await model.doStream(callOptions);
      if (kind === "cut") return { ...result, stream: ReadableStream.from(cut(result.stream, Math.floor(share * 4))) };
      return kind === "garbage" ? { ...result, stream: ReadableStream.from(garbledParts(result.stream)) } : result;
    },
  };
}

type Parts = AsyncIterable<LanguageModelV4StreamPart>;

/** The parts up to some deltas of text, or to the end of the text where it is shorter, and then a lost connection. */
async function* cut(parts: Parts, deltas: number): AsyncGenerator<LanguageModelV4StreamPart> {
  let left = deltas;
  for await (const part of parts) {
    if (part.type === "text-end" || (part.type === "text-delta" && left-- === 0)) break;
    yield part;
  }
  throw connectionError("UND_ERR_SOCKET");
}

async function* garbledParts(parts: Parts): AsyncGenerator<LanguageModelV4StreamPart> {
  for await (const part of parts) yield part.type === "text-delta" ? { ...part, delta: garble(part.delta) } : part;
}

function garbled(result: LanguageModelV4GenerateResult): LanguageModelV4GenerateResult {
  const content = result.content.map((part) => (part.type === "text" ? { ...part, text: garble(part.text) } : part));
  return { ...result, content };
}

function garble(text: string): string {
  return text.replaceAll(/\S/g, "#");
}
