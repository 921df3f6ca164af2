import assert from "node:assert/strict";
import { StoreError } from "../../contract/errors.ts";
import { systemClock } from "../../core/clock.ts";
import { assertRefused, claimant, type Law, leaseMs, sampleOutput, sampleReplicate, ttlMs, win } from "./law.ts";

const racers = 50;

/** Laws of claims: which run gets a key, for how long, and what the others are told. */
export const claimLaws: readonly Law[] = [
  {
    promise: "a fresh key is won, without a journal and without a plan",
    async hold({ store }) {
      const claim = await win(store, "new");
      assert.equal(claim.token.key, "new");
      assert.deepEqual(claim.replicates, []);
      assert.equal(claim.plan, undefined);
    },
  },
  {
    promise: "a key in flight is refused with the rest of its lease, and whether the fingerprint is the same",
    async hold({ store, passTime }) {
      await win(store, "key");
      await passTime(10_000);
      for (const fingerprint of ["fingerprint", "other"]) {
        const claim = await store.claim("key", fingerprint, claimant);
        assert.equal(claim.state, "running");
        assert.equal(claim.sameFingerprint, fingerprint === "fingerprint");
        assert.ok(claim.leaseEndsInMs > 0 && claim.leaseEndsInMs <= leaseMs - 10_000, `${claim.leaseEndsInMs} ms`);
      }
    },
  },
  {
    promise: `of ${racers} claims at once, one wins`,
    async hold({ store, reopen }) {
      const other = (await reopen?.()) ?? store;
      const race = Array.from({ length: racers }, (_, index) =>
        (index % 2 === 0 ? store : other).claim("key", "fingerprint", claimant),
      );
      const won = (await Promise.all(race)).filter((claim) => claim.state === "won");
      if (other !== store) await other.close();
      assert.equal(won.length, 1);
    },
  },
  {
    promise: "one key in flight keeps no other from being won",
    async hold({ store }) {
      const claims = await Promise.all(Array.from({ length: racers }, (_, index) => win(store, `key-${index}`)));
      assert.equal(new Set(claims.map(({ token }) => token.fence)).size, racers);
    },
  },
  {
    promise: "each claim has a higher fence than the one before, whatever its key",
    async hold({ store }) {
      const fences: number[] = [];
      for (const key of ["a", "b", "a", "c", "b"]) {
        const { token } = await win(store, key);
        fences.push(token.fence);
        await store.release(token);
      }
      assert.deepEqual(
        fences,
        [...new Set(fences)].sort((a, b) => a - b),
      );
    },
  },
  {
    promise: "a renewed claim holds for a whole lease more",
    async hold({ store, passTime }) {
      const { token } = await win(store, "key");
      await passTime(leaseMs - 1_000);
      await store.renew(token, leaseMs);
      await passTime(leaseMs - 1_000);
      assert.equal((await store.claim("key", "fingerprint", claimant)).state, "running");
    },
  },
  {
    promise: "a claim whose lease ran out is taken over with its journal and its plan",
    async hold({ store, passTime }) {
      const { token } = await win(store, "key");
      await store.savePlan(token, { toolName: "triage" });
      await store.append(token, sampleReplicate());
      await passTime(leaseMs + 1);
      const claim = await win(store, "key");
      assert.ok(claim.token.fence > token.fence);
      assert.deepEqual(claim.replicates, [sampleReplicate()]);
      assert.deepEqual(claim.plan, { toolName: "triage" });
    },
  },
  {
    promise: "a clock that is set back keeps a dead owner's key for no more than a lease",
    async hold({ store, passTime, setBackClock }) {
      if (!setBackClock) return;
      await win(store, "key");
      await setBackClock(3_600_000);
      const claim = await store.claim("key", "fingerprint", claimant);
      assert.equal(claim.state, "running");
      if (claim.state === "running") assert.ok(claim.leaseEndsInMs <= leaseMs, `${claim.leaseEndsInMs} ms are left`);
      await passTime(leaseMs);
      await win(store, "key");
    },
  },
  {
    promise: "a living owner keeps its key through a clock that is set back",
    async hold({ store, passTime, setBackClock }) {
      if (!setBackClock) return;
      const { token } = await win(store, "key");
      await setBackClock(3_600_000);
      await store.claim("key", "fingerprint", claimant);
      await passTime(leaseMs / 3);
      await store.renew(token, leaseMs);
      await passTime(leaseMs / 2);
      assert.equal((await store.claim("key", "fingerprint", claimant)).state, "running");
    },
  },
  {
    promise: "a claim whose lease ran out is kept from another fingerprint",
    async hold({ store, passTime }) {
      await win(store, "key");
      await passTime(leaseMs + 1);
      const claim = await store.claim("key", "other", claimant);
      assert.deepEqual(claim, { state: "running", sameFingerprint: false, leaseEndsInMs: 0 });
    },
  },
  {
    promise: `of ${racers} take-overs at once, one wins`,
    async hold({ store, passTime }) {
      await win(store, "key");
      await passTime(leaseMs + 1);
      const race = Array.from({ length: racers }, () => store.claim("key", "fingerprint", claimant));
      assert.equal((await Promise.all(race)).filter((claim) => claim.state === "won").length, 1);
    },
  },
  {
    promise: "a lost claim refuses every write, and what is stored stays the same",
    async hold({ store, passTime }) {
      const { token: lost } = await win(store, "key");
      await passTime(leaseMs + 1);
      const { token } = await win(store, "key");
      await assertRefused(store.renew(lost, leaseMs), "stale_token");
      await assertRefused(store.savePlan(lost, {}), "stale_token");
      await assertRefused(store.append(lost, sampleReplicate()), "stale_token");
      await assertRefused(store.settle(lost, sampleOutput(), ttlMs), "stale_token");
      await assertRefused(store.release(lost), "stale_token");
      await store.release(token);
      const claim = await win(store, "key");
      assert.deepEqual(claim.replicates, []);
      assert.equal(claim.plan, undefined);
    },
  },
  {
    promise: "a late owner that was not replaced may go on",
    async hold({ store, passTime }) {
      const { token } = await win(store, "key");
      await passTime(leaseMs + 1);
      await store.append(token, sampleReplicate());
      await store.renew(token, leaseMs);
      assert.equal((await store.claim("key", "fingerprint", claimant)).state, "running");
      await store.settle(token, sampleOutput(), ttlMs);
    },
  },
  {
    promise: "a claim ends with settle and with release",
    async hold({ store }) {
      const { token: settled } = await win(store, "settled");
      await store.settle(settled, sampleOutput(), ttlMs);
      const { token: released } = await win(store, "released");
      await store.release(released);
      for (const token of [settled, released]) {
        await assertRefused(store.renew(token, leaseMs), "stale_token");
        await assertRefused(store.append(token, sampleReplicate()), "stale_token");
        await assertRefused(store.settle(token, sampleOutput(), ttlMs), "stale_token");
        await assertRefused(store.release(token), "stale_token");
      }
    },
  },
  {
    promise:
      "a settle that is asked for again, as after a lost answer, is stale, and a claim gives the output of the first",
    async hold({ store }) {
      const { token } = await win(store, "key");
      await store.settle(token, sampleOutput("first"), ttlMs);
      await assertRefused(store.settle(token, sampleOutput("second"), ttlMs), "stale_token");
      const claim = await store.claim("key", "fingerprint", claimant);
      assert.deepEqual(claim, { state: "settled", sameFingerprint: true, output: sampleOutput("first") });
    },
  },
  {
    promise: "renewing, planning and journaling may be asked for again, as after a lost answer, and are done once",
    async hold({ store }) {
      const { token } = await win(store, "key");
      for (let time = 0; time < 2; time++) {
        await store.renew(token, leaseMs);
        await store.savePlan(token, { tool: "sample" });
        await store.append(token, sampleReplicate());
      }
      await store.release(token);
      const { replicates, plan } = await win(store, "key");
      assert.deepEqual({ replicates, plan }, { replicates: [sampleReplicate()], plan: { tool: "sample" } });
    },
  },
  {
    promise:
      "while its data cannot be reached, a store says that it may be later, and afterwards its claims still hold",
    async hold({ store, cutOff }) {
      if (!cutOff) return;
      const { token } = await win(store, "key");
      const giveBack = await cutOff();
      const error = await store.append(token, sampleReplicate()).then(
        () => assert.fail("It should have been refused."),
        (thrown: unknown) => thrown,
      );
      assert.ok(StoreError.isInstance(error), `A StoreError is wanted, and this was thrown: ${error}`);
      assert.ok(["unavailable", "locked"].includes(error.reason), `Its reason is "${error.reason}".`);
      await giveBack();
      await store.append(token, sampleReplicate());
      await store.release(token);
      assert.deepEqual((await win(store, "key")).replicates, [sampleReplicate()]);
    },
  },
  {
    promise: "data that is deleted or replaced under a store is noticed: no write of a claim in it is taken any more",
    async hold({ store, passTime, reopen, loseData }) {
      if (!loseData) return;
      const { token } = await win(store, "key");
      await passTime(1_000);
      await loseData();
      const other = (await reopen?.()) ?? store;
      if (other !== store) await win(other, "key");
      for (let time = 0; time < 2; time++) {
        const error = await store.append(token, sampleReplicate()).then(
          () => assert.fail("It should have been refused."),
          (thrown: unknown) => thrown,
        );
        assert.ok(StoreError.isInstance(error), `A StoreError is wanted, and this was thrown: ${error}`);
        assert.ok(!["unavailable", "locked"].includes(error.reason), `"${error.reason}" says that it may pass.`);
      }
      await assertRefused(store.settle(token, sampleOutput(), ttlMs), "stale_token");
      if (other !== store) await other.close();
    },
  },
  {
    promise: "closing ends within ten seconds, also while the data cannot be reached",
    async hold({ store, cutOff }) {
      await win(store, "key");
      const giveBack = await cutOff?.();
      const abandon = new AbortController();
      const limit = systemClock.sleep(10_000, { signal: abandon.signal }).then(() => "not closed");
      const end = await Promise.race([store.close().then(() => "closed"), limit]).finally(() => abandon.abort());
      limit.catch(() => {});
      await giveBack?.();
      assert.equal(end, "closed");
    },
  },
  {
    promise: "a released key is free for any fingerprint",
    async hold({ store }) {
      const { token } = await win(store, "key");
      await store.release(token);
      await win(store, "key", "other");
    },
  },
  {
    promise: "a token of a key that is not there is stale",
    async hold({ store }) {
      await assertRefused(store.renew({ key: "absent", fence: 1 }, leaseMs), "stale_token");
    },
  },
];
