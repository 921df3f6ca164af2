import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Emitter, readerCapacity } from "../../src/core/emitter.ts";

async function readAll<E>(reader: AsyncIterable<E>): Promise<E[]> {
  const events: E[] = [];
  for await (const event of reader) events.push(event);
  return events;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("a listener of an emitter", () => {
  test("hears every event, in order, until it is taken away", () => {
    const emitter = new Emitter<number>();
    const heard: number[] = [];
    const off = emitter.on((event) => heard.push(event));
    for (const event of [1, 2, 3]) emitter.emit(event);
    off();
    off();
    emitter.emit(4);
    expect(heard).toEqual([1, 2, 3]);
  });

  test("added twice hears twice, and is taken away one by one", () => {
    const emitter = new Emitter<number>();
    const heard: number[] = [];
    const listener = (event: number) => heard.push(event);
    const off = emitter.on(listener);
    emitter.on(listener);
    emitter.emit(1);
    off();
    emitter.emit(2);
    expect(heard).toEqual([1, 1, 2]);
  });

  test("that throws or rejects disturbs neither the producer nor another listener, and is told of", async () => {
    const errors: unknown[] = [];
    const heard: number[] = [];
    const emitter = new Emitter<number>({ onListenerError: (error) => errors.push(error) });
    emitter.on(() => {
      throw "thrown";
    });
    emitter.on(() => Promise.reject("rejected"));
    // biome-ignore lint/suspicious/noThenProperty: stands for the promise of another library
    emitter.on(() => ({ then: (_: unknown, reject: (error: unknown) => void) => reject("thenable") }));
    emitter.on((event) => heard.push(event));
    emitter.emit(1);
    await turn();
    expect(heard).toEqual([1]);
    expect(errors.toSorted()).toEqual(["rejected", "thenable", "thrown"]);
  });

  test("that throws disturbs no other, also where the handler of its error throws as well", async () => {
    const emitter = new Emitter<number>({
      onListenerError: () => {
        throw new Error("the handler fails too");
      },
    });
    const heard: number[] = [];
    emitter.on(() => {
      throw new Error("x");
    });
    emitter.on(() => Promise.reject(new Error("x")));
    emitter.on((event) => heard.push(event));
    emitter.emit(1);
    await turn();
    expect(heard).toEqual([1]);
  });

  test("that makes further events does not bring those of the others out of order", () => {
    const emitter = new Emitter<number>();
    const heard: number[] = [];
    emitter.on((event) => {
      if (event < 3) emitter.emit(event + 1);
    });
    emitter.on((event) => heard.push(event));
    emitter.emit(1);
    expect(heard).toEqual([1, 2, 3]);
  });

  test("that ends the emitter leaves the others the events from before the end", () => {
    const emitter = new Emitter<number>();
    const heard: number[] = [];
    emitter.on((event) => {
      if (event === 1) {
        emitter.emit(2);
        emitter.end();
        emitter.emit(3);
      }
    });
    emitter.on((event) => heard.push(event));
    emitter.emit(1);
    expect(heard).toEqual([1, 2]);
  });
});

describe("a reader of an emitter", () => {
  test("gets each event once, in order, and ends after the last, however emits and reads interleave", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 5 })), async (bursts) => {
        const emitter = new Emitter<number>();
        const readers = [emitter.read(), emitter.read()].map(readAll);
        let count = 0;
        for (const burst of bursts) {
          for (let left = burst; left > 0; left--) emitter.emit(count++);
          await Promise.resolve();
        }
        emitter.end();
        const expected = Array.from({ length: count }, (_, index) => index);
        expect(await Promise.all(readers)).toEqual([expected, expected]);
      }),
    );
  });

  test("gets what was emitted between its making and its first read, and nothing from before", async () => {
    const emitter = new Emitter<number>();
    emitter.emit(0);
    const reader = emitter.read();
    emitter.emit(1);
    emitter.end();
    emitter.emit(2);
    expect(await readAll(reader)).toEqual([1]);
    expect(await readAll(emitter.read())).toEqual([]);
  });

  test("answers several reads at once in their order", async () => {
    const emitter = new Emitter<number>();
    const reader = emitter.read();
    const reads = Promise.all([reader.next(), reader.next(), reader.next()]);
    emitter.emit(1);
    emitter.emit(2);
    emitter.end();
    expect((await reads).map(({ value }) => value)).toEqual([1, 2, undefined]);
    expect(await reader.next()).toEqual({ value: undefined, done: true });
  });

  test("ends with the error that it is given, once, after what came before it", async () => {
    const emitter = new Emitter<number>();
    const [reading, waiting] = [emitter.read(), emitter.read()];
    const waited = [waiting.next(), waiting.next(), waiting.next()];
    emitter.emit(1);
    const error = new Error("over");
    emitter.end(error);
    expect(await reading.next()).toEqual({ value: 1, done: false });
    await expect(reading.next()).rejects.toBe(error);
    expect(await reading.next()).toEqual({ value: undefined, done: true });
    const settled = await Promise.allSettled(waited);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  test("left early says so once, and holds nothing more; left after the end says nothing", async () => {
    let left = 0;
    const emitter = new Emitter<number>();
    const reader = emitter.read(() => left++);
    const late = emitter.read(() => left++);
    emitter.emit(1);
    emitter.emit(2);
    for await (const event of reader) if (event === 1) break;
    await reader.return?.();
    emitter.emit(3);
    expect(await reader.next()).toEqual({ value: undefined, done: true });
    expect(left).toBe(1);
    emitter.end();
    for await (const event of late) if (event === 1) break;
    expect(left).toBe(1);
  });

  test("left while it waits ends the waiting", async () => {
    const reader = new Emitter<number>().read();
    const waiting = reader.next();
    await reader.return?.();
    expect(await waiting).toEqual({ value: undefined, done: true });
  });

  test("that falls behind holds only so many events that it can do without, and all of the others", async () => {
    const emitter = new Emitter<{ isNeeded: boolean }>({ isDroppable: (event) => !event.isNeeded });
    const reader = emitter.read();
    const extra = 1_000;
    for (let index = 0; index < readerCapacity + extra; index++) emitter.emit({ isNeeded: false });
    for (let index = 0; index < extra; index++) emitter.emit({ isNeeded: true });
    emitter.end();
    const events = await readAll(reader);
    expect(events.filter((event) => !event.isNeeded)).toHaveLength(readerCapacity);
    expect(events.filter((event) => event.isNeeded)).toHaveLength(extra);
  });

  test("that is always a little behind does not keep what it has read", async () => {
    const emitter = new Emitter<{ ref: WeakRef<object>; payload: object }>();
    const reader = emitter.read();
    const refs: WeakRef<object>[] = [];
    const emitOne = () => {
      const payload = {};
      const ref = new WeakRef(payload);
      refs.push(ref);
      emitter.emit({ ref, payload });
    };
    emitOne();
    for (let index = 0; index < 5_000; index++) {
      emitOne();
      await reader.next();
    }
    await turn();
    collectGarbage();
    expect(refs.filter((ref) => ref.deref()).length).toBeLessThan(2_000);
  });
});

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}
