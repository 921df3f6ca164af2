import { afterEach, describe, expect, test, vi } from "vitest";
import { StoreError } from "../../src/index.ts";
import type { ClaimOptions, FencingToken } from "../../src/reliability.ts";
import type { ManagedStore } from "../../src/store/store.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import {
  createFakeClock,
  type StoreUnderTest,
  storeAdministrationConformance,
  storeConformance,
} from "../../src/testing.ts";

/** What a broken store does otherwise than the sound one inside it. */
type Fault = (sound: MemoryStore, world: World) => Partial<ManagedStore>;

/** What happens around a store. */
interface World {
  now(): number;
  isSetBack: boolean;
  isCutOff: boolean;
  /** Another process that opens the store finds nothing in it. */
  isForgetful: boolean;
}

function storeError(reason: StoreError["reason"]): StoreError {
  return new StoreError({ store: "broken", operation: "append", reason, advice: "" });
}

/** Gives everyone what the sound store refuses. */
const winsAlways: Fault = (sound) => ({
  async claim(key, fingerprint, options) {
    const claim = await sound.claim(key, fingerprint, options);
    return claim.state === "running" ? { state: "won", token: { key, fence: 1 }, replicates: [] } : claim;
  },
});

/** Takes all fingerprints for one. */
const knowsNoFingerprints: Fault = (sound) => ({
  claim: (key, _fingerprint, options) => sound.claim(key, "any", options),
});

/** Takes every token of a key for the newest one. */
const replacesForAnyone: Fault = (sound) => ({
  async replace({ key }, output, ttlMs) {
    const found = await sound.read(key);
    if (found) await sound.replace(found.token, output, ttlMs);
  },
});

const renewsNothing: Fault = () => ({ renew: async () => {} });
const plansNothing: Fault = () => ({ savePlan: async () => {} });

