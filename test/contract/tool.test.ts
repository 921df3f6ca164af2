import { describe, expect, test } from "vitest";
import { isSelfGuarding, markSelfGuarding, runtimeOf, type ToolRuntime, withRuntime } from "../../src/contract/call.ts";
import { Tool, type ToolContext } from "../../src/contract/tool.ts";

class Plain extends Tool {
  readonly name: string = "plain";
  async execute(): Promise<unknown> {
    return "done";
  }
}

describe("a tool", () => {
  test("has a version and a description unless it gives its own", () => {
    expect(new Plain()).toMatchObject({ name: "plain", version: "1.0.0", description: "" });
  });

  test("may declare its facts by a field, a getter or an assignment", () => {
    class ByField extends Plain {
      override readonly version = "2.0.0";
    }
    class ByGetter extends Plain {
      override get version() {
        return "3.0.0";
      }
    }
    class ByAssignment extends Plain {
      constructor() {
        super();
        (this as { version: string }).version = "4.0.0";
      }
    }
    expect([new ByField(), new ByGetter(), new ByAssignment()].map(({ version }) => version)).toEqual([
      "2.0.0",
      "3.0.0",
      "4.0.0",
    ]);
    expect(new Plain().version).toBe("1.0.0");
  });

  test("guards its own calls only where its class says so", () => {
    class SelfGuarding extends Plain {}
    markSelfGuarding(SelfGuarding.prototype);
    expect(isSelfGuarding(new SelfGuarding())).toBe(true);
    expect(isSelfGuarding(new Plain())).toBe(false);
  });
});

test("keeps the runtime of a context that is spread, and out of its JSON", () => {
  const context = { traceId: "t" } as ToolContext;
  const what = { maxParallel: 3 } as ToolRuntime;
  const lending = withRuntime(context, what);
  expect(lending).toBe(context);
  expect(runtimeOf(lending)).toBe(what);
  expect(JSON.stringify(lending)).toBe('{"traceId":"t"}');
  expect(Object.keys(lending)).toEqual(["traceId"]);
  expect(runtimeOf({ ...lending })).toBe(what);
  expect(runtimeOf({ traceId: "by hand" } as ToolContext)).toBeUndefined();
});
