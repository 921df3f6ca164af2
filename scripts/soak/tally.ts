import {
  ConflictError,
  EventManager,
  type EventType,
  isOrchestratorError,
  type OrchestrationOutput,
  StoreError,
} from "../../src/index.ts";
import { Counts } from "./counts.ts";

const told: ReadonlySet<EventType> = new Set<EventType>([
  "plan_selected",
  "timeout",
  "retry_scheduled",
  "circuit_opened",
  "circuit_half_open",
  "circuit_closed",
  "fallback_started",
  "attempt_discarded",
]);
const terminal: ReadonlySet<EventType> = new Set<EventType>(["run_completed", "run_failed", "cancelled"]);

/** What a run may reject with here; anything else is a fault of the product, or of the load. */
const expectedCodes: ReadonlySet<string> = new Set(["CANCELLED", "BUDGET_EXCEEDED", "PLANNING"]);
/** What a store may fail with, on a machine that stands still for as long as a lease. */
const expectedReasons: ReadonlySet<string> = new Set(["unavailable", "stale_token"]);

/** How all runs ended and what happened on the way, heard through one event manager that they share. */
export class Tally {
  readonly events = new EventManager({ onListenerError: (error) => this.unexpected.push(String(error)) });
  readonly outcomes = new Counts();
  readonly deeds = new Counts();
  readonly unexpected: string[] = [];
  #begun = 0;
  #ended = 0;

  constructor() {
    this.events.on("*", ({ type }) => {
      if (type === "run_started") this.#begun++;
      if (terminal.has(type)) this.#ended++;
      if (told.has(type)) this.deeds.add(type);
    });
  }

  get runs(): number {
    return this.outcomes.total;
  }

  /** Runs that began and have not ended, by their events. */
  get unendedRuns(): number {
    return this.#begun - this.#ended;
  }

  /** @param requestId what the caller named the run: the output of another caller's run has another name */
  completed({ status, metadata, ...output }: OrchestrationOutput, requestId?: string): void {
    this.outcomes.add(status);
    if (metadata.replayed) this.deeds.add("key: replayed");
    else if (requestId !== undefined && output.requestId !== requestId) this.deeds.add("key: joined");
    if (metadata["journaledUsage"]) this.deeds.add("key: resumed from the journal");
  }

  rejected(error: unknown): void {
    const kind = expectedKindOf(error);
    this.outcomes.add(`rejected: ${kind ?? "unexpectedly"}`);
    if (!kind) this.unexpected.push(`A run rejected with ${error instanceof Error ? error.stack : String(error)}`);
  }
}

function expectedKindOf(error: unknown): string | undefined {
  if (!isOrchestratorError(error)) return undefined;
  const { code } = error;
  if (StoreError.isInstance(error)) return expectedReasons.has(error.reason) ? `${code}, ${error.reason}` : undefined;
  if (ConflictError.isInstance(error)) return `${code}, ${error.reason}`;
  return expectedCodes.has(code) ? code : undefined;
}