/** Every law, and a store that is sound but for what that law forbids. */
const faults: Readonly<Record<string, Fault>> = {
  "a fresh key is won, without a journal and without a plan": (sound) => ({
    async claim(key, fingerprint, options) {
      return { plan: "an old one", ...(await sound.claim(key, fingerprint, options)) };
    },
  }),
  "a key in flight is refused with the rest of its lease, and whether the fingerprint is the same": (sound) => ({
    async claim(key, fingerprint, options) {
      const claim = await sound.claim(key, fingerprint, options);
      return claim.state === "running" ? { ...claim, leaseEndsInMs: options.leaseMs } : claim;
    },
  }),
  "of 50 claims at once, one wins": winsAlways,
  "one key in flight keeps no other from being won": (sound) => ({
    claim: (_key, fingerprint, options) => sound.claim("one", fingerprint, options),
  }),
  "each claim has a higher fence than the one before, whatever its key": (sound) => ({
    async claim(key, fingerprint, options) {
      const claim = await sound.claim(key, fingerprint, options);
      return claim.state === "won" ? { ...claim, token: { key, fence: 1 } } : claim;
    },
    release: async () => {},
  }),
  "a renewed claim holds for a whole lease more": renewsNothing,
  "a claim whose lease ran out is taken over with its journal and its plan": (sound) => ({
    async claim(key, fingerprint, options) {
      const claim = await sound.claim(key, fingerprint, options);
      return claim.state === "won" ? { ...claim, replicates: [] } : claim;
    },
  }),
  "a clock that is set back keeps a dead owner's key for no more than a lease": (sound, world) => ({
    async claim(key, fingerprint, options) {
      const claim = await sound.claim(key, fingerprint, options);
      const isStuck = claim.state === "running" && world.isSetBack;
      return isStuck ? { ...claim, leaseEndsInMs: claim.leaseEndsInMs + 3_600_000 } : claim;
    },
  }),
  "a living owner keeps its key through a clock that is set back": (sound, world) => ({
    claim(...parameters) {
      const { claim } = winsAlways(sound, world) as Pick<ManagedStore, "claim">;
      return world.isSetBack ? claim(...parameters) : sound.claim(...parameters);
    },
  }),
  "a claim whose lease ran out is kept from another fingerprint": knowsNoFingerprints,
  "of 50 take-overs at once, one wins": winsAlways,
  "a lost claim refuses every write, and what is stored stays the same": renewsNothing,
  "a late owner that was not replaced may go on": (sound, world) => {
    let endsAtMs = 0;
    return {
      claim(key, fingerprint, options: ClaimOptions) {
        endsAtMs = world.now() + options.leaseMs;
        return sound.claim(key, fingerprint, options);
      },
      append: (token, replicate) =>
        world.now() > endsAtMs ? Promise.reject(storeError("stale_token")) : sound.append(token, replicate),
    };
  },
  "a claim ends with settle and with release": (sound) => ({
    release: (token) => sound.release(token).catch(() => {}),
  }),
  "a settle that is asked for again, as after a lost answer, is stale, and a claim gives the output of the first": (
    sound,
  ) => ({ settle: (token, output, ttlMs) => sound.settle(token, output, ttlMs).catch(() => {}) }),
  "renewing, planning and journaling may be asked for again, as after a lost answer, and are done once": (sound) => {
    let appended = 0;
    return {
      append: (token, replicate) => sound.append(token, { ...replicate, id: `r${++appended}` }),
    };
  },
  "while its data cannot be reached, a store says that it may be later, and afterwards its claims still hold": (
    sound,
    world,
  ) => ({
    append: (token, replicate) =>
      world.isCutOff ? Promise.reject(storeError("failed")) : sound.append(token, replicate),
  }),
  "data that is deleted or replaced under a store is noticed: no write of a claim in it is taken any more": () => ({
    append: async () => {},
  }),
  "closing ends within ten seconds, also while the data cannot be reached": (_sound, world) => ({
    close: () => (world.isCutOff ? new Promise(() => {}) : Promise.resolve()),
  }),
  "a released key is free for any fingerprint": () => ({ release: async () => {} }),
  "a token of a key that is not there is stale": renewsNothing,
  "the journal outlives a release, by replicate and seed, in the order of the replicates": (sound) => ({
    async claim(key, fingerprint, options) {
      const claim = await sound.claim(key, fingerprint, options);
      return claim.state === "won" ? { ...claim, replicates: claim.replicates.toReversed() } : claim;
    },
  }),
  "a replicate that is journaled again replaces the one before": (sound) => {
    const known = new Set<string>();
    return {
      async append(token, replicate) {
        if (!known.has(replicate.id)) await sound.append(token, replicate);
        known.add(replicate.id);
      },
    };
  },
  "appends that are asked for at once are all kept": (sound) => {
    let isBusy = false;
    return {
      async append(token, replicate) {
        if (isBusy) return;
        isBusy = true;
        await sound.append(token, replicate);
        isBusy = false;
      },
    };
  },
  "each fingerprint has its own journal and plan under a key": knowsNoFingerprints,
  "a settled key gives its output to its own fingerprint, as often as asked, and to no other": knowsNoFingerprints,
  "an output is kept for its time and then forgotten with the journal, for any fingerprint": (sound) => ({
    settle: (token, output, ttlMs) => sound.settle(token, output, 2 * ttlMs),
  }),
  "an output of 4 MiB comes back whole": (sound) => ({
    settle: (token, output, ttlMs) =>
      JSON.stringify(output).length > 2 ** 20
        ? Promise.reject(storeError("too_large"))
        : sound.settle(token, output, ttlMs),
  }),
  "an output of 10,000 answers comes back whole": (sound) => ({
    settle(token, output, ttlMs) {
      const content = Array.isArray(output.content) ? output.content.slice(0, 1_000) : output.content;
      return sound.settle(token, { ...output, content } as typeof output, ttlMs);
    },
  }),
  "every text is a key of its own and a value of its own": (sound) => ({
    savePlan: (token, plan) => sound.savePlan(token, JSON.parse(JSON.stringify(plan).normalize("NFC"))),
  }),
  "names that mean something to JavaScript are data like any other": (sound) => ({
    settle: (token, output, ttlMs) =>
      sound.settle(token, { ...output, content: Object.assign({}, output.content) }, ttlMs),
  }),
  "changing what was given to a store, or what came out of it, changes nothing in it": (sound) => {
    let kept: any;
    return {
      settle(token, output, ttlMs) {
        kept = output;
        return sound.settle(token, output, ttlMs);
      },
      async claim(key, fingerprint, options) {
        const claim = await sound.claim(key, fingerprint, options);
        return claim.state === "settled" && claim.sameFingerprint ? { ...claim, output: kept } : claim;
      },
    };
  },
  "what JSON cannot hold is refused, and the claim still holds": plansNothing,
  "a key of 2,000 bytes is taken, and a longer one refused before anything is written": (sound) => ({
    claim: (key, fingerprint, options) => sound.claim(key.slice(0, 100), fingerprint, options),
  }),
  "a value that no store can hold is refused, and the claim still holds": plansNothing,
  "what was confirmed is there for the next process that opens the store": (_sound, world) => {
    world.isForgetful = true;
    return {};
  },
  "a closed store refuses work and may be closed again": () => ({ close: async () => {} }),
  "a list shows each key with its state, in the order of its bytes, page by page": (sound) => ({
    list: async (options) => (await sound.list(options)).toReversed(),
  }),
  "a record tells who holds the key, by which fence, and until when": (sound) => ({
    list: async () => (await sound.list()).map((record) => ({ ...record, leaseEndsInMs: 0 })),
  }),
  "a key is shown with all that it holds": (sound) => ({
    async show(key) {
      const found = await sound.show(key);
      return found && { ...found, plan: undefined };
    },
  }),
  "purging removes what is asked for, with its journal, except what is running": (sound) => ({
    async purge(keys) {
      await sound.purge(keys);
      return keys.length;
    },
  }),
  "a key that was purged and won anew has a higher fence than before": (sound) => {
    let isPurged = false;
    return {
      async claim(key, fingerprint, options) {
        const claim = await sound.claim(key, fingerprint, options);
        return claim.state === "won" && isPurged ? { ...claim, token: { key, fence: 1 } } : claim;
      },
      purge(keys) {
        isPurged = true;
        return sound.purge(keys);
      },
    };
  },
  "sweeping removes outputs and journals past their time, and nothing else": () => ({ sweep: async () => 0 }),
  "a key whose journal is past its time is free for any fingerprint, swept or not": (sound) => {
    const known = new Map<string, string>();
    return {
      claim(key, fingerprint, options) {
        const first = known.get(key) ?? fingerprint;
        known.set(key, first);
        if (first === fingerprint) return sound.claim(key, fingerprint, options);
        return Promise.resolve({ state: "running", sameFingerprint: false, leaseEndsInMs: 0 });
      },
    };
  },
  "a store that keeps on being used removes by itself what has expired": (sound) => {
    const settled: FencingToken[] = [];
    return {
      settle(token, output, ttlMs) {
        settled.push(token);
        return sound.settle(token, output, 1_000 * ttlMs);
      },
    };
  },
  "what is settled can be read without its fingerprint, and nothing else can": (sound) => {
    const seen = new Map<string, Awaited<ReturnType<MemoryStore["read"]>>>();
    return {
      async read(key) {
        const found = (await sound.read(key)) ?? seen.get(key);
        seen.set(key, found);
        return found;
      },
    };
  },
  "a replaced output is what the key gives from then on, for as long as it was given": () => ({
    replace: async () => {},
  }),
  "of two that replace one output at once one wins, and the other is told": replacesForAnyone,
  "a key that is claimed anew is not replaced by who read it before": replacesForAnyone,
  "a sound store has nothing to report": () => ({ verify: async () => ["Something is wrong."] }),
};

