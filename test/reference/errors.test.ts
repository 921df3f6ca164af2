import { describe, expect, test } from "vitest";
import * as sdk from "../../src/index.ts";
import * as orchestration from "../../src/orchestration.ts";
import { createFakeClock } from "../../src/testing.ts";
import { Answers, rejection } from "./support.ts";

const {
  BudgetExceeded,
  CancelledError,
  ConflictError,
  InvalidOptionsError,
  isOrchestratorError,
  OrchestratorError,
  PlanningError,
  ToolExecutionError,
  ToolNotFoundError,
} = sdk;

describe("each error of the reference", () => {
  test("OrchestratorError is the base of all, and an Error", () => {
    const errors = [
      new ToolExecutionError("t", new Error("x")),
      new BudgetExceeded("tokens", 1, 2),
      new ConflictError("k", "m"),
    ];
    for (const error of errors) {
      expect(error).toBeInstanceOf(OrchestratorError);
      expect(error).toBeInstanceOf(Error);
      expect(isOrchestratorError(error)).toBe(true);
    }
  });

  test("ToolExecutionError(toolName, error) has toolName, error and cause, and the code TOOL_EXECUTION", () => {
    const cause = new RangeError("too far");
    const error = new ToolExecutionError("triage", cause);
    expect(error).toMatchObject({ toolName: "triage", error: cause, cause, code: "TOOL_EXECUTION" });
    expect(error.message).toContain("too far");
  });

  test("BudgetExceeded(budgetType, limit, actual) has them as fields, and the code BUDGET_EXCEEDED", () => {
    for (const budgetType of ["tokens", "costUsd", "timeMs"] as const)
      expect(new BudgetExceeded(budgetType, 5, 6)).toMatchObject({
        budgetType,
        limit: 5,
        actual: 6,
        code: "BUDGET_EXCEEDED",
      });
  });

  test("ConflictError(key, message) says `Conflict for key …`, and has key, reason and the code CONFLICT", () => {
    const error = new ConflictError("order-1", "taken");
    expect(error).toMatchObject({ key: "order-1", reason: "fingerprint", code: "CONFLICT" });
    expect(error.message).toBe("Conflict for key order-1: taken");
  });

  test("codes are literal, each on its class as on its errors", () => {
    expect(
      [
        BudgetExceeded,
        CancelledError,
        ConflictError,
        InvalidOptionsError,
        PlanningError,
        sdk.StoreError,
        ToolExecutionError,
        ToolNotFoundError,
      ].map(({ code }) => code),
    ).toEqual([
      "BUDGET_EXCEEDED",
      "CANCELLED",
      "CONFLICT",
      "INVALID_OPTIONS",
      "PLANNING",
      "STORE",
      "TOOL_EXECUTION",
      "TOOL_NOT_FOUND",
    ]);
  });

  test("the root and /orchestration give the same classes, so that instanceof holds across both", () => {
    for (const [name, value] of Object.entries(orchestration)) expect(sdk).toHaveProperty(name, value);
    expect(Object.keys(sdk).filter((name) => !(name in orchestration))).toEqual(["SteerLLMClient"]);
  });
});

describe("isOrchestratorError narrows whatever a run rejects with", () => {
  const clock = createFakeClock();
  const tool = new Answers([1]);
  const orchestrator = new sdk.ReliableOrchestrator({ clock, registry: sdk.createRegistry([]) as any });
  const rejections: [string, () => Promise<unknown>][] = [
    ["INVALID_OPTIONS", () => orchestrator.run({ tool, request: {}, toolOptions: { k: -1 } })],
    ["TOOL_NOT_FOUND", () => orchestrator.run({ toolName: "nobody", request: {} } as any)],
    ["PLANNING", () => orchestrator.run({ request: {} })],
    ["CANCELLED", () => orchestrator.run({ tool, request: {}, signal: AbortSignal.abort() })],
    [
      "BUDGET_EXCEEDED",
      () =>
        orchestrator.run({
          tool,
          request: {},
          toolOptions: { perReplicateBudget: { tokens: 9 } },
          options: { budget: { tokens: 5 } },
        }),
    ],
    [
      "CONFLICT",
      async () => {
        const options = { idempotencyKey: "k" };
        await orchestrator.run({ tool, request: { a: 1 }, options });
        return orchestrator.run({ tool, request: { a: 2 }, options });
      },
    ],
  ];

  test.each(rejections)("%s", async (code, run) => {
    const error = await rejection(run());
    expect(isOrchestratorError(error) && error.code).toBe(code);
  });

  test("and nothing else", () => {
    for (const other of [undefined, null, "x", new Error("x"), { code: "CONFLICT" }, new TypeError("x")])
      expect(isOrchestratorError(other)).toBe(false);
  });
});
