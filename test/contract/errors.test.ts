import { describe, expect, test } from "vitest";
import {
  type AnyOrchestratorError,
  BudgetExceeded,
  CancelledError,
  ConflictError,
  isOrchestratorError,
  PlanningError,
  ToolExecutionError,
  ToolNotFoundError,
} from "../../src/contract/errors.ts";
import { InvalidOptionsError, OrchestratorError } from "../../src/core/errors.ts";

const partial = { usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 }, costUsd: 0.1, content: null };
const cause = new Error("why");
const errors = [
  new BudgetExceeded("tokens", 100, 120, { partial, cause }),
  new ToolExecutionError("triage", cause),
  new ConflictError("key-1", "another request has it"),
  new CancelledError("user left", { partial }),
  new InvalidOptionsError([{ path: "options.k", given: 0, allowed: "at least 1" }]),
  new ToolNotFoundError("triag", ["triage", "lookup"]),
  new PlanningError("No tool can run:", { triage: "its circuit is open" }, { cause }),
];

describe.each(errors.map((error) => [error.name, error] as const))("%s", (name, error) => {
  test("is an error of ours with a name and a code of its own, and no other one", () => {
    expect(error).toBeInstanceOf(OrchestratorError);
    expect(isOrchestratorError(error)).toBe(true);
    expect(error.constructor.name).toBe(name);
    expect(errors.filter(({ code }) => code === error.code)).toEqual([error]);
    const own = error.constructor as typeof BudgetExceeded;
    expect(errors.filter((other) => own.isInstance(other))).toEqual([error]);
    expect(own.code).toBe(error.code);
  });
});

describe("the message of an error", () => {
  test("names the ceiling, its unit, what was needed and what to raise", () => {
    expect(errors[0]).toMatchObject({ budgetType: "tokens", limit: 100, actual: 120, partial, cause });
    expect(errors[0]!.message).toBe(
      "Budget exceeded: tokens is limited to 100 tokens, and 120 are needed. Raise the ceiling (options.budget.tokens; of a bundle globalBudget.tokens, of a replicate perReplicateBudget.tokens), or ask for less.",
    );
    expect(new BudgetExceeded("timeMs", 5, 5.0001).message).toMatch(/ and 6 are needed.*options\.timeoutMs/);
    expect(new BudgetExceeded("costUsd", 0.2, 0.1 + 0.2).message).toContain(" 0.3 are needed");
    expect(new BudgetExceeded("costUsd", 5, 6)).not.toHaveProperty("partial");
  });

  test("keeps what a tool threw, strings too", () => {
    expect(errors[1]).toMatchObject({ toolName: "triage", error: cause, cause });
    expect(new ToolExecutionError("t", "a string").message).toBe('Tool "t" failed: a string');
    expect(new ToolExecutionError("t", undefined).message).toContain("undefined");
  });

  test("says whether a key is taken by another request or by a run in flight", () => {
    expect(errors[2]).toMatchObject({ key: "key-1", reason: "fingerprint" });
    expect(errors[2]!.message).toBe("Conflict for key key-1: another request has it");
    expect(new ConflictError("k", "m", { reason: "in_flight" }).reason).toBe("in_flight");
  });

  test("carries the reason of a cancellation, whatever it is, and what was paid for by then", () => {
    expect(errors[3]).toMatchObject({ cause: "user left", partial });
    expect(new CancelledError(undefined).message).toContain("cancelled");
  });

  test("names the registered tools and the nearest of them, or says that there are none", () => {
    expect(errors[5]).toMatchObject({ available: ["triage", "lookup"] });
    expect(errors[5]!.message).toContain('Did you mean "triage"?');
    expect(new ToolNotFoundError("x", []).message).toContain("No tool is registered");
  });

  test("says for each tool why it cannot run", () => {
    expect(errors[6]).toMatchObject({ reasons: { triage: "its circuit is open" }, cause });
    expect(errors[6]!.message).toBe("No tool can run:\n  - triage: its circuit is open");
  });
});

test("anything caught narrows to our errors by its code", () => {
  const sayAll = (error: AnyOrchestratorError): unknown => {
    switch (error.code) {
      case "BUDGET_EXCEEDED":
        return error.limit;
      case "CONFLICT":
        return error.key;
      default:
        return error.message;
    }
  };
  const caught: unknown = errors[0];
  expect(isOrchestratorError(caught) && sayAll(caught)).toBe(100);
  expect(isOrchestratorError(new Error("other"))).toBe(false);
});
