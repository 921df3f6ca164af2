import { type Clock, schedule } from "../core/clock.ts";
import type { CancelScope } from "../core/signal.ts";

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
