import { StoreError } from "../../src/reliability.ts";
import type { PlayedOperation } from "./history.ts";
import { blinks, type StoreFault, type StoreOperationName } from "./scenario.ts";
import type { WorldClock } from "./world-clock.ts";

/** What the store of a scenario goes through, whichever process asks it, and the books of that. */
export class StoreTroubles {
  readonly operations: PlayedOperation[] = [];
  #answering = 0;
  #isSilent = false;
  #blink: { readonly fault: StoreFault; readonly untilMs: number } | undefined;
  readonly #faults: readonly StoreFault[];
  readonly #clock: WorldClock;
  readonly #nextStep: () => number;

  constructor(faults: readonly StoreFault[], clock: WorldClock, nextStep: () => number) {
    this.#faults = faults;
    this.#clock = clock;
    this.#nextStep = nextStep;
  }

  begin(process: number, operation: StoreOperationName, key: string, facts: PlayedOperation["facts"]): PlayedOperation {
    const nth = this.operations.filter((earlier) => earlier.operation === operation).length;
    const planned = this.#faults.find((planned) => planned.operation === operation && planned.nth === nth);
    const nowMs = this.#clock.now();
    if (planned && isBlink(planned)) this.#blink = { fault: planned, untilMs: nowMs + planned.delayMs };
    const isAway =
      this.#blink !== undefined && nowMs < this.#blink.untilMs && !this.#findsConnection(this.#blink.fault);
    const fault = isAway ? this.#blink?.fault : planned && !isBlink(planned) ? planned : undefined;
    const played: PlayedOperation = { process, operation, key, fault, facts };
    this.operations.push(played);
    return played;
  }

  /** Whether an operation is among those that a store without connections to spare still serves: every other one. */
  #findsConnection({ kind }: StoreFault): boolean {
    return kind === "full" && this.operations.length % 2 === 1;
  }

  /** Whether an operation goes on that will end. */
  get isAnswering(): boolean {
    return this.#answering > 0;
  }

  /** Whether it has been asked something that it never answers. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** Does the work of an operation, unless its fault comes before that. */
  async meet<R>(played: PlayedOperation, work: () => Promise<R>): Promise<R> {
    const { kind, delayMs = 0 } = played.fault ?? {};
    this.#answering++;
    try {
      if (kind === "slow") await this.#clock.world.sleep(delayMs);
      if (kind === "refused" || (played.fault && isBlink(played.fault))) throw unavailable(played.operation, kind);
      if (kind === "never") await this.#fallSilent();
      const result = await work();
      played.doneStep = this.#nextStep();
      played.doneAtMs = this.#clock.now();
      if (kind === "slow_reply") await this.#clock.world.sleep(delayMs);
      if (kind === "lost") throw unavailable(played.operation);
      if (kind === "never_reply") await this.#fallSilent();
      return result;
    } finally {
      this.#answering--;
    }
  }

  #fallSilent(): Promise<never> {
    this.#answering--;
    this.#isSilent = true;
    return new Promise(() => {});
  }
}

/** Whether the whole store is away for a while. */
export function isBlink({ kind }: StoreFault): boolean {
  return (blinks as readonly string[]).includes(kind);
}

function unavailable(operation: StoreOperationName, kind?: StoreFault["kind"]): StoreError {
  return new StoreError({
    store: "faulty",
    operation: operation === "savePlan" ? "save_plan" : operation,
    reason: kind === "locked" ? "locked" : "unavailable",
    what: "this was planned",
    advice: "Leave it so.",
  });
}
