import { expect, test } from "vitest";
import { defineTool, ReliableOrchestrator } from "../../../src/index.ts";
import { ReliabilityState } from "../../../src/reliability.ts";
import { MemoryStore } from "../../../src/stores/memory.ts";
import { createFakeClock } from "../../../src/testing.ts";
import { storeWith } from "../store-with.ts";

test("gives a waiting process the output within half a second of its settlement", async () => {
  const clock = createFakeClock();
  const store = new MemoryStore({ clock });
  const tool = defineTool({
    name: "slow",
    async execute(_request: object) {
      await clock.sleep(17_300);
      return "done";
    },
  });
  // Two states that share a store are to each other what two processes are.
  const process = () => new ReliableOrchestrator({ store, clock, state: new ReliabilityState({ clock }) });
  const asking = { tool, request: {}, options: { idempotencyKey: "key" } };
  const first = process().run(asking);
  await clock.advance(1);
  let gotAtMs = 0;
  const waiting = process()
    .run(asking)
    .then((output) => {
      gotAtMs = clock.now();
      return output;
    });
  await clock.runAll();
  expect((await first).content).toBe("done");
  expect((await waiting).metadata.replayed).toBe(true);
  expect(gotAtMs).toBeGreaterThanOrEqual(17_300);
  expect(gotAtMs).toBeLessThanOrEqual(17_800);
});

test("asks for the key of a dead process once more, when its lease has ended, and not before", async () => {
  const clock = createFakeClock();
  const leaseMs = 300;
  const askedAtMs: number[] = [];
  const store = storeWith(
    (inner) => ({
      async claim(key, fingerprint, claiming) {
        if (askedAtMs.length === 0) await inner.claim(key, fingerprint, { leaseMs, owner: "dead" });
        if (askedAtMs.push(clock.now()) > 5) expect.fail(`asked at ${askedAtMs} ms`);
        return inner.claim(key, fingerprint, claiming);
      },
    }),
    new MemoryStore({ clock }),
  );
  const tool = defineTool({ name: "quick", execute: () => "done" });
  const run = new ReliableOrchestrator({ store, clock }).run({ tool, request: {}, options: { idempotencyKey: "key" } });
  const [output] = await Promise.all([run, clock.runAll()]);
  expect(output.content).toBe("done");
  expect(askedAtMs).toEqual([0, leaseMs + 1]);
});