describe("the laws for stores", () => {
  const laws = new Map<string, () => Promise<void>>();
  let fault: Fault = () => ({});
  const collect = (name: string, body: () => Promise<void>) => laws.set(name, body);
  storeConformance({ test: collect, open: async () => open(fault) });
  storeAdministrationConformance({ test: collect, open: async () => open(fault) });
  afterEach(() => void vi.useRealTimers());

  test("have a broken store each", () => {
    expect(Object.keys(faults).sort()).toEqual([...laws.keys()].sort());
  });

  test.each(Object.entries(faults))("find the one that breaks: %s", async (promise, broken) => {
    const hold = laws.get(promise) as () => Promise<void>;
    fault = () => ({});
    if (!isAboutSurroundings(promise)) await hold();
    fault = broken;
    // A close that never ends is waited for, ten seconds long.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const broke = expect(hold()).rejects.toThrow();
    await vi.advanceTimersByTimeAsync(20_000);
    await broke;
  });
});

/** Memory cannot be cut off, and a value that is too large for it takes seconds. `test/store` holds these laws of real stores. */
function isAboutSurroundings(promise: string): boolean {
  return /cannot be reached, a store|no store can hold/.test(promise);
}

function open(fault: Fault): StoreUnderTest<ManagedStore> {
  const clock = createFakeClock();
  let behindMs = 0;
  const now = () => clock.now() - behindMs;
  const world: World = { now, isSetBack: false, isCutOff: false, isForgetful: false };
  const sound = new MemoryStore({ clock: { now } });
  const store = Object.assign(Object.create(sound), bound(sound), fault(sound, world));
  return {
    store,
    ...(world.isForgetful && { reopen: async () => new MemoryStore({ clock: { now } }) }),
    passTime: clock.advance,
    async setBackClock(ms) {
      behindMs += ms;
      world.isSetBack = true;
    },
    async cutOff() {
      world.isCutOff = true;
      return async () => {
        world.isCutOff = false;
      };
    },
    async loseData() {
      await sound.release({ key: "key", fence: 1 });
      await sound.purge(["key"]);
    },
  };
}

/** The methods of a store, which work on an object of another class too. */
function bound(store: any): object {
  const names = Object.getOwnPropertyNames(MemoryStore.prototype).filter((name) => name !== "constructor");
  return Object.fromEntries(names.map((name) => [name, store[name].bind(store)]));
}
