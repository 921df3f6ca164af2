import assert from "node:assert/strict";
import type { RunStore } from "../../store/store.ts";
import { assertRefused, claimant, type Law, sampleOutput, ttlMs, win } from "./law.ts";

/** A store that keeps runs for review. */
type ReviewStore = RunStore & Required<Pick<RunStore, "read" | "replace">>;

/** Laws of `read` and `replace`, which a store may leave out together. */
export const reviewLaws: readonly Law[] = [
  reviewLaw(
    "what is settled can be read without its fingerprint, and nothing else can",
    async (store, { passTime }) => {
      assert.equal(await store.read("key"), undefined);
      const { token } = await win(store, "key");
      assert.equal(await store.read("key"), undefined);
      await store.settle(token, sampleOutput("first"), ttlMs);
      assert.deepEqual((await store.read("key"))?.output, sampleOutput("first"));
      await passTime(ttlMs + 1);
      assert.equal(await store.read("key"), undefined);
    },
  ),
  reviewLaw(
    "a replaced output is what the key gives from then on, for as long as it was given",
    async (store, { passTime }) => {
      const token = await settled(store, "first");
      await passTime(ttlMs / 2);
      await store.replace(token, sampleOutput("second"), ttlMs);
      await passTime(ttlMs * 0.9);
      const claim = await store.claim("key", "fingerprint", claimant);
      assert.deepEqual(claim, { state: "settled", sameFingerprint: true, output: sampleOutput("second") });
      await passTime(ttlMs * 0.2);
      await win(store, "key");
    },
  ),
  reviewLaw("of two that replace one output at once one wins, and the other is told", async (store, { reopen }) => {
    await settled(store, "first");
    const other = reopen ? ((await reopen()) as ReviewStore) : store;
    try {
      const stores = [store, other, store, other];
      const tokens = await Promise.all(stores.map(async (each) => (await each.read("key"))?.token));
      const ends = await Promise.allSettled(
        stores.map((each, at) => each.replace(tokens[at] as never, sampleOutput(`decision ${at}`), ttlMs)),
      );
      assert.equal(ends.filter(({ status }) => status === "fulfilled").length, 1);
      const winner = ends.findIndex(({ status }) => status === "fulfilled");
      assert.deepEqual((await store.read("key"))?.output, sampleOutput(`decision ${winner}`));
      await assertRefused(store.replace(tokens[0] as never, sampleOutput("late"), ttlMs), "stale_token");
    } finally {
      if (other !== store) await other.close();
    }
  }),
  reviewLaw("a key that is claimed anew is not replaced by who read it before", async (store, { passTime }) => {
    const token = await settled(store, "first");
    await passTime(ttlMs + 1);
    const { token: second } = await win(store, "key");
    await assertRefused(store.replace(token, sampleOutput("late"), ttlMs), "stale_token");
    await assertRefused(store.replace(second, sampleOutput("early"), ttlMs), "stale_token");
    await store.settle(second, sampleOutput("second"), ttlMs);
    await assertRefused(store.replace(token, sampleOutput("late"), ttlMs), "stale_token");
    assert.deepEqual((await store.read("key"))?.output, sampleOutput("second"));
  }),
];

function reviewLaw(
  promise: string,
  hold: (store: ReviewStore, subject: Parameters<Law["hold"]>[0]) => Promise<void>,
): Law {
  return {
    promise,
    async hold(subject) {
      const { store } = subject;
      const [reads, replaces] = [typeof store.read === "function", typeof store.replace === "function"];
      assert.equal(reads, replaces, "read and replace are given together, or left out together.");
      if (reads) await hold(store as ReviewStore, subject);
    },
  };
}

/** Settles the key, and returns the token that replaces it. */
async function settled(store: ReviewStore, content: string) {
  const { token } = await win(store, "key");
  await store.settle(token, sampleOutput(content), ttlMs);
  const found = await store.read("key");
  assert.ok(found, "What is settled has to be there to read.");
  return found.token;
}
