import { expect, test } from "vitest";
import { MemoryStore } from "../../src/store/memory.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { sampleOutput, win } from "../../src/testing/store-conformance/law.ts";

const claimant = { leaseMs: 30_000, owner: "test" };

test("past its bound it forgets what came to rest first (invariant 3)", async () => {
  const store = new MemoryStore({ maxEntries: 3 });
  for (const key of ["a", "b", "c", "d"]) {
    const { token } = await win(store, key);
    await store.settle(token, sampleOutput(key), 60_000);
  }
  expect((await store.list()).map(({ key }) => key)).toEqual(["b", "c", "d"]);
});

test("a running claim is never forgotten, however many others there are (invariant 3)", async () => {
  const store = new MemoryStore({ maxEntries: 3 });
  const { token } = await win(store, "mine");
  for (let index = 0; index < 50; index++) {
    const other = await win(store, `other-${index}`);
    if (index % 2) await store.release(other.token);
  }
  expect((await store.claim("mine", "fingerprint", claimant)).state).toBe("running");
  await store.settle(token, sampleOutput(), 60_000);
});

test("a key that is claimed again counts as in use, not as come to rest", async () => {
  const store = new MemoryStore({ maxEntries: 2 });
  const first = await win(store, "first");
  await store.release(first.token);
  await win(store, "first");
  for (const key of ["b", "c", "d"]) await store.release((await win(store, key)).token);
  expect((await store.show("first"))?.state).toBe("running");
});

test("removes abandoned keys once they have expired, and keeps running ones (invariant 4)", async () => {
  const clock = createFakeClock();
  const store = new MemoryStore({ clock, maxEntries: 10, journalTtlMs: 1_000 });
  const { token } = await win(store, "mine");
  for (let index = 0; index < 100; index++) {
    await win(store, `abandoned-${index}`);
    await clock.advance(25_000);
    await store.renew(token, claimant.leaseMs);
  }
  const states = (await store.list()).map(({ key, state }) => `${key} ${state}`);
  expect(states).toContain("mine running");
  expect(states.length).toBeLessThan(5);
});

test("removes expired keys with the next claim, long before the bound is reached", async () => {
  const clock = createFakeClock();
  const store = new MemoryStore({ clock });
  const { token } = await win(store, "old");
  await store.settle(token, sampleOutput(), 1_000);
  await clock.advance(1_001);
  await win(store, "new");
  expect((await store.list()).map(({ key }) => key)).toEqual(["new"]);
});
