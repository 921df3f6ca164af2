import type { ReadonlySignal } from "@preact/signals";
import type { RunDetail, RunRow, ViewerPage } from "../../../src/cli/view/viewer-data.ts";

/** Where the screens have their data from: a file that holds them, or a service. */
export interface Source {
  /** All but the rows and the details; of a service, what is known of it. */
  readonly page: Omit<ViewerPage, "rows" | "total">;
  readonly rows: ReadonlySignal<readonly RunRow[]>;
  readonly total: ReadonlySignal<number>;
  /** Opens a run; its value is `undefined` until it is there, and `null` where it is not held. */
  detail(id: string): ReadonlySignal<RunDetail | null | undefined>;
  /** Command that shows the whole of a run; missing for a service. */
  commandOf?(id: string): string;
  readonly service?: Service;
}

/** Actions and facts of a service. */
export interface Service {
  readonly strip: ReadonlySignal<Strip>;
  cancel(id: string): Promise<void>;
  /** @returns id of the new run */
  runAgain(id: string): Promise<string>;
  /** Returns a command that asks the same of this service. */
  toCurl(tool: string, input: unknown): string;
}

/** State of a service on one line. */
export interface Strip {
  readonly isConnected: boolean;
  readonly running: number;
  readonly retrying: number;
  readonly queued?: number | undefined;
  /** Providers whose circuit is not closed, and those that pause, with the seconds left where they are known. */
  readonly circuits: readonly { readonly name: string; readonly state: string }[];
}
