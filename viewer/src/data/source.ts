import type { ReadonlySignal } from "@preact/signals";
import type { Answer } from "../../../src/cli/label/answer.ts";
import type { ReviewData, RunDetail, RunRow, ViewerPage } from "../../../src/cli/view/viewer-data.ts";

/** Source of the data of the screens: a file that holds them, or a service. */
export interface Source {
  /** All but the rows and the details; of a service, what is known of it. */
  readonly page: Omit<ViewerPage, "rows" | "total" | "review">;
  readonly rows: ReadonlySignal<readonly RunRow[]>;
  readonly total: ReadonlySignal<number>;
  /** Opens a run; its value is `undefined` until it is there, and `null` where it is not held. */
  detail(id: string): ReadonlySignal<RunDetail | null | undefined>;
  /** Answers to judge; `undefined` where there are none, and before a service has given them. */
  readonly review: ReadonlySignal<ReviewData | undefined>;
  /** Run that an answer is of. */
  runOf(answer: Answer): string;
  /** Command that shows the whole of a run; missing for a service. */
  commandOf?(id: string): string;
  readonly service?: Service;
}

/** Actions and facts of a service. */
export interface Service {
  readonly strip: ReadonlySignal<Strip>;
  cancel(id: string): Promise<void>;
  /** @returns id of the new run; `undefined` where the service refused, for which the strip has the reason */
  runAgain(id: string): Promise<string | undefined>;
  /**
   * Keeps a verdict, so that the next runs learn from it.
   *
   * @throws Error where the service did not take it
   */
  judge(id: string, correct: boolean | Readonly<Record<string, boolean>>): Promise<void>;
  /** Asks for what the rows of these runs say: they are seen. */
  look(ids: readonly string[]): void;
  /** Reads what the rows of these runs say. Resolves once all of them are read, or gone from the log. */
  read(ids: readonly string[]): Promise<void>;
  /** True where the row of a run has all to say that there is. */
  isRead(id: string): boolean;
  /** True where the log may have runs that fit these filters and are not listed. */
  hasOlder(filter: RunFilter): boolean;
  /** Lists the latest runs that fit, where not all of the log is listed. */
  listFirst(filter: RunFilter): void;
  /** Lists the next older runs that fit. */
  listOlder(filter: RunFilter): Promise<void>;
  /** Asks for the answers to judge. */
  openReview(): Promise<void>;
  /** Returns a command that asks the same of this service. */
  toCurl(tool: string, input: unknown): string;
}

/** Filters that the service knows. */
export interface RunFilter {
  readonly tool: string;
  readonly state: string;
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** State of a service on one line. */
export interface Strip {
  /** `undefined` before the first answer. */
  readonly isConnected: boolean | undefined;
  /** Reason why the last action on this screen was refused. */
  readonly problem?: string | undefined;
  readonly running: number;
  /** Runs in the queue that no worker has begun. */
  readonly waiting: number;
  readonly retrying: number;
  /** Calls that wait to be tried again, by tool and reason. */
  readonly pauses: readonly { readonly name: string; readonly seconds: number }[];
  /** Providers whose circuit is not closed. */
  readonly circuits: readonly { readonly name: string; readonly state: string }[];
}
