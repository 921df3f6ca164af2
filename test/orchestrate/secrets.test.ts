import { expect, test, vi } from "vitest";
import {
  defineTool,
  InvalidOptionsError,
  type OrchestrationEvent,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
  unwrap,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { scriptedModel } from "../../src/testing.ts";
import { storeWith } from "./store-with.ts";

// Not a key: what one looks like.
const apiKey = "sk-test-0123456789abcdef";
vi.stubEnv("EXAMPLE_API_KEY", apiKey);

const refused = () => Object.assign(new Error(`Incorrect API key provided: ${apiKey}.`), { statusCode: 401 });

/** Everything that a run says, as a text. */
function hear() {
  const said: unknown[] = [];
  const line = (data: any, message: string) => void said.push({ ...data, err: data.err && textOf(data.err) }, message);
  return {
    logger: { debug: line, info: line, warn: line, error: line },
    onEvent: (event: OrchestrationEvent) => void said.push(event),
    text: () => JSON.stringify(said),
  };
}

function textOf(error: any): string {
  return error instanceof Error
    ? `${error.message} ${error.stack} ${JSON.stringify(error)} ${textOf(error.cause)}`
    : String(error);
}

const model = () => scriptedModel(() => Promise.reject(refused()));

test("an API key that a provider repeats is in no event, log line, output or error", async () => {
  for (const Kind of [Orchestrator, ReliableOrchestrator])
    for (const tool of [
      defineTool({ name: "plain", execute: () => Promise.reject(refused()) }),
      defineTool({ name: "broken", execute: () => Promise.reject(new Error("no", { cause: new Error(apiKey) })) }),
      defineTool({ name: "wordless", execute: () => Promise.reject({ apiKey }) }),
      new PromptBundleTool({ name: "prompt", model: model(), prompt: "x" }),
    ]) {
      const { logger, onEvent, text } = hear();
      const output = await new Kind({ logger }).run({ tool, request: {}, onEvent });
      expect(output.status).toBe("failed");
      expect(JSON.stringify(output)).not.toContain(apiKey);
      expect(text()).not.toContain(apiKey);
      if (tool.name === "plain") expect(text()).toContain("Incorrect API key provided: [secret].");
      expect(() => unwrap(output)).toThrow();
      expect(() => unwrap(output)).not.toThrow(apiKey);
    }
});

test("an API key is in none of them where a planner, a store or a listener fails with it", async () => {
  const state = new ReliabilityState();
  const tool = defineTool({ name: "echo", execute: () => "done" });
  const { logger, onEvent, text } = hear();
  const planner = { plan: () => Promise.reject(refused()) };
  await expect(new ReliableOrchestrator({ planner, state, logger }).run({ request: {}, onEvent })).rejects.toThrow(
    "The planner failed: Incorrect API key provided: [secret].",
  );
  for (const onStoreError of ["fail", "run_unprotected"] as const) {
    const store = storeWith(() => ({ claim: () => Promise.reject(refused()) }), new MemoryStore());
    const options = { idempotencyKey: "key" };
    const run = new ReliableOrchestrator({ store, state, logger, reliabilityConfig: { onStoreError } });
    const error = await run.run({ tool, request: {}, options, onEvent }).catch((error) => error);
    expect(`${error.message} ${error.what}`).not.toContain(apiKey);
  }
  const broken = () => {
    throw refused();
  };
  await new Orchestrator({ logger }).run({ tool, request: {}, onEvent: broken });
  expect(text()).toContain("[secret]");
  expect(text()).not.toContain(apiKey);
});

test("an API key is in none of them where it was given in the place of something else, cut short or whole", async () => {
  const long = `${"x".repeat(60)}${apiKey}`;
  for (const given of [apiKey, long, { apiKey }]) {
    const error: any = await new Orchestrator().run({ tool: given as any, request: {} }).catch((error) => error);
    expect(InvalidOptionsError.isInstance(error)).toBe(true);
    expect(error.message).not.toContain(apiKey.slice(0, 12));
  }
});
