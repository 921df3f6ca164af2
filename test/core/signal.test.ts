import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CancelScope, onAbort } from "../../src/core/signal.ts";

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

describe("a caller's signal", () => {
  test("shared by 20,000 runs has one listener of ours, and none when they are over", () => {
    const { signal } = new AbortController();
    const scopes = Array.from({ length: 20_000 }, () => new CancelScope(signal));
    expect(listenersOf(signal)).toBe(1);
    for (const scope of scopes.slice(1)) scope.dispose();
    expect(listenersOf(signal)).toBe(1);
    scopes[0]?.dispose();
    expect(listenersOf(signal)).toBe(0);
  });

  test("reaches every run that shares it once, with its reason, and is left alone afterwards", () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const scopes = Array.from({ length: 100 }, () => new CancelScope(controller.signal));
    let calls = 0;
    for (const scope of scopes) scope.onAbort(() => calls++);
    controller.abort(reason);
    controller.abort(new Error("again"));
    expect(calls).toBe(100);
    expect(scopes.every((scope) => scope.aborted && scope.reason === reason)).toBe(true);
    expect(listenersOf(controller.signal)).toBe(0);
  });

  test("calls the listeners that are left when it aborts, each once, however many came and went before", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ leaves: fc.boolean(), twice: fc.boolean() })), (listeners) => {
        const controller = new AbortController();
        const calls = listeners.map(() => 0);
        const leave = listeners.map((_, index) => onAbort(controller.signal, () => calls[index]!++));
        for (const [index, { leaves, twice }] of listeners.entries()) {
          if (leaves) leave[index]?.();
          if (leaves && twice) leave[index]?.();
        }
        expect(listenersOf(controller.signal)).toBe(listeners.some(({ leaves }) => !leaves) ? 1 : 0);
        controller.abort();
        expect(calls).toEqual(listeners.map(({ leaves }) => (leaves ? 0 : 1)));
      }),
    );
  });

  test("that aborted before calls at once", () => {
    let calls = 0;
    onAbort(AbortSignal.abort(), () => calls++)();
    expect(calls).toBe(1);
  });

  test("does not call a listener that another one takes away meanwhile", () => {
    const controller = new AbortController();
    let calls = 0;
    onAbort(controller.signal, () => leave());
    const leave = onAbort(controller.signal, () => calls++);
    controller.abort();
    expect(calls).toBe(0);
  });

  test("takes listeners again after the last one left", () => {
    const controller = new AbortController();
    const leave = onAbort(controller.signal, () => {});
    leave();
    let calls = 0;
    onAbort(controller.signal, () => calls++);
    leave();
    controller.abort();
    expect(calls).toBe(1);
  });
});

describe("a cancel scope", () => {
  test("keeps its first reason and tells each listener once", () => {
    const scope = new CancelScope();
    const reasons: unknown[] = [];
    scope.onAbort(() => reasons.push(scope.reason));
    scope.abort("first");
    scope.abort("second");
    expect(reasons).toEqual(["first"]);
    expect(scope.signal.reason).toBe("first");
  });

  test("hands out one signal, aborted or to be", () => {
    const scope = new CancelScope();
    const { signal } = scope;
    expect(signal.aborted).toBe(false);
    scope.abort("x");
    expect(signal.reason).toBe("x");
    expect(scope.signal).toBe(signal);
    const before = new CancelScope();
    before.abort("y");
    expect(before.signal.reason).toBe("y");
  });

  test("follows its parent, and never the other way round", () => {
    const parent = new CancelScope();
    const [child, sibling] = [new CancelScope(parent), new CancelScope(parent)];
    child.abort("only this");
    expect([parent.aborted, sibling.aborted]).toEqual([false, false]);
    parent.abort("all");
    expect([child.reason, sibling.reason]).toEqual(["only this", "all"]);
  });

  test("made below an aborted parent is aborted from the start", () => {
    const parent = new CancelScope();
    parent.abort("over");
    expect(new CancelScope(parent).reason).toBe("over");
    expect(new CancelScope(AbortSignal.abort("gone")).reason).toBe("gone");
  });

  test("no longer follows once it is disposed of", () => {
    const controller = new AbortController();
    const scope = new CancelScope(controller.signal);
    scope.dispose();
    controller.abort();
    expect(scope.aborted).toBe(false);
  });

  test("tells a late listener at once, and one that left never", () => {
    const scope = new CancelScope();
    const calls: string[] = [];
    scope.onAbort(() => calls.push("left"))();
    scope.abort(undefined);
    scope.onAbort(() => calls.push("late"));
    expect(calls).toEqual(["late"]);
    expect(scope.aborted).toBe(true);
  });

  test("races work: its result, its error, or the abort, whatever comes first, in every order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.constantFrom("resolve", "reject"), async (scheduler, way) => {
        const scope = new CancelScope();
        const order: string[] = [];
        const work = scheduler.schedule(Promise.resolve()).then(() => {
          order.push("work");
          if (way === "reject") throw "work failed";
          return "work done";
        });
        const aborting = scheduler.schedule(Promise.resolve()).then(() => {
          order.push("abort");
          scope.abort("aborted");
        });
        const raced = scope.race(work).then(
          (value) => value,
          (error) => error,
        );
        await scheduler.waitAll();
        await Promise.all([aborting, work.catch(() => {})]);
        const workWins = way === "resolve" ? "work done" : "work failed";
        expect(await raced).toBe(order[0] === "work" ? workWins : "aborted");
      }),
    );
  });

  test("that is aborted already loses no error of the work", async () => {
    const scope = new CancelScope();
    scope.abort("aborted");
    await expect(scope.race(Promise.reject(new Error("unheard")))).rejects.toBe("aborted");
    await new Promise((resolve) => setImmediate(resolve));
  });
});
