import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import { seededRandom } from "../../src/core/random.ts";
import { createMemoryPacer, type RateLimits } from "../../src/reliability.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { stateOf } from "./set-up.ts";
import { createVirtualTime, mostWithin, type Started } from "./virtual-time.ts";

const windowsMs = [1_000, 5_000, 60_000];
const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 });

/** Asks for calls without end for a while, by random keys, and gives the starts of each key. */
async function load(limits: RateLimits, options: Load): Promise<Map<string, Started[]>> {
  const { keys, seed, forMs, tokens = () => 0, actual = (expected) => expected } = options;
  const random = seededRandom(seed);
  const time = createVirtualTime(() => random.next() * 20);
  const pacer = createMemoryPacer(limits, { clock: time.clock });
  const starts = new Map(keys.map((key): [string, Started[]] => [key, []]));
  const never = new AbortController().signal;
  const work = async (key: string) => {
    while (time.clock.now() < forMs) {
      const expected = Math.round(tokens(random.next()));
      const call = await pacer.reserve(key, { requests: 1, tokens: expected }, never);
      const used = Math.round(actual(expected, random.next()));
      starts.get(key)?.push({ atMs: time.clock.now(), amount: used });
      await time.clock.sleep(random.next() * 2_000);
      call.settle({ tokens: used });
    }
  };
  for (const key of keys) for (let worker = 0; worker < (options.workers ?? 200); worker++) void work(key);
  await time.passUntil(forMs);
  return starts;
}

interface Load {
  readonly keys: readonly string[];
  readonly seed: number;
  readonly forMs: number;
  readonly workers?: number;
  readonly tokens?: (random: number) => number;
  readonly actual?: (expected: number, random: number) => number;
}

