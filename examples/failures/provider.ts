import { createRegistry } from "steer-llm-sdk";
import { createTypeBasedRule, RuleBasedPlanner } from "steer-llm-sdk/planning";
import { ReliabilityState } from "steer-llm-sdk/reliability";
import { scriptedModel } from "steer-llm-sdk/testing";
import { breakOff, fallSilent } from "./broken-streams.ts";
import type { Failure } from "./night.ts";
import { high, highInWords, local, request, triage } from "./triage.ts";

const fallbackTools = [local];
const quotaUsedUp = Object.assign(new Error("You exceeded your current quota."), {
  statusCode: 429,
  data: { error: { code: "insufficient_quota" } },
});

export const providerFailures: readonly Failure[] = [
  {
    title: "The provider answers 503 once",
    async act(night) {
      const tool = triage([{ status: 503 }, high, high, high]);
      await night.watch(() => night.orchestrator().run({ tool, request }));
    },
  },
  {
    title: "The provider answers 503 for ten minutes",
    async act(night) {
      const tool = triage(() => (night.clock.now() < 600_000 ? { status: 503 } : high));
      const orchestrator = night.orchestrator();
      const asking = { tool, request, toolOptions: { k: 8, maxParallel: 8 } };
      await night.watch(() => orchestrator.run(asking), "The first run");
      await night.watch(() => orchestrator.run(asking), "The next one");
      await night.watch(() => orchestrator.run({ ...asking, fallbackTools }), "One with a fallback");
      await night.clock.advance(600_000);
      await night.watch(() => orchestrator.run(asking), "Ten minutes later");
    },
  },
  {
    title: "The provider answers 429",
    async act(night) {
      const patient = triage([{ status: 429, retryAfterMs: 2_000 }, high, high, high]);
      await night.watch(() => night.orchestrator().run({ tool: patient, request }), "With a Retry-After of 2 s");
      const silent = triage([{ status: 429 }, high, high, high]);
      await night.watch(() => night.orchestrator().run({ tool: silent, request }), "Without one");
    },
  },
  {
    title: "The provider answers 429 with a Retry-After of 300 s",
    async act(night) {
      const tool = () => triage([{ status: 429, retryAfterMs: 300_000 }, high, high, high]);
      const options = { timeoutMs: 60_000 };
      await night.watch(() => night.orchestrator().run({ tool: tool(), request }), "Without a deadline");
      await night.watch(() => night.orchestrator().run({ tool: tool(), request, options }), "With a deadline of 60 s");
      await night.watch(() => night.orchestrator().run({ tool: tool(), request, fallbackTools }), "With a fallback");
    },
  },
  {
    title: "The key is wrong, or the quota is used up",
    async act(night) {
      const refused = triage(() => ({ status: 401 }));
      await night.watch(() => night.orchestrator().run({ tool: refused, request }), "A wrong key");
      const unpaid = triage(() => ({ error: quotaUsedUp }));
      await night.watch(
        () => night.orchestrator().run({ tool: unpaid, request, fallbackTools }),
        "No quota, a fallback",
      );
    },
  },
  {
    title: "The connection breaks after part of the answer was shown",
    async act(night) {
      const tool = triage(breakOff(scriptedModel(() => highInWords)));
      await night.watch(() => night.orchestrator().run({ tool, request, options: { streaming: true } }));
    },
  },
  {
    title: "The provider hangs",
    async act(night) {
      const reliabilityConfig = { attemptTimeoutMs: 60_000, firstChunkTimeoutMs: 10_000, chunkTimeoutMs: 5_000 };
      const orchestrator = night.orchestrator({ reliabilityConfig });
      const options = { streaming: true };
      const mute = triage([{ hang: true }, high, high, high]);
      await night.watch(() => orchestrator.run({ tool: mute, request, options }), "Before the first chunk");
      const stuck = triage(fallSilent(scriptedModel(() => highInWords)));
      await night.watch(() => orchestrator.run({ tool: stuck, request, options }), "Between two chunks");
      const whole = triage([{ hang: true }, high, high, high]);
      await night.watch(() => orchestrator.run({ tool: whole, request }), "Without streaming");
    },
  },
  {
    title: "The circuit is open when a tool is to be chosen",
    async act(night) {
      const registry = createRegistry([triage(() => ({ status: 503 })), local]);
      const state = new ReliabilityState({ clock: night.clock });
      const reliabilityConfig = { maxRetries: 0, circuitBreaker: { failureThreshold: 3 } };
      const bugs = { requestType: "bug", toolName: "triage" };
      const choosing = (fallbackTools: string[]) =>
        night.orchestrator({
          registry,
          state,
          reliabilityConfig,
          planner: new RuleBasedPlanner([createTypeBasedRule({ ...bugs, fallbackTools })]),
        });
      await night.watch(() => choosing([]).run({ request }), "Three calls fail");
      await night.watch(() => choosing(["triage-local"]).run({ request }), "Then, with a fallback in the rule");
      await night.watch(() => choosing([]).run({ request }), "Without one");
    },
  },
];
