import * as v from "valibot";
import type { Clock } from "../core/clock.ts";
import type { JSONValue } from "../core/json.ts";
import {
  checkedBy,
  declareOptions,
  finiteNumber,
  milliseconds,
  nested,
  type OptionsInput,
  type ResolvedOptions,
  text,
  trueOrFalse,
  wholeNumber,
} from "../core/options.ts";
import type { Random } from "../core/random.ts";
import { type BundleOptions, budgetEntries, type EvidenceContent } from "./bundle.ts";
import { ToolExecutionError } from "./errors.ts";
import type { EventManager, OrchestrationEvent } from "./event.ts";
import type { AnyTool, ContentOf, InputOf, OptionsOf, Tool, ToolRegistry } from "./tool.ts";
import type { Budget, Usage } from "./usage.ts";

export const orchestrationConfig = declareOptions("OrchestrationConfig", "options", {
  /** Most calls of the run in flight at once. */
  maxParallel: v.optional(wholeNumber({ minimum: 1, unit: "calls" }), 10),
  /** Deadline of the whole run. Default: none. */
  timeoutMs: v.optional(milliseconds({ minimum: 1 })),
  /** Ceilings of the run, kept before anything is spent. Default: none. */
  budget: v.optional(nested(budgetEntries)),
  /** Emit `delta` events while answers arrive. */
  streaming: v.optional(trueOrFalse(), false),
  /** Handed through to the output's metadata. */
  metadata: v.optional(
    checkedBy<Record<string, JSONValue>>(
      (value) => typeof value === "object" && value !== null && !Array.isArray(value),
      "an object of JSON values",
    ),
  ),
  /** One execution a key, whoever asks and however often. Needs `ReliableOrchestrator`. */
  idempotencyKey: v.optional(text()),
  /** Ties the run to a distributed trace. Default: the active OpenTelemetry trace, else the request id. */
  traceId: v.optional(text()),
  /** Names the run. Default: a new unique id. */
  requestId: v.optional(text()),
  /** Below this confidence, `metadata.belowMinConfidence` is true and a `warning` says so. */
  qualityRequirements: v.optional(
    nested({
      /** The confidence that a consensus should have. Default: none. */
      minConfidence: v.optional(finiteNumber({ minimum: 0, maximum: 1 })),
    }),
  ),
  /** Sees every event and log line before anyone else, and gives back what others may see. */
  redact: v.optional(
    checkedBy<(event: OrchestrationEvent) => OrchestrationEvent>(
      (value) => typeof value === "function",
      "a function from an event to an event",
    ),
  ),
});

/** Options of a run. */
export interface OrchestrationConfig extends OptionsInput<typeof orchestrationConfig> {}
export type ResolvedOrchestrationConfig = ResolvedOptions<typeof orchestrationConfig>;

/** A failure as plain data. */
export interface OutputError {
  /** The error's class name. */
  type: string;
  message: string;
  code: string;
  isRetryable: boolean;
  attempts: number;
  category?: string;
}

export interface OutputMetadata {
  toolName: string;
  toolVersion: string;
  costUsd: number | null;
  budget?: Budget;
  /** True where the output was stored by an earlier run of the same key. */
  replayed?: boolean;
  [key: string]: unknown;
}

interface OutputBase {
  usage: Usage;
  /** US dollars; `null` where a price is not known. */
  costUsd: number | null;
  metadata: OutputMetadata;
  traceId: string;
  requestId: string;
  elapsedMs: number;
}

/** How a run ended: plain JSON data. */
export type OrchestrationOutput<C = unknown> =
  | (OutputBase & { status: "completed"; content: C; errors?: Record<string, OutputError> })
  | (OutputBase & { status: "partial"; content: C; errors?: Record<string, OutputError> })
  | (OutputBase & { status: "failed"; content: Partial<C> | null; errors: Record<string, OutputError> });

/**
 * Whether an output holds an evidence bundle, for a program that does not know its tool's type.
 *
 * @example
 * ```ts
 * if (hasEvidence(output)) console.log(output.content.evidenceBundle.summary.consensus);
 * ```
 */
