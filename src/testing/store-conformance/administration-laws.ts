import assert from "node:assert/strict";
import { defaultJournalTtlMs, type ManagedStore } from "../../store/store.ts";
import { type Law, leaseMs, sampleOutput, sampleReplicate, ttlMs, win } from "./law.ts";

/** Laws of administration: what people see of a store and may do with it. */
export const administrationLaws: readonly Law<ManagedStore>[] = [
  {
    promise: "a list shows each key with its state, in the order of its bytes, page by page",
    async hold({ store, passTime }) {
      await win(store, "abandoned");
      await passTime(leaseMs + 1);
      const { token: settled } = await win(store, "settled");
      await store.settle(settled, sampleOutput(), ttlMs);
      const { token: released } = await win(store, "released");
      await store.append(released, sampleReplicate());
      await store.release(released);
      await win(store, "Running");
      const first = await store.list({ limit: 2 });
      const rest = await store.list({ after: first.at(-1)?.key });
      assert.deepEqual(
        [...first, ...rest].map(({ key, state, replicateCount }) => [key, state, replicateCount]),
        [
          ["Running", "running", 0],
          ["abandoned", "abandoned", 0],
          ["released", "released", 1],
          ["settled", "settled", 0],
        ],
      );
      assert.deepEqual(await store.list({ after: "settled" }), []);
    },
  },
  {
    promise: "a record tells who holds the key, by which fence, and until when",
    async hold({ store }) {
      const { token } = await win(store, "key");
      const [record] = await store.list();
      assert.equal(record?.owner, "conformance");
      assert.equal(record?.fence, token.fence);
      assert.equal(record?.fingerprint, "fingerprint");
      assert.ok(record.leaseEndsInMs > 0 && record.leaseEndsInMs <= leaseMs);
      assert.ok(record.expiresInMs > record.leaseEndsInMs);
    },
  },
  {
    promise: "a key is shown with all that it holds",
    async hold({ store }) {
      const { token } = await win(store, "key");
      await store.savePlan(token, { toolName: "triage" });
      await store.append(token, sampleReplicate());
      const running = await store.show("key");
      assert.deepEqual(running?.plan, { toolName: "triage" });
      assert.deepEqual(running?.replicates, [sampleReplicate()]);
      assert.equal(running?.output, undefined);
      await store.settle(token, sampleOutput(), ttlMs);
      assert.deepEqual((await store.show("key"))?.output, sampleOutput());
      assert.equal(await store.show("unknown"), undefined);
    },
  },
  {
    promise: "purging removes what is asked for, with its journal, except what is running",
    async hold({ store, passTime }) {
      await win(store, "abandoned");
      await passTime(leaseMs + 1);
      const { token: released } = await win(store, "released");
      await store.append(released, sampleReplicate());
      await store.release(released);
      await win(store, "running");
      assert.equal(await store.purge(["abandoned", "released", "running", "unknown"]), 2);
      assert.deepEqual(
        (await store.list()).map(({ key }) => key),
        ["running"],
      );
      assert.deepEqual((await win(store, "released")).replicates, []);
    },
  },
  {
    promise: "a key that was purged and won anew has a higher fence than before",
    async hold({ store }) {
      const { token } = await win(store, "key");
      await store.release(token);
      await store.purge(["key"]);
      assert.ok((await win(store, "key")).token.fence > token.fence);
    },
  },
  {
    promise: "sweeping removes outputs and journals past their time, and nothing else",
    async hold({ store, passTime }) {
      await win(store, "abandoned");
      const { token: released } = await win(store, "released");
      await store.release(released);
      await passTime(defaultJournalTtlMs - leaseMs);
      const { token: settled } = await win(store, "settled");
      await store.settle(settled, sampleOutput(), ttlMs);
      await win(store, "running");
      assert.equal(await store.sweep(), 0);
      await passTime(leaseMs + 1);
      assert.equal(await store.sweep(), 1);
      await passTime(leaseMs);
      assert.equal(await store.sweep(), 2);
      assert.deepEqual(
        (await store.list()).map(({ key }) => key),
        ["running"],
      );
    },
  },
  {
    promise: "a key whose journal is past its time is free for any fingerprint, swept or not",
    async hold({ store, passTime }) {
      await win(store, "key");
      await passTime(leaseMs + defaultJournalTtlMs + 1);
      await win(store, "key", "other");
    },
  },
  {
    promise: "a store that keeps on being used removes by itself what has expired",
    async hold({ store, passTime }) {
      for (let index = 0; index < 10; index++) {
        const { token } = await win(store, `old-${index}`);
        await store.settle(token, sampleOutput(), ttlMs);
      }
      await passTime(ttlMs + 1);
      for (let index = 0; index < 100; index++) await win(store, `new-${index}`);
      assert.equal((await store.list({ limit: 1_000 })).filter(({ key }) => key.startsWith("old")).length, 0);
    },
  },
  {
    promise: "a sound store has nothing to report",
    async hold({ store }) {
      const { token } = await win(store, "key");
      await store.append(token, sampleReplicate());
      assert.deepEqual(await store.verify(), []);
    },
  },
];
