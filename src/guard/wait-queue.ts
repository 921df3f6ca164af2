import { type Clock, schedule } from "../core/clock.ts";
import { Line } from "../core/line.ts";
import type { CancelScope } from "../core/signal.ts";

/** A call that waits: its attempt, the longest time that it makes sense, and the scope whose abort ends it. */
export interface Waiter<T> {
  /** `undefined` while it cannot be yet; what it throws ends the wait. */
  attempt(): T | undefined;
  leftMs(): number;
  readonly scope: CancelScope | undefined;
}

/** Queue of calls that wait, oldest first. Invariant: no turn, listener or timer is left of a wait that is over. */
export class WaitQueue {
  readonly #clock: Clock;
  /** Made with the first waiter: most queues never have one. */
  #waiting: Line<() => boolean> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#waiting?.isEmpty ?? true;
  }

  /** Waits for the turn to come and to succeed. Rejects with the scope's reason as soon as that is aborted. */
  wait<T>(turn: Waiter<T>): Promise<T> {
    this.#waiting ??= new Line();
    const waiting = this.#waiting;
    return new Promise<T>((resolve, reject) => {
      let stopTimer = () => {};
      let stopListening = () => {};
      const leave = () => {
        leaveLine();
        stopTimer();
        stopListening();
      };
      const take = () => {
        try {
          const value = turn.attempt();
          if (value === undefined) return false;
          leave();
          resolve(value);
        } catch (error) {
          leave();
          reject(error);
        }
        return true;
      };
      const arm = () => {
        if (turn.leftMs() < Number.POSITIVE_INFINITY)
          stopTimer = schedule(this.#clock, () => (take() ? this.advance() : arm()), Math.max(1, turn.leftMs()));
      };
      const leaveLine = waiting.join(take);
      arm();
      const { scope } = turn;
      if (!scope) return;
      stopListening = scope.onAbort(() => {
        leave();
        reject(scope.reason);
        this.advance();
      });
    });
  }

  /** Serves the waiters after a change, oldest first, up to one that has to wait on. */
  advance(): void {
    while (this.#waiting?.first?.());
  }
}

/** Resolves after `ms`; rejects with the scope's reason in the tick of its abort, leaving no timer. */
export function sleep(clock: Clock, ms: number, scope: CancelScope | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopListening = () => {};
    const stopTimer = schedule(
      clock,
      () => {
        stopListening();
        resolve();
      },
      ms,
    );
    if (scope)
      stopListening = scope.onAbort(() => {
        stopTimer();
        reject(scope.reason);
      });
  });
}
