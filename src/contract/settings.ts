import type { Clock } from "../core/clock.ts";
import type { Random } from "../core/random.ts";
import type { EvidenceBundle } from "./bundle.ts";
import type { OrchestrationConfig } from "./config.ts";
import type { ToolRegistry } from "./tool.ts";
import type { Usage } from "./usage.ts";

/** Settings of an orchestrator. All have a default. */
export interface OrchestratorSettings<Tools = {}> {
  /** Registry that resolves `toolName`. Default: the global registry. */
  registry?: ToolRegistry<Tools> | undefined;
  /** Options of every run, where the run does not say otherwise: of `budget`, `metadata` and the like part by part. */
  defaultOptions?: OrchestrationConfig | undefined;
  /** Default: the prices of `@pydantic/genai-prices`. */
  prices?: PriceSource | undefined;
  /** Estimates the tokens of a text, for budgets. Default: `gpt-tokenizer` where it is installed, else an estimate of our own. */
  estimateTokens?: ((text: string, modelId: string) => number) | undefined;
  /**
   * Memory of how far the votes of bundles can be trusted: a `CalibrationStore`, which keeps labels in files, or a source of your
   * own. `"off"`: every bundle is judged by its own votes alone. Default: that of the process.
   */
  calibrations?: CalibrationSource | "off" | undefined;
  /**
   * `content: true` shows requests, prompts and answers in the spans of OpenTelemetry, of runs without `redact`. Default: spans
   * carry names, numbers and codes alone.
   */
  telemetry?: { content?: boolean | undefined } | undefined;
  /** Hears of every event. Default: none. */
  logger?: Logger | undefined;
  /** Tells the time and fires timers. Default: the real clock. */
  clock?: Clock | undefined;
  /** For ids and jitter. Default: the process's own. */
  random?: Random | undefined;
}

/** US dollars for a call, or null where the price is not known. */
export interface PriceSource {
  /** The price of one call in US dollars, or `null` where it is not known: never 0 for that. */
  costUsd(call: { provider: string; modelId: string; usage: Usage }): number | null;
}

/** Source of confidences that were learnt from labels: a `CalibrationStore`, or one of your own. */
export interface CalibrationSource {
  /** The probability that the consensus of this bundle is right; `undefined` where too few labels say so. */
  confidence(bundle: EvidenceBundle): Promise<number | undefined>;
}

/** Facts that bundles of one job share, known before the first call. */
export interface BundleKind {
  readonly task: string;
  readonly k: number;
  readonly schemaFingerprint?: string | undefined;
}

/** State of a calibration at the start of a bundle: what other bundles teach meanwhile does not change it. */
export interface OpenCalibration {
  /**
   * Puts the numbers that this calibration gives into the summary of a bundle, all at once; none after the signal is
   * aborted: the bundle may be given by then.
   *
   * @param question whose answers are kept: a bundle that reuses them is not judged by the one that counted them
   */
  calibrate(
    bundle: EvidenceBundle<any>,
    question?: string | undefined,
    signal?: AbortSignal | undefined,
  ): void | Promise<void>;
  /**
   * Counts the votes of a bundle for those that start later.
   *
   * @param question whose answers are kept: a bundle that reuses them takes the place of the one that counted them
   */
  observe(bundle: EvidenceBundle<any>, question?: string | undefined): void | Promise<void>;
  /** Finds what labels say of a model, also under its dated names; `undefined` without a label. */
  labelled?(modelId: string | undefined): Promise<LabelledCalibration | undefined>;
  /** Finds what a model's bundles can reach now, also under its dated names; `undefined` where nothing tells. */
  reach?(modelId: string | undefined): Promise<ConfidenceReach | undefined>;
}

/**
 * Returns the highest confidence that a bundle can have whose votes on every field are of these sizes, the consensus first.
 *
 * @param choices number of possible answers by the JSON pointers of the fields; `undefined` where it is not known
 */
export type ConfidenceReach = (
  sizes: readonly number[],
  choices: Readonly<Record<string, number | undefined>>,
) => number;

/** Calibration by the bundles of a process. */
export interface BundleCalibrations {
  open(kind: BundleKind): OpenCalibration | Promise<OpenCalibration>;
  /** Keeps if a bundle was right; of two verdicts on one bundle the later counts. Absent where no labels can be kept. */
  learn?(bundle: EvidenceBundle<any>, correct: boolean | Readonly<Record<string, boolean>>): Promise<void>;
}

/** Labelled calibration of one model's bundles, to which further bundles of it are held. */
export interface LabelledCalibration {
  /** Bundles that were judged. */
  readonly labels: number;
  /** Confidence of a bundle with these votes. */
  confidence(votes: Pick<EvidenceBundle["summary"], "fields" | "groups">): number;
}

/**
 * pino, console and most loggers fit. `data` is an event; where an exception of your own code ended a run or a replicate,
 * it also has that as `err`, with its stack. Not with the option `redact`: a stack cannot be redacted.
 */
export interface Logger {
  /** Details for finding a fault. */
  debug(data: object, message: string): void;
  /** That a run started, and how it ended well. */
  info(data: object, message: string): void;
  /** Faults that were made good. */
  warn(data: object, message: string): void;
  /** Failures. */
  error(data: object, message: string): void;
}