export function hasEvidence<T = unknown>(
  output: OrchestrationOutput<any>,
): output is OrchestrationOutput<EvidenceContent<T>> & { status: "completed" | "partial" } {
  const content: unknown = output.content;
  return output.status !== "failed" && typeof content === "object" && content !== null && "evidenceBundle" in content;
}

/**
 * The content of an output that has one.
 *
 * @throws ToolExecutionError for a failed output
 */
export function unwrap<C>(output: OrchestrationOutput<C>): C {
  if (output.status !== "failed") return output.content;
  const [toolName, error] = Object.entries(output.errors).at(-1) ?? [output.metadata.toolName, undefined];
  throw new ToolExecutionError(
    toolName,
    error ? Object.assign(new Error(error.message), error) : "no error was recorded",
  );
}

interface RunCommon {
  options?: OrchestrationConfig | undefined;
  eventManager?: EventManager | undefined;
  onEvent?: ((event: OrchestrationEvent) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** @deprecated Use tools instead: `new PromptBundleTool({ name, model, prompt })`. */
  agents?: readonly AgentDefinition[] | undefined;
}

/** A one-off prompt. Use a tool instead. */
export interface AgentDefinition {
  name: string;
  prompt: string;
  /** Default: the model in the environment variable `STEER_MODEL`. */
  model?: string | undefined;
}

export type NameOf<Tools> = [keyof Tools] extends [never] ? string : keyof Tools & string;
type AnyNamedTool = Tool<string | object, unknown, BundleOptions & Record<string, unknown>>;
export type Picked<Tools, T, N> = [T] extends [never]
  ? [N] extends [never]
    ? AnyNamedTool
    : N extends keyof Tools
      ? Tools[N]
      : AnyNamedTool
  : T;

/** What a run is asked to do. */
export interface RunParams<Tools = {}, T extends AnyTool = never, N extends string = string> extends RunCommon {
  request: NoInfer<InputOf<Picked<Tools, T, N>>>;
  /** The tool itself: it types the request and the content. */
  tool?: T | undefined;
  /** A registered tool's name. */
  toolName?: N | undefined;
  toolOptions?: NoInfer<OptionsOf<Picked<Tools, T, N>>> | undefined;
  /** Tools to try in turn where the first fails. Needs `ReliableOrchestrator`. */
  fallbackTools?: readonly (string | AnyTool)[] | undefined;
}

/** What a run over many requests is asked to do. */
export type RunManyParams<Tools, T extends AnyTool, N extends string> = Omit<RunParams<Tools, T, N>, "request"> & {
  requests: Iterable<NoInfer<InputOf<Picked<Tools, T, N>>>> | AsyncIterable<NoInfer<InputOf<Picked<Tools, T, N>>>>;
  /** Runs in flight at once. Default: 10. */
  concurrency?: number | undefined;
};

export type RunOutput<Tools, T, N> = OrchestrationOutput<ContentOf<Picked<Tools, T, N>>>;

/** A run as its events happen. Leaving a `for await` over it early cancels it. */
export interface OrchestrationStream<C = unknown> extends AsyncIterable<OrchestrationEvent<C>>, AsyncDisposable {
  readonly output: Promise<OrchestrationOutput<C>>;
  cancel(reason?: unknown): void;
}

export interface OrchestratorSettings<Tools = {}> {
  /** Where `toolName` is looked up. Default: the global registry. */
  registry?: ToolRegistry<Tools> | undefined;
  /** Options of every run, where the run does not say otherwise. */
  defaultOptions?: OrchestrationConfig | undefined;
  /** Default: the prices of `@pydantic/genai-prices`. */
  prices?: PriceSource | undefined;
  logger?: Logger | undefined;
  clock?: Clock | undefined;
  random?: Random | undefined;
}

/** US dollars for a call, or null where the price is not known. */
export interface PriceSource {
  costUsd(call: { provider: string; modelId: string; usage: Usage }): number | null;
}

/** pino, console and most loggers fit. */
export interface Logger {
  debug(data: object, message: string): void;
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
}
