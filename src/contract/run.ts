import type { BundleOptions } from "./bundle-options.ts";
import type { OrchestrationConfig } from "./config.ts";
import type { EventManager, OrchestrationEvent } from "./event.ts";
import type { LanguageModelLike } from "./model.ts";
import type { OrchestrationOutput } from "./output.ts";
import type { AnyTool, ContentOf, InputOf, OptionsOf, Tool } from "./tool.ts";

interface RunCommon {
  /** Options of the run: its deadline, its budget, its key. */
  options?: OrchestrationConfig | undefined;
  /** Listeners that hear of every event of the run, at once; none is waited for. */
  eventManager?: EventManager | undefined;
  /** Hears of every event of the run, at once; it is not waited for, and what it throws or rejects with changes nothing. */
  onEvent?: ((event: OrchestrationEvent) => void) | undefined;
  /** Its abort cancels the run. */
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

/** The names that a registry knows. */
export type NameOf<Tools> = [keyof Tools] extends [never] ? string : keyof Tools & string;
type AnyNamedTool = Tool<string | object, unknown, BundleOptions & Record<string, unknown>>;
/** The tool that `tool` or `toolName` means. */
export type Picked<Tools, T, N> = [T] extends [never]
  ? [N] extends [never]
    ? AnyNamedTool
    : N extends keyof Tools
      ? Tools[N]
      : AnyNamedTool
  : T;

/** Parameters of a run. */
export interface RunParams<Tools = {}, T extends AnyTool = never, N extends string = string> extends RunCommon {
  /** Request that the tool is given. */
  request: NoInfer<InputOf<Picked<Tools, T, N>>>;
  /** The tool itself: it types the request and the content. */
  tool?: T | undefined;
  /** A registered tool's name. */
  toolName?: N | undefined;
  /** Options of the tool; of a bundle tool its `BundleOptions`. */
  toolOptions?: NoInfer<OptionsOf<Picked<Tools, T, N>>> | undefined;
  /** Tools to try in turn where the first fails. Needs `ReliableOrchestrator`. */
  fallbackTools?: readonly (string | AnyTool)[] | undefined;
}

/** Parameters of a run over many requests. */
export type RunManyParams<Tools, T extends AnyTool, N extends string> = Omit<RunParams<Tools, T, N>, "request"> & {
  /** Requests, taken one by one as there is room for them. */
  requests: Iterable<NoInfer<InputOf<Picked<Tools, T, N>>>> | AsyncIterable<NoInfer<InputOf<Picked<Tools, T, N>>>>;
  /** Runs in flight at once. Default: 10. */
  concurrency?: number | undefined;
  /**
   * Longest time without one answer, after which a job that waits for its provider ends with a `JobStoppedError`, in
   * milliseconds. With 0 nothing is waited for. Default: 3,600,000, which is an hour; 60,000 where no server was there at all
   * and nothing was answered yet. Needs `ReliableOrchestrator`.
   */
  giveUpAfterMs?: number | undefined;
  /**
   * Accepts the answers that are right in a share of at least `precision`: each result says if it is accepted, and comes once
   * the last request has ended and what pays was bought. Needs `ReliableOrchestrator`.
   */
  accept?: AcceptParams<RunOutput<Tools, T, N>> | undefined;
  /** Model that is asked, with `accept`, if an answer is right; `true` asks the tool's own. */
  verifier?: true | string | LanguageModelLike | undefined;
  /** Model that is asked the same, with `accept`; its answer is compared with the consensus. */
  secondModel?: string | LanguageModelLike | undefined;
};

/** Precision that accepted answers are to have, and the labels that certify it. */
export interface AcceptParams<Output = OrchestrationOutput> {
  /** Share of right answers that the accepted ones are to have, between 0 and 1. */
  precision: number;
  /** Probability, over the draw of the labels, that they have it. Default: 0.9. */
  confidence?: number | undefined;
  /**
   * Judges an answer: right, wrong, or `null` for one that cannot be judged, which certifies as a wrong one does. It is shown
   * answers of a uniform draw, one by one, until it returns `undefined`, or `labels` were given. Without it nothing is certified.
   */
  label?:
    | ((answer: LabelledAnswer<Output>) => boolean | null | undefined | Promise<boolean | null | undefined>)
    | undefined;
  /** Most labels that are asked for. Default: 100. */
  labels?: number | undefined;
}

/** An answer that is to be judged. */
export interface LabelledAnswer<Output = OrchestrationOutput> {
  /** Number of the request, from 0. */
  readonly index: number;
  readonly request: unknown;
  readonly output: Output;
}

/** The output of the tool that `tool` or `toolName` means. */
export type RunOutput<Tools, T, N> = OrchestrationOutput<ContentOf<Picked<Tools, T, N>>>;

/**
 * A run as its events happen. Leaving a `for await` over it early cancels it. For a loop that is 16,384 events behind,
 * `delta` and `progress` are dropped; all others are kept.
 */
export interface OrchestrationStream<C = unknown> extends AsyncIterable<OrchestrationEvent<C>>, AsyncDisposable {
  readonly output: Promise<OrchestrationOutput<C>>;
  /** Ends the run; its `output` rejects with a `CancelledError` that carries the reason. */
  cancel(reason?: unknown): void;
}
