import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { assertRefused, claimant, type Law, sampleOutput, sampleReplicate, ttlMs, win } from "./law.ts";

const strangeTexts = [
  "emoji 🦊 and ﷽",
  "e\u0301 is not \u00e9",
  "\u0000 and \u001f",
  "line\u2028separator",
  "half a pair \ud83e",
  "%_'\"\\ $1 $key",
  " spaces ",
];
const megabyte = 2 ** 20;

/** Laws of data: what is stored, how long, and that it comes back the same. */
export const dataLaws: readonly Law[] = [
  {
    promise: "the journal outlives a release, by replicate and seed, in the order of the replicates",
    async hold({ store }) {
      const { token } = await win(store, "key");
      const replicates = [
        sampleReplicate(0),
        sampleReplicate(0, "another seed", 7_000),
        sampleReplicate(1),
        sampleReplicate(10),
      ];
      for (const replicate of replicates.toReversed()) await store.append(token, replicate);
      await store.release(token);
      assert.deepEqual((await win(store, "key")).replicates, replicates);
    },
  },
  {
    promise: "a replicate that is journaled again replaces the one before",
    async hold({ store }) {
      const { token } = await win(store, "key");
      await store.append(token, sampleReplicate(0, "first"));
      await store.append(token, sampleReplicate(0, "second"));
      await store.release(token);
      assert.deepEqual((await win(store, "key")).replicates, [sampleReplicate(0, "second")]);
    },
  },
  {
    promise: "appends that are asked for at once are all kept",
    async hold({ store }) {
      const { token } = await win(store, "key");
      const replicates = Array.from({ length: 100 }, (_, index) => sampleReplicate(index));
      await Promise.all(replicates.map((replicate) => store.append(token, replicate)));
      await store.release(token);
      assert.equal((await win(store, "key")).replicates.length, 100);
    },
  },
  {
    promise: "each fingerprint has its own journal and plan under a key",
    async hold({ store }) {
      const { token: first } = await win(store, "key", "first");
      await store.append(first, sampleReplicate(0, "first"));
      await store.savePlan(first, "the first plan");
      await store.release(first);
      const second = await win(store, "key", "second");
      assert.deepEqual(second.replicates, []);
      assert.equal(second.plan, undefined);
      await store.release(second.token);
      assert.deepEqual((await win(store, "key", "first")).replicates, [sampleReplicate(0, "first")]);
    },
  },
  {
    promise: "a settled key gives its output to its own fingerprint, as often as asked, and to no other",
    async hold({ store }) {
      const { token } = await win(store, "key");
      await store.settle(token, sampleOutput(), ttlMs);
      for (let time = 0; time < 2; time++) {
        const claim = await store.claim("key", "fingerprint", claimant);
        assert.deepEqual(claim, { state: "settled", sameFingerprint: true, output: sampleOutput() });
      }
      const other = await store.claim("key", "other", claimant);
      assert.deepEqual(other, { state: "settled", sameFingerprint: false });
    },
  },
  {
    promise: "an output is kept for its time and then forgotten with the journal, for any fingerprint",
    async hold({ store, passTime }) {
      const { token } = await win(store, "key");
      await store.append(token, sampleReplicate());
      await store.settle(token, sampleOutput(), ttlMs);
      await passTime(ttlMs - 1_000);
      assert.equal((await store.claim("key", "fingerprint", claimant)).state, "settled");
      await passTime(1_001);
      const claim = await win(store, "key");
      assert.deepEqual(claim.replicates, []);
      assert.equal(claim.plan, undefined);
    },
  },
  {
    promise: "an output of 4 MiB comes back whole",
    async hold({ store }) {
      const { token } = await win(store, "key");
      const output = sampleOutput({ text: "🦊é~".repeat((4 * megabyte) / 8) });
      await store.settle(token, output, ttlMs);
      const claim = await store.claim("key", "fingerprint", claimant);
      assert.ok(claim.state === "settled" && claim.sameFingerprint);
      assert.deepEqual(claim.output, output);
    },
  },
  {
    promise: "an output of 10,000 answers comes back whole",
    async hold({ store }) {
      const { token } = await win(store, "key");
      const output = sampleOutput(Array.from({ length: 10_000 }, (_, index) => sampleReplicate(index)));
      await store.settle(token, output, ttlMs);
      const claim = await store.claim("key", "fingerprint", claimant);
      assert.ok(claim.state === "settled" && claim.sameFingerprint);
      // A difference of two texts as long as these takes minutes to show.
      assert.ok(isDeepStrictEqual(claim.output, output), "The output came back changed.");
    },
  },
  {
    promise: "every text is a key of its own and a value of its own",
    async hold({ store }) {
      for (const text of strangeTexts) {
        const { token } = await win(store, text);
        await store.append(token, sampleReplicate(0, { [text]: text }));
        await store.savePlan(token, { [text]: text });
        await store.release(token);
      }
      for (const text of strangeTexts) {
        const claim = await win(store, text);
        assert.deepEqual(claim.replicates, [sampleReplicate(0, { [text]: text })]);
        assert.deepEqual(claim.plan, { [text]: text });
      }
    },
  },
  {
    promise: "names that mean something to JavaScript are data like any other",
    async hold({ store }) {
      const { token } = await win(store, "__proto__");
      const content: unknown = JSON.parse('{ "__proto__": { "polluted": true }, "constructor": 1 }');
      await store.settle(token, sampleOutput(content), ttlMs);
      const claim = await store.claim("__proto__", "fingerprint", claimant);
      assert.ok(claim.state === "settled" && claim.sameFingerprint);
      assert.equal(JSON.stringify(claim.output.content), JSON.stringify(content));
      assert.equal(({} as { polluted?: unknown }).polluted, undefined);
    },
  },
  {
    promise: "changing what was given to a store, or what came out of it, changes nothing in it",
    async hold({ store }) {
      const { token } = await win(store, "key");
      const output = sampleOutput({ list: [1] });
      await store.settle(token, output, ttlMs);
      (output.content as { list: number[] }).list.push(2);
      for (let time = 0; time < 2; time++) {
        const claim = await store.claim("key", "fingerprint", claimant);
        assert.ok(claim.state === "settled" && claim.sameFingerprint);
        assert.deepEqual(claim.output.content, { list: [1] });
        (claim.output.content as { list: number[] }).list.push(3);
      }
    },
  },
  {
    promise: "what JSON cannot hold is refused, and the claim still holds",
    async hold({ store }) {
      const { token } = await win(store, "key");
      const cycle: { self?: unknown } = {};
      cycle.self = cycle;
      await assertRefused(store.savePlan(token, cycle), "failed");
      await assertRefused(store.append(token, sampleReplicate(0, 1n)), "failed");
      await store.release(token);
    },
  },
  {
    promise: "a key of 2,000 bytes is taken, and a longer one refused before anything is written",
    async hold({ store }) {
      await win(store, "k".repeat(2_000));
      await assertRefused(store.claim("k".repeat(2_001), "fingerprint", claimant), "too_large");
      await assertRefused(store.claim("é".repeat(1_001), "fingerprint", claimant), "too_large");
    },
  },
  {
    promise: "a value that no store can hold is refused, and the claim still holds",
    async hold({ store }) {
      const { token } = await win(store, "key");
      const tooLong = "x".repeat(2 ** 28);
      await assertRefused(store.savePlan(token, tooLong), "too_large");
      await assertRefused(store.append(token, sampleReplicate(0, tooLong)), "too_large");
      await assertRefused(store.settle(token, sampleOutput(tooLong), ttlMs), "too_large");
      await store.settle(token, sampleOutput(), ttlMs);
    },
  },
  {
    promise: "what was confirmed is there for the next process that opens the store",
    async hold({ store, reopen }) {
      if (!reopen) return;
      const { token: settled } = await win(store, "settled");
      await store.settle(settled, sampleOutput(), ttlMs);
      const { token: released } = await win(store, "released");
      await store.append(released, sampleReplicate());
      await store.release(released);
      await win(store, "running");
      await store.close();
      const next = await reopen();
      assert.equal((await next.claim("settled", "fingerprint", claimant)).state, "settled");
      assert.equal((await next.claim("running", "fingerprint", claimant)).state, "running");
      assert.deepEqual((await win(next, "released")).replicates, [sampleReplicate()]);
      await next.close();
    },
  },
  {
    promise: "a closed store refuses work and may be closed again",
    async hold({ store }) {
      const { token } = await win(store, "key");
      await store.close();
      await assertRefused(store.claim("other", "fingerprint", claimant), "closed");
      await assertRefused(store.settle(token, sampleOutput(), ttlMs), "closed");
      await store.close();
    },
  },
];