describe("a pacer", () => {
  test("starts at most the limit and one more in any window, and uses at least 95 % of it, with late timers", async () => {
    const limits = fc.integer({ min: 30, max: 6_000 });
    await fc.assert(
      fc.asyncProperty(limits, seeds, async (requestsPerMinute, seed) => {
        const forMs = Math.min(180_000, (400 / requestsPerMinute) * 60_000);
        const key = "openai:gpt-5-mini";
        const starts = (await load({ [key]: { requestsPerMinute } }, { keys: [key], seed, forMs })).get(key) ?? [];
        const counted = starts.map(({ atMs }) => ({ atMs, amount: 1 }));
        for (const windowMs of windowsMs)
          expect(mostWithin(windowMs, counted)).toBeLessThanOrEqual((requestsPerMinute * windowMs) / 60_000 + 1);
        expect(starts.length).toBeGreaterThanOrEqual(Math.floor((0.95 * requestsPerMinute * forMs) / 60_000));
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  test("starts tokens up to the limit and one call more in any window, and uses at least 95 % of it", async () => {
    const limits = fc.integer({ min: 20_000, max: 2_000_000 });
    await fc.assert(
      fc.asyncProperty(limits, seeds, async (tokensPerMinute, seed) => {
        const [key, largest, forMs] = ["openai:gpt-5-mini", tokensPerMinute / 100, 120_000];
        const tokens = (random: number) => 1 + random * (largest - 1);
        const starts =
          (await load({ [key]: { tokensPerMinute } }, { keys: [key], seed, forMs, tokens })).get(key) ?? [];
        for (const windowMs of windowsMs)
          expect(mostWithin(windowMs, starts)).toBeLessThanOrEqual((tokensPerMinute * windowMs) / 60_000 + largest);
        expect(starts.reduce((sum, { amount }) => sum + amount, 0)).toBeGreaterThanOrEqual(0.95 * 2 * tokensPerMinute);
      }),
      { numRuns: 30 },
    );
  }, 60_000);

  test("keeps to the tokens that are really used, however wrong the estimates are", async () => {
    const share = fc.double({ min: 0.3, max: 3, noNaN: true });
    await fc.assert(
      fc.asyncProperty(share, seeds, async (share, seed) => {
        const [key, tokensPerMinute, forMs] = ["openai:gpt-5-mini", 600_000, 300_000];
        const tokens = () => 2_000;
        const actual = (expected: number, random: number) => expected * share * (0.5 + random);
        const given = { keys: [key], seed, forMs, tokens, actual };
        const starts = (await load({ [key]: { tokensPerMinute } }, given)).get(key) ?? [];
        const used = starts.reduce((sum, { amount }) => sum + amount, 0);
        const wrongInFlight = 12 * 2_000 * Math.max(1, share) * 1.5;
        expect(used).toBeGreaterThanOrEqual(0.95 * 5 * tokensPerMinute - wrongInFlight);
        expect(used).toBeLessThanOrEqual(5 * tokensPerMinute + wrongInFlight);
      }),
      { numRuns: 20 },
    );
  }, 60_000);

  test("keeps a provider's limit over its models, starves none, and lets a model's own limit hold only that model", async () => {
    const limits = { openai: { requestsPerMinute: 600 }, "openai:small": { requestsPerMinute: 60 } };
    const keys = ["openai:small", "openai:large", "openai:other", "mistral:large"];
    const starts = await load(limits, { keys, seed: 7, forMs: 60_000, workers: 30 });
    const count = (key: string) => starts.get(key)?.length ?? 0;
    const all = keys.slice(0, 3).flatMap((key) => starts.get(key) ?? []);
    const inOrder = all.map(({ atMs }) => ({ atMs, amount: 1 })).sort((a, b) => a.atMs - b.atMs);
    for (const windowMs of windowsMs) expect(mostWithin(windowMs, inOrder)).toBeLessThanOrEqual(windowMs / 100 + 1);
    expect(all.length).toBeGreaterThanOrEqual(570);
    expect(count("openai:small")).toBeGreaterThanOrEqual(57);
    expect(count("openai:small")).toBeLessThanOrEqual(61);
    expect(Math.abs(count("openai:large") - count("openai:other"))).toBeLessThanOrEqual(26);
    expect(count("mistral:large")).toBeGreaterThan(1_000);
  });

  test("has at most maxConcurrent calls in flight, and lets the next one start as one ends", async () => {
    const clock = createFakeClock();
    const pacer = createMemoryPacer({ crm: { maxConcurrent: 2 } }, { clock });
    const { signal } = new AbortController();
    const reserve = () => pacer.reserve("crm", { requests: 1, tokens: 0 }, signal);
    const [first] = await Promise.all([reserve(), reserve()]);
    const third = reserve();
    expect(await stateOf(third)).toBe("pending");
    first.settle({ tokens: 0 });
    first.settle({ tokens: 0 });
    await third;
    expect(await stateOf(reserve())).toBe("pending");
    expect(clock.pending).toBe(0);
  });

  test("lets an aborted call go with the signal's reason, in its turn's place the next one, and leaves no timer", async () => {
    const clock = createFakeClock();
    const pacer = createMemoryPacer({ crm: { requestsPerMinute: 60 } }, { clock });
    const { signal } = new AbortController();
    await pacer.reserve("crm", { requests: 1, tokens: 0 }, signal);
    const leaving = new AbortController();
    const left = pacer.reserve("crm", { requests: 1, tokens: 0 }, leaving.signal);
    const next = pacer.reserve("crm", { requests: 1, tokens: 0 }, signal);
    expect(await stateOf(next)).toBe("pending");
    leaving.abort("no longer needed");
    await expect(left).rejects.toBe("no longer needed");
    await clock.advance(1_000);
    await next;
    expect(clock.pending).toBe(0);
    await expect(pacer.reserve("crm", { requests: 1, tokens: 0 }, leaving.signal)).rejects.toBe("no longer needed");
  });

  test("pauses a key until the time that its server has named, and no other key", async () => {
    const clock = createFakeClock();
    const pacer = createMemoryPacer({ openai: { requestsPerMinute: 60_000 } }, { clock });
    const { signal } = new AbortController();
    pacer.pause("openai:large", 5_000);
    const paused = pacer.reserve("openai:large", { requests: 1, tokens: 0 }, signal);
    await pacer.reserve("openai:small", { requests: 1, tokens: 0 }, signal);
    await clock.advance(4_999);
    expect(await stateOf(paused)).toBe("pending");
    await clock.advance(1);
    await paused;
    expect(clock.pending).toBe(0);
  });

  test.each([
    ["openai", "openai:gpt-5-mini"],
    ["openai:gpt-5-mini", "openai:gpt-5-mini"],
    ["openai:gpt-5-mini", "openai:http://localhost:4000/v1:gpt-5-mini"],
    [
      "openai-compatible:http://localhost:11434/v1#llama3.2:3b",
      "openai-compatible:http://localhost:11434/v1:llama3.2:3b",
    ],
    ["openai-compatible:http://localhost:11434/v1", "openai-compatible:http://localhost:11434/v1:llama3.2"],
    ["tool:crm", "tool:crm"],
  ])("holds the limit %s for calls of %s", async (name, key) => {
    const pacer = createMemoryPacer({ [name]: { maxConcurrent: 1 } });
    const { signal } = new AbortController();
    await pacer.reserve(key, { requests: 1, tokens: 0 }, signal);
    expect(await stateOf(pacer.reserve(key, { requests: 1, tokens: 0 }, signal))).toBe("pending");
  });

  test("takes no limit of a model for one whose name begins alike", async () => {
    const pacer = createMemoryPacer({ "openai:gpt-5": { maxConcurrent: 1 } });
    const { signal } = new AbortController();
    const reserve = () => pacer.reserve("openai:gpt-5-mini", { requests: 1, tokens: 0 }, signal);
    await Promise.all([reserve(), reserve()]);
  });

  test("refuses limits that cannot be kept, and names every one", () => {
    const limits = { a: {}, b: { requestsPerMinute: 0 }, c: { rpm: 5 }, d: { maxConcurrent: 1.5 }, e: null };
    let thrown: unknown;
    try {
      createMemoryPacer(limits as unknown as RateLimits);
    } catch (error) {
      thrown = error;
    }
    expect(InvalidOptionsError.isInstance(thrown) && thrown.issues.map(({ path }) => path)).toEqual([
      'limits["a"]',
      'limits["b"].requestsPerMinute',
      'limits["c"].rpm',
      'limits["d"].maxConcurrent',
      'limits["e"]',
    ]);
    expect(String(thrown)).toContain("Give requestsPerMinute, tokensPerMinute or maxConcurrent.");
  });
});
