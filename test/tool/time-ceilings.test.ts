import { expect, test } from "vitest";
import {
  BundleTool,
  hasEvidence,
  Orchestrator,
  ReliableOrchestrator,
  type ReplicateSpec,
  type ResolvedBundleOptions,
  type ToolContext,
} from "../../src/index.ts";
import { createFakeClock } from "../../src/testing.ts";

/** A clock on which time passes with every look at it, as it does. */
function creepingClock() {
  const clock = createFakeClock();
  let looks = 0;
  return { ...clock, now: () => clock.now() + ++looks / 1000 };
}

class Answers extends BundleTool<object, number> {
  readonly name: string = "answers";
  override async executeReplicate(_request: object, { attempt = 1, index }: ReplicateSpec) {
    if (index === 0 && attempt === 1) throw Object.assign(new Error("busy"), { statusCode: 503 });
    return { data: 1 };
  }
}

class OwnBundle extends Answers {
  override readonly name = "own_bundle";
  override executeBundle(request: object, options: ResolvedBundleOptions, context: ToolContext) {
    return super.executeBundle(request, options, context);
  }
}

class Hanging extends BundleTool<object, number> {
  readonly name = "hanging";
  override async executeReplicate(_request: object, { index }: ReplicateSpec) {
    return index === 0 ? { data: 1 } : new Promise<never>(() => {});
  }
}

test.each([
  ["perReplicateBudget", "answers", new Answers()],
  ["globalBudget", "answers", new Answers()],
  ["globalBudget", "own_bundle", new OwnBundle()],
] as const)(
  "a %s of time is not what a call of %s needs: calls start, and are tried again",
  async (ceiling, _name, tool) => {
    const clock = creepingClock();
    const toolOptions = { k: 3, [ceiling]: { timeMs: 60_000 } };
    const pending = new ReliableOrchestrator({ clock }).run({ tool, request: {}, toolOptions });
    await clock.runAll();
    expect((await pending).status).toBe("completed");
  },
);

test("a basic orchestrator starts calls under a perReplicateBudget of time as well", async () => {
  const tool = new (class extends Answers {
    override executeReplicate = async () => ({ data: 1 });
  })();
  const toolOptions = { k: 3, perReplicateBudget: { timeMs: 5000 } };
  const output = await new Orchestrator({ clock: creepingClock() }).run({ tool, request: {}, toolOptions });
  expect(output.status).toBe("completed");
});

test("a globalBudget of time ends what is in flight, and keeps what was answered", async () => {
  const clock = createFakeClock();
  const toolOptions = { k: 3, globalBudget: { timeMs: 200 } };
  const pending = new ReliableOrchestrator({ clock }).run({ tool: new Hanging(), request: {}, toolOptions });
  await clock.advance(200);
  const output = await pending;
  expect(output.status).toBe("partial");
  const bundle = hasEvidence(output) ? output.content.evidenceBundle : expect.fail("there is no evidence");
  expect(bundle.replicates.filter(({ valid }) => valid)).toHaveLength(1);
  expect(bundle.meta.earlyStopReason).toBe("time");
  expect(clock.pending).toBe(0);
});
