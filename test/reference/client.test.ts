import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type AnyTool,
  BundleTool,
  createRegistry,
  defineTool,
  getGlobalRegistry,
  InvalidOptionsError,
  Orchestrator,
  SteerLLMClient,
  Tool,
  unwrap,
} from "../../src/index.ts";
import { Answers } from "./support.ts";

class AnalysisTool extends Tool<{ q: string }, string> {
  get name() {
    return "analysis_tool";
  }
  override get description() {
    return "Performs domain analysis";
  }
  async execute({ q }: { q: string }) {
    return `analysed ${q}`;
  }
}

const client = new SteerLLMClient();
const forget = () => Object.keys(client.listTools()).forEach((name) => void getGlobalRegistry().unregister(name));

beforeEach(forget);
afterEach(forget);

describe("client.registerTool", () => {
  test("gives the tool back, and makes it known to every orchestrator by its name", async () => {
    const tool = new AnalysisTool();
    expect(client.registerTool(tool)).toBe(tool);
    expect(getGlobalRegistry().get("analysis_tool")).toBe(tool);
    const output = await new Orchestrator().run({ toolName: "analysis_tool", request: { q: "x" } });
    expect(unwrap(output)).toBe("analysed x");
  });

  test("of the same instance again changes nothing", () => {
    const tool = client.registerTool(new AnalysisTool());
    expect(client.registerTool(tool)).toBe(tool);
    expect(Object.keys(client.listTools())).toEqual(["analysis_tool"]);
  });

  test("throws on another tool of the same name, naming both versions, and keeps the first", () => {
    class Newer extends AnalysisTool {
      override readonly version = "2.1.0";
    }
    const first = client.registerTool(new AnalysisTool());
    expect(() => client.registerTool(new Newer())).toThrow(InvalidOptionsError);
    expect(() => client.registerTool(new Newer())).toThrow(/2\.1\.0.*1\.0\.0/);
    expect(getGlobalRegistry().get("analysis_tool")).toBe(first);
  });

  test("with replace takes the new one", () => {
    client.registerTool(new AnalysisTool());
    const second = client.registerTool(new AnalysisTool(), { replace: true });
    expect(getGlobalRegistry().get("analysis_tool")).toBe(second);
  });

  test.each([
    ["nothing", undefined],
    ["a function", () => "x"],
    ["a class in place of an instance", AnalysisTool],
    ["an object without execute", { name: "x" }],
    ["a tool without a name", { name: "", execute: async () => 1 }],
    [
      "a bundle tool that says neither how to ask nor what it gives",
      new (class extends BundleTool {
        readonly name = "neither";
      })(),
    ],
  ])("throws on %s", (_what, tool) => {
    expect(() => client.registerTool(tool as AnyTool)).toThrow(InvalidOptionsError);
    expect(client.listTools()).toEqual({});
  });
});

describe("client.listTools", () => {
  test("tells version, description and supportsBundle of every tool by its name", () => {
    client.registerTool(new AnalysisTool());
    client.registerTool(new Answers([1]));
    expect(client.listTools()).toMatchObject({
      analysis_tool: { version: "1.0.0", description: "Performs domain analysis", supportsBundle: false },
      answers: { version: "1.0.0", description: "", supportsBundle: true },
    });
  });

  test("shows the same version and description, whether a tool has them by field, getter or assignment", () => {
    class ByField extends Tool {
      readonly name = "field";
      override readonly version = "2.0.0";
      override readonly description = "d";
      async execute() {}
    }
    class ByGetter extends AnalysisTool {
      override get name() {
        return "getter";
      }
      override get version() {
        return "2.0.0";
      }
      override get description() {
        return "d";
      }
    }
    class ByAssignment extends Tool {
      readonly name = "assignment";
      constructor() {
        super();
        Object.assign(this, { version: "2.0.0", description: "d" });
      }
      async execute() {}
    }
    const byDefinition = defineTool({ name: "defined", version: "2.0.0", description: "d", execute: () => 1 });
    for (const tool of [new ByField(), new ByGetter(), new ByAssignment(), byDefinition]) client.registerTool(tool);
    const listed = Object.values(client.listTools());
    expect(listed).toHaveLength(4);
    for (const tool of listed) expect(tool).toMatchObject({ version: "2.0.0", description: "d" });
  });
});

describe("registries", () => {
  test("the global one is one: every client and every call gives the same", () => {
    new SteerLLMClient().registerTool(new AnalysisTool());
    expect(client.listTools()).toHaveProperty("analysis_tool");
    expect(getGlobalRegistry()).toBe(getGlobalRegistry());
  });

  test("a registry of its own knows its tools alone, and refuses two of one name", async () => {
    const registry = createRegistry([new AnalysisTool()]);
    expect(client.listTools()).toEqual({});
    expect([registry.has("analysis_tool"), registry.has("other")]).toEqual([true, false]);
    expect(unwrap(await new Orchestrator({ registry }).run({ toolName: "analysis_tool", request: { q: "y" } }))).toBe(
      "analysed y",
    );
    expect(() => createRegistry([new AnalysisTool(), new AnalysisTool()])).toThrow(InvalidOptionsError);
    expect([registry.unregister("analysis_tool"), registry.unregister("analysis_tool")]).toEqual([true, false]);
  });
});
