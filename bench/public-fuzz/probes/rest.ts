import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  allowSchemaHost,
  BudgetExceeded,
  CalibrationStore,
  CancelledError,
  ConflictError,
  createEvidenceBundle,
  createRegistry,
  defineTool,
  InvalidOptionsError,
  InvalidOutputError,
  JobStoppedError,
  Orchestrator,
  PlanningError,
  PromptBundleTool,
  ReliableOrchestrator,
  resolveModel,
  SteerLLMClient,
  StoreError,
  ToolExecutionError,
  ToolNotFoundError,
  unwrap,
} from "../../../src/index.ts";
import type { ManagedStore } from "../../../src/store/store.ts";
import { MemoryStore } from "../../../src/stores/memory.ts";
import { SqliteStore } from "../../../src/stores/sqlite.ts";
import { scriptedModel } from "../../../src/testing.ts";
import { onCounts, onSchemas, onTexts, onValues, type Probe, range } from "../probe.ts";
import { changed } from "./evidence.ts";

const scratch = mkdtempSync(join(tmpdir(), "steer-fuzz-"));
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));
let stores = 0;

const noUsage = { inputTokens: 0, outputTokens: 0, totalTokens: 0 };
const toolNamed = (name: string) => defineTool({ name, execute: () => "done" });
const outputOf = (content: unknown): any => ({
  status: "completed",
  content,
  usage: noUsage,
  costUsd: 0,
  metadata: {},
});
const replicateOf = (data: unknown, at: number): any => ({
  id: `r${at + 1}`,
  valid: true,
  data,
  quality: { valid: true },
  seed: at,
  model: "m",
  attempts: 1,
  elapsedMs: 1,
});
const bundleOf = (answers: readonly unknown[], task = "fuzz"): any =>
  createEvidenceBundle({
    task,
    replicates: answers.map(replicateOf),
    options: { k: answers.length, epsilon: 0.2, maxParallel: 1, seeds: [1] },
  });

/** @param own the methods that the store's report shows: those of SqliteStore are inherited */
const storeProbes = (name: string, own: readonly string[], make: () => ManagedStore): readonly Probe[] => [
  onTexts(
    [`new ${name}`, ...own].join(", "),
    async (text) => {
      const store = make();
      try {
        const claim = await store.claim(text, text, { leaseMs: 1_000, owner: text });
        if (claim.state !== "won") return;
        await store.renew(claim.token, 1_000);
        await store.release(claim.token);
        return [await store.show(text), await store.purge([text])];
      } finally {
        await store.close();
      }
    },
    `${name}, a text as key`,
  ),
  onValues(
    `new ${name}`,
    async (value) => {
      const store = make();
      try {
        const claim = await store.claim("key", "print", { leaseMs: 1_000, owner: "me" });
        if (claim.state !== "won") return;
        await store.savePlan(claim.token, value);
        await store.append(claim.token, replicateOf(value, 1));
        await store.settle(claim.token, outputOf(value), 1_000);
        const found = await store.read("key");
        if (found) await store.replace(found.token, outputOf(value), 1_000);
        return [
          await store.claim("key", "print", { leaseMs: 1_000, owner: "me" }),
          await store.show("key"),
          await store.verify(),
        ];
      } finally {
        await store.close();
      }
    },
    `${name}, a value kept`,
  ),
  onCounts(
    `new ${name}`,
    async (count) => {
      const store = make();
      try {
        const number = Math.min(count, 4_096);
        for (const at of range(number)) await store.claim(`key${at}`, "print", { leaseMs: 1, owner: "me" });
        for (let page = await store.list({ limit: 100 }); page.length > 0; )
          page = await store.list({ limit: 100, after: page.at(-1)?.key });
        return [await store.sweep(), await store.purge(range(number).map((at) => `key${at}`))];
      } finally {
        await store.close();
      }
    },
    `${name}, many keys`,
  ),
];

