import { expect, test } from "vitest";
import { lazily, modulesLoaded } from "../../src/core/lazily.ts";

test("loads once for any number of callers", async () => {
  let loads = 0;
  const load = lazily(async () => ++loads);
  expect(await Promise.all([load(), load(), load()])).toEqual([1, 1, 1]);
  expect(await load()).toBe(1);
});

test("nothing is loaded before it is asked for", async () => {
  let loads = 0;
  lazily(async () => ++loads);
  expect(loads).toBe(0);
});

test("where loading failed, the next call tries again", async () => {
  let loads = 0;
  const load = lazily(async () => {
    if (++loads === 1) throw new Error("no disk");
    return loads;
  });
  await expect(load()).rejects.toThrow("no disk");
  expect(await load()).toBe(2);
});

test("waits for modules that are being loaded, and for no others", async () => {
  let arrive = (_module: string) => {};
  const load = lazily(() => new Promise<string>((resolve) => (arrive = resolve)));
  expect(await modulesLoaded()).toBe(false);
  const loaded = load();
  let isDone = false;
  const waiting = modulesLoaded().then((waited) => {
    isDone = true;
    return waited;
  });
  await Promise.resolve();
  expect(isDone).toBe(false);
  arrive("module");
  expect(await waiting).toBe(true);
  expect(await loaded).toBe("module");
});
