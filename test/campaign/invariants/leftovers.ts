import type { History } from "../history.ts";
import type { Invariant } from "./invariant.ts";
import { callsOf, jobOf } from "./reports.ts";

export const nothingIsLeft: Invariant = {
  promise: "after the last run no timer, no listener, no call and no unhandled rejection is left",
  check({ leftovers }, expect) {
    const { timers, listeners, callsInFlight, unhandledRejections } = leftovers;
    expect(timers === 0, () => `${timers} timers are left`);
    expect(listeners === 0, () => `${listeners} listeners are left on the shared signal`);
    expect(callsInFlight === 0, () => `${callsInFlight} calls go on`);
    expect(
      unhandledRejections.length === 0,
      () => `unhandled: ${unhandledRejections.map((reason: any) => reason?.stack ?? reason)}`,
    );
  },
};

export const nothingStartsAfterTheEnd: Invariant = {
  promise: "a run that has settled makes no call",
  check(history, expect) {
    for (const run of history.runs) {
      // Others may have waited for a run with a key when its own caller left it.
      if (run.settledStep === undefined || jobOf(history, run).key !== null) continue;
      for (const { startStep, model } of callsOf(history, run))
        expect(startStep < run.settledStep, () => `run ${run.index} had settled, and then called ${model}`);
    }
  },
};

export const noKeyIsHeld: Invariant = {
  promise: "after the last run no key is held, unless the store would not let go of it",
  check(history, expect) {
    const held = new Set(history.leftovers.heldKeys.map(({ key }) => key));
    for (const key of new Set(history.operations.map(({ key }) => key)))
      expect(!held.has(key) || wasNotLetGo(history, key), () => `the key ${key} is still held`);
  },
};

function wasNotLetGo({ operations }: History, key: string): boolean {
  return operations.some(({ key: own, operation, fault, doneStep }) => {
    if (own !== key || fault === undefined) return false;
    // A key is given back after all else, and what was never answered may still come.
    if (fault.kind === "never" || fault.kind === "never_reply") return true;
    return operation === "claim"
      ? fault.kind === "lost"
      : ["release", "settle"].includes(operation) && doneStep === undefined;
  });
}
