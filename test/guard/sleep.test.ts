import { describe, expect, test } from "vitest";
import { CancelScope } from "../../src/core/signal.ts";
import { sleep } from "../../src/guard/wait-queue.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { stateOf } from "./set-up.ts";

/** Knows how many listen to it. */
class CountingScope extends CancelScope {
  listening = 0;

  override onAbort(listener: () => void): () => void {
    this.listening++;
    const leave = super.onAbort(listener);
    return () => {
      this.listening--;
      leave();
    };
  }
}

describe("sleep", () => {
  test("ends after its time, and no longer listens", async () => {
    const clock = createFakeClock();
    const scope = new CountingScope();
    const pending = sleep(clock, 100, scope);
    expect(scope.listening).toBe(1);
    await clock.advance(99);
    expect(await stateOf(pending)).toBe("pending");
    await clock.advance(1);
    expect(await stateOf(pending)).toBeUndefined();
    expect(scope.listening).toBe(0);
  });

  test("rejects in the tick of the abort, also one that came before, and leaves no timer", async () => {
    const clock = createFakeClock();
    const scope = new CancelScope();
    const pending = sleep(clock, 100, scope);
    scope.abort("enough");
    const late = sleep(clock, 100, scope);
    expect(clock.pending).toBe(0);
    expect([await stateOf(pending), await stateOf(late)]).toEqual(["enough", "enough"]);
  });
});
