/** What an application injects: any logger, a clock of its own, prices. Options that may be absent may be `undefined`. */
import { type Clock, type OrchestrationConfig, Orchestrator, type PriceSource } from "steer-llm-sdk";
import { createFakeClock, seededRandom } from "steer-llm-sdk/testing";

declare const maybe: number | undefined;
declare const maybeSignal: AbortSignal | undefined;

const clock: Clock = { now: () => 0, sleep: async () => {} };
const prices: PriceSource = { costUsd: ({ modelId, usage }) => (modelId === "mine" ? usage.totalTokens / 1e6 : null) };

new Orchestrator({ logger: console, clock, prices });
new Orchestrator({ clock: createFakeClock(), random: seededRandom(7), defaultOptions: { timeoutMs: maybe } });

const options: OrchestrationConfig = {
  timeoutMs: maybe,
  budget: { tokens: maybe, costUsd: 0.1 },
  metadata: { customer: "acme", tags: ["a"], nested: { deep: null } },
  redact: (event) => event,
};
new Orchestrator().stream({ request: "x", toolName: "t", options, signal: maybeSignal, onEvent: undefined });

// @ts-expect-error an unknown option is refused
options satisfies { timeout: number };
const misspelt: OrchestrationConfig = {
  // @ts-expect-error the option is called timeoutMs
  timeout: 1_000,
};
const notJson: OrchestrationConfig = {
  // @ts-expect-error metadata is JSON
  metadata: { at: new Date() },
};

export { misspelt, notJson };
