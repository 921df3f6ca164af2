import type { Failure, Night } from "./night.ts";
import { high, request, triage } from "./triage.ts";

/** A tool whose model takes that long for an answer. */
function slow({ clock }: Night, ms: number) {
  return triage(async ({ signal }) => {
    await clock.sleep(ms, { signal });
    return high;
  });
}

export const limitFailures: readonly Failure[] = [
  {
    title: "The budget ends at replicate 7 of 10",
    async act(night) {
      const tool = triage(() => high);
      const options = { budget: { tokens: 180 } };
      await night.watch(() => night.orchestrator().run({ tool, request, options, toolOptions: { k: 10 } }));
    },
  },
  {
    title: "A budget in dollars, and a model without a price",
    async act(night) {
      const tool = triage(() => high);
      const options = { budget: { costUsd: 0.1 } };
      await night.watch(() => night.orchestrator({ prices: undefined }).run({ tool, request, options }));
    },
  },
  {
    title: "The deadline comes first",
    async act(night) {
      const options = { timeoutMs: 10_000 };
      const run = (ms: number) => () => night.orchestrator().run({ tool: slow(night, ms), request, options });
      await night.watch(run(4_000), "After two answers");
      await night.watch(run(14_000), "Before the first one");
    },
  },
  {
    title: "The user leaves during a backoff of 60 s",
    async act(night) {
      const tool = triage([high, { status: 429, retryAfterMs: 60_000 }, high]);
      const controller = new AbortController();
      void night.clock.sleep(5_000).then(() => controller.abort("the page was closed"));
      await night.watch(() => night.orchestrator().run({ tool, request, signal: controller.signal }));
      night.say(`timers left: ${night.clock.pending}`);
    },
  },
];