export const restProbes: readonly Probe[] = [
  onTexts("allowSchemaHost", (text) => allowSchemaHost(text.slice(0, 1_000))),
  onTexts("resolveModel", (text) => resolveModel(text)),
  onTexts(
    "resolveModel",
    (text) => resolveModel(`openai:${text}`, { baseUrl: text, apiKeyEnv: text, headers: { [text]: text } }),
    "resolveModel, its options",
  ),
  onTexts("SteerLLMClient.registerTool", (text) =>
    new SteerLLMClient().registerTool(toolNamed(text.slice(0, 1_000)), { replace: true }),
  ),
  onSchemas("SteerLLMClient.registerSchema", (schema) =>
    new SteerLLMClient().registerSchema("https://fuzz.example/schema", schema),
  ),
  onCounts("createRegistry, SteerLLMClient.listTools", (count) => {
    const registry = createRegistry(range(count).map((at) => toolNamed(`tool${at}`)));
    return [registry.list(), new SteerLLMClient().listTools()];
  }),
  onTexts(
    "new ToolNotFoundError",
    (text) => new ToolNotFoundError(text, ["triage", text.slice(1), ...text.split(" ")]),
  ),
  onCounts(
    "new ToolNotFoundError",
    (count) =>
      new ToolNotFoundError(
        "triage",
        range(count).map((at) => `tool${at}`),
      ),
    "new ToolNotFoundError, many tools",
  ),
  onValues("new InvalidOptionsError, OrchestratorError.isInstance, new OrchestratorError", (value) =>
    InvalidOptionsError.isInstance(new InvalidOptionsError([{ path: "fuzz", given: value, allowed: "nothing" }])),
  ),
  onCounts(
    "new InvalidOptionsError",
    (count) => new InvalidOptionsError(range(count).map((at) => ({ path: `p${at}`, given: at, allowed: "nothing" }))),
    "new InvalidOptionsError, many faults",
  ),
  onTexts("new InvalidOutputError, InvalidOutputError.isInstance", (text) =>
    InvalidOutputError.isInstance(new InvalidOutputError(text.split(" "), { data: text })),
  ),
  onTexts("new ToolExecutionError, new ConflictError, new CancelledError", (text) => [
    new ToolExecutionError(text, new Error(text)),
    new ConflictError(text, text),
    new CancelledError(text),
    new CancelledError({ text }),
  ]),
  onValues(
    "new CancelledError",
    (value) => [new CancelledError(value), new ToolExecutionError("fuzz", value)],
    "new CancelledError, a value",
  ),
  onTexts("new PlanningError, new BudgetExceeded, new StoreError, new JobStoppedError", (text) => [
    new JobStoppedError("gave_up", 1, text, { cause: new Error(text) }),
    new PlanningError(text, Object.fromEntries(text.split(" ").map((word) => [word, word]))),
    new BudgetExceeded("tokens", 1, 2, { because: text, waitedFor: text }),
    new StoreError({
      store: text,
      operation: "claim",
      reason: "failed",
      advice: text,
      what: text,
      cause: new Error(text),
    }),
  ]),
  onTexts("unwrap", (text) =>
    unwrap({
      ...outputOf(null),
      status: "failed",
      errors: Object.fromEntries(
        text
          .split(" ")
          .map((word, at) => [`${at}`, { type: word, message: word, code: word, isRetryable: false, attempts: 1 }]),
      ),
    }),
  ),
  onValues("createEvidenceBundle", (value) => JSON.stringify(bundleOf([value, changed(value), value]))),
  onValues(
    "new CalibrationStore, CalibrationStore.label, CalibrationStore.find, CalibrationStore.confidence",
    async (value) => {
      const store = new CalibrationStore({ path: join(scratch, `labels${stores++}`) });
      const bundle = bundleOf([value, value]);
      await store.label([{ id: "a", bundle, correct: true }]);
      return [await store.find(bundle), await store.confidence(bundle)];
    },
  ),
  onValues("ReliableOrchestrator.resolve", async (value) => {
    const orchestrator = new ReliableOrchestrator({ store: new MemoryStore() });
    const tool = new PromptBundleTool({ name: "vote", model: scriptedModel(() => ({ text: "yes" })), prompt: "x" });
    const options = { idempotencyKey: "key", review: { below: 1 } };
    await orchestrator.run({ tool, request: {}, options });
    return (await orchestrator.resolve("key", { consensus: value })).status;
  }),
  onValues("Orchestrator.feedback", (value) =>
    new Orchestrator().feedback({ bundle: bundleOf([value, value]), correct: value }),
  ),
  onTexts(
    "CalibrationStore.label",
    async (text) => {
      const store = new CalibrationStore({ path: join(scratch, `labels${stores++}`) });
      const bundle = bundleOf(["yes"], text);
      await store.label([{ id: text, bundle, correct: true }]);
      return store.find(bundle);
    },
    "CalibrationStore.label, a text as task",
  ),
  ...storeProbes(
    "MemoryStore",
    "append claim close list purge read release renew replace savePlan settle show sweep verify"
      .split(" ")
      .map((name) => `MemoryStore.${name}`),
    () => new MemoryStore(),
  ),
  ...storeProbes("SqliteStore", [], () => new SqliteStore({ path: join(scratch, `${stores++}.sqlite`) })),
];
