import type { AcceptableAnswer } from "../../calibration/job-acceptance.ts";
import type { EvidenceBundle } from "../../contract/bundle.ts";
import type { Accepted } from "../../evidence/accept-answers.ts";
import type { AskedPrecision, Look } from "../accept/acceptance.ts";
import type { Answer } from "../label/answer.ts";
import type { LabelLine } from "../label/labels.ts";
import type { JobReport } from "../report/job-facts.ts";
import type { CalibrationCurve } from "./confidence.ts";
import type { DistanceMap } from "./distance-map.ts";
import type { FixedKCost, Spending } from "./expense.ts";
import type { CountedSummary } from "./facts.ts";

/** Data of the viewer, as commands write them into a file. `viewer/` shows them, and knows nothing else of a job. */
export interface ViewerPage {
  readonly title: string;
  /** File that is shown, for people. */
  readonly file: string;
  readonly isCutShort: boolean;
  /** Missing for a bundle alone. */
  readonly report?: JobReport | undefined;
  /** Sentences on what is accepted; missing for a job without `--right`. */
  readonly accepted?: readonly string[] | undefined;
  /** In the order of the file. */
  readonly rows: readonly RunRow[];
  /** Runs of the file, those included that the page does not hold. */
  readonly total: number;
  readonly calibration?: ShownCalibration | undefined;
  /** Missing where nothing can be judged, and for jobs that are too large for a page. */
  readonly review?: ReviewData | undefined;
}

export type RunStatus = "running" | "completed" | "partial" | "failed" | "rejected" | "cancelled" | "abandoned";

/** A run on one line. */
export interface RunRow {
  /** Number of its line in a file; the id of a run of a service. */
  readonly id: string;
  readonly tool: string;
  readonly status: RunStatus;
  readonly isRetrying?: boolean;
  readonly input: string;
  /** The consensus, or the error. */
  readonly said: string;
  /** Votes on contested fields, in words. */
  readonly votes?: string | undefined;
  /** Contested fields, with `*` for places in lists. */
  readonly contested?: readonly string[] | undefined;
  /** Absent where nothing tells how sure the consensus is. */
  readonly confidence?: number | undefined;
  /** Answers that came, valid or not. */
  readonly answers: number;
  readonly failedCalls?: number | undefined;
  readonly k: number;
  readonly costUsd: number | null;
  readonly elapsedMs: number | null;
  /** Category of the error. */
  readonly category?: string | undefined;
  readonly accepted?: Accepted | undefined;
  /** Time of its start, ISO 8601. */
  readonly startedAt?: string | undefined;
}

/** All that is held of one run. */
export interface RunDetail {
  readonly input?: unknown;
  readonly bundle?: Omit<EvidenceBundle, "summary"> & { readonly summary: CountedSummary };
  /** Counts of the whole bundle, of which a page may hold a part. */
  readonly counts?: {
    readonly answers: number;
    /** Calls that brought no answer, of the model that votes; they are among `answers`. */
    readonly failedCalls: number;
    readonly fields: number;
  };
  readonly cost?: FixedKCost | undefined;
  readonly spending?: Spending | undefined;
  readonly trace?: ShownTrace;
  /** Distances of the answers; `null` where there are none to tell. */
  readonly map?: DistanceMap | null;
  readonly error?: { readonly type: string; readonly message: string; readonly category?: string | undefined };
  /** Times, where events tell them. */
  readonly moments?: Moments;
  /** True where long texts are cut. */
  readonly isShortened?: boolean;
}

/** Course of a run. Times are milliseconds from its start. */
export interface Moments {
  readonly isRunning: boolean;
  readonly elapsedMs: number;
  /** Start and end of each replicate, and its tries that failed, by id. */
  readonly replicates: Readonly<Record<string, ReplicateMoments>>;
  readonly notes: readonly { readonly atMs: number; readonly text: string }[];
}

export interface ReplicateMoments {
  readonly startedMs?: number;
  readonly endedMs?: number;
  readonly retries: readonly {
    readonly atMs: number;
    readonly delayMs: number;
    readonly category: string;
    readonly message: string;
  }[];
}

/** Confidence and stability as the answers arrived. */
export interface ShownTrace {
  readonly points: readonly {
    readonly count: number;
    readonly id: string;
    readonly valid: boolean;
    readonly confidence?: number | undefined;
    readonly stability?: number | undefined;
  }[];
  readonly isExact: boolean;
}

/** Labels of the same task, model and schema, and what they say of the confidence. */
export interface ShownCalibration extends CalibrationCurve {
  readonly sentence: string;
}

/** All that labels need to move the calibration and the accepted set in a browser. */
export interface ReviewData {
  /** Every answer of the file that can be judged, in its order. */
  readonly answers: readonly Answer[];
  /** Signals that were bought, one an answer. */
  readonly signals: readonly AcceptableAnswer["signals"][];
  /** Labels that there are. */
  readonly labels: readonly LabelLine[];
  readonly withoutAnswer: number;
  readonly asked: AskedPrecision;
  /** False where the job was run without `--right`, and the viewer shows what it would accept. */
  readonly isAsked: boolean;
  readonly looks: readonly Look[];
  /** Runs of a service that the answers come from: the latest that had ended. */
  readonly latest?: { readonly count: number; readonly of: number };
}
