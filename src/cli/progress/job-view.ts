import type { OrchestrationEvent } from "../../contract/event.ts";
import type { JobTally } from "../job/job-tally.ts";
import type { OutputLine } from "../output/output-line.ts";

/** How people follow a job. */
export interface JobView {
  /** Something happened in a run in flight. */
  observe(event: OrchestrationEvent): void;
  /** An input got its line. */
  settle(line: OutputLine, tally: JobTally): void;
  /** Something else to know. */
  notify(message: string): void;
  /** Nothing more is to come. */
  end(): void;
}
