import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findToolFiles } from "../../../src/cli/definition/list-tools.ts";
import { loadTool } from "../../../src/cli/definition/load-tool.ts";
import { createFolder, toolFile } from "../steer.ts";

describe("loadTool", () => {
  test("gives the same tool from JSON, YAML and JSON with .yaml", async () => {
    const yaml = [
      "name: triage",
      "model: simulated:?error=0.05",
      "prompt: 'Report: {{report}}'",
      "schema: { type: object, properties: { severity: { enum: [low, high] } }, required: [severity] }",
    ].join("\n");
    const folder = createFolder({ "a.json": toolFile(), "b.yaml": toolFile(), "c.yml": yaml });
    const loaded = await Promise.all(["a.json", "b.yaml", "c.yml"].map((name) => loadTool(join(folder, name))));
    expect(loaded[1]?.definition).toEqual(loaded[0]?.definition);
    expect(loaded[2]?.definition).toEqual(loaded[0]?.definition);
    expect(loaded[0]?.tool).toMatchObject({ name: "triage", version: "1.0.0", supportsBundle: true });
  });

  test("--model takes the place of a definition's model, and is refused for a module", async () => {
    const folder = createFolder({ "a.json": toolFile(), "b.mjs": "" });
    expect((await loadTool(join(folder, "a.json"), { model: "openai:gpt-5-mini" })).definition?.model).toBe(
      "openai:gpt-5-mini",
    );
    await expect(loadTool(join(folder, "b.mjs"), { model: "openai:gpt-5-mini" })).rejects.toThrow(/chooses its own/);
  });

  test.each([
    ["a type that there is not", ["  type: objet"], /^t.yaml:5:3: schema.type: "objet" is not a JSON schema/],
    [
      "an enum that is not a list",
      ["  properties:", "    severity:", "      enum: low"],
      /^t.yaml:7:7: schema.properties/,
    ],
    [
      "a slip of a keyword",
      ["  type: object", "  require: [severity]"],
      /^t.yaml:6:3: schema.require is not a keyword. Write "required"/,
    ],
    [
      "a slip deep in it",
      ["  properties:", "    a/b:", "      minLenght: 3"],
      /^t.yaml:7:7: schema.properties.*minLength/,
    ],
    [
      "a pattern that does not compile",
      ["  properties:", '    n: { pattern: "([" }'],
      /^t.yaml:6:10: schema.properties.n.pa/,
    ],
    ["a name that does not compile", ["  patternProperties:", '    "([": {}'], /^t.yaml:6:5: schema.patternProperties/],
    [
      "a reference to nothing",
      ["  properties:", '    n: { $ref: "#/$defs/no" }'],
      /^t.yaml:6:10: schema.properties.n.\$ref/,
    ],
    ["a raw shape of properties", ["  severity: { type: string }"], /^t.yaml:4:1: schema: .*properties/],
    ["an asynchronous check", ["  $async: true"], /^t.yaml:5:3: schema.\$async/],
  ])("names file, line and column of a schema with %s", async (_, lines, fault) => {
    const yaml = ["name: t", "model: m:x", "prompt: hi", "schema:", ...lines].join("\n");
    const folder = createFolder({ "t.yaml": yaml });
    const error = await loadTool(join(folder, "t.yaml")).catch((thrown: Error) => thrown);
    expect((error as Error).message.replace(`${folder}/`, "")).toMatch(fault);
  });

  test.each(["x-key: id", "example: a", "nullable: true", "id: Report", "xml: {}"])(
    "takes a word of another vocabulary in a schema: %s",
    async (line) => {
      const yaml = ["name: t", "model: m:x", "prompt: hi", "schema:", "  type: object", `  ${line}`].join("\n");
      const { definition } = await loadTool(join(createFolder({ "t.yaml": yaml }), "t.yaml"));
      expect(definition?.schema).toMatchObject({ type: "object" });
    },
  );

  test("a key that YAML reads as a prototype stays a key", async () => {
    const folder = createFolder({ "t.yaml": "name: x\nmodel: m:x\nprompt: hi\n__proto__: { k: 1 }" });
    await expect(loadTool(join(folder, "t.yaml"))).rejects.toThrow(/t.yaml:4:1: __proto__ is not a key of a tool file/);
  });

  test.each([
    { file: "t.json", content: '{\n  "name": "x",\n  "model": }', fault: "t.json:3:12: Unexpected token '}'" },
    { file: "t.json", content: toolFile().slice(0, -1), fault: /t.json:1:\d+: Expected ',' or '}'/ },
    { file: "t.yaml", content: 'name: x\nprompt: "half', fault: /t.yaml:2:\d+: Missing closing/ },
    { file: "t.yaml", content: "name: x\nmodel: [a\nprompt: y", fault: /t.yaml:\d:\d+: / },
    {
      file: "t.yaml",
      content: "name: x\nmodel: m:x\npromt: hi",
      fault: /t.yaml:3:1: promt is not a key of a tool file .*did you mean "prompt"/,
    },
    {
      file: "t.yaml",
      content: "name: x\nmodel: m:x\nk: 5\nprompt: hi",
      fault: "t.yaml:3:1: k is not a key at this level. Move it to defaultOptions.k.",
    },
    {
      file: "t.yaml",
      content: "name: x\nmodel: m:x\nprompt: hi\nschema:\n  type: object\n  require: [a]",
      fault: /t.yaml:6:3: schema.require is not a keyword. Write "required"/,
    },
    {
      file: "t.json",
      content: '{\n"name": "x", "model": "m:x", "prompt": "hi",\n"schema": { "type": "objct" } }',
      fault: /t.json:3:13: schema.type: "objct" is not a JSON schema/,
    },
    { file: "t.yaml", content: "name: x\nprompt: hi", fault: /t.yaml:1:1: "model" is missing/ },
    {
      file: "t.yaml",
      content: "name: x\nmodel: m\nprompt: hi\ndefaultOptions:\n  kk: 1",
      fault: /t.yaml:5:3: defaultOptions.kk is not .*did you mean "k"/,
    },
    { file: "t.yaml", content: "- a", fault: 't.yaml:1:1: got ["a"]; allowed: an object with name' },
    {
      file: "t.ts",
      content: "export const tool = 1;",
      fault: /t.ts: export default: got undefined, which is not a tool. Give what defineTool returns/,
    },
    {
      file: "t.ts",
      content: "\nthrow new Error('broken inside');",
      fault: /t.ts:2:\d+: the module cannot be loaded: broken inside/,
    },
    { file: "t.yaml", content: "prompt: Note: be brief", fault: /t.yaml:1:9: a colon .* Quote it/ },
    {
      file: "t.yaml",
      content: "name: x\nmodel: m\nprompt: {{a}}",
      fault: /t.yaml:3:1: prompt: .*Quote it: "{{name}}"$/m,
    },
    { file: "t.yaml", content: "name: x\nprompt: {{a}} b", fault: /t.yaml:2:15: this text follows .* Quote/ },
    { file: "t.yaml", content: "name: x\nversion: 1.0", fault: /t.yaml:2:1: version: got 1; .*\. Quote it$/m },
    { file: "t.yaml", content: "name: x\nname: y", fault: /t.yaml:2:1: this key is there already\. Remove one/ },
    { file: "t.yaml", content: "name: x\n---\nname: y", fault: /t.yaml:2:1: a second document .*its own/ },
    { file: "t.yaml", content: "a:\n\tb: c", fault: /t.yaml:2:1: a tab .*Put spaces/ },
    {
      file: "reports.csv",
      content: "",
      fault: "reports.csv holds inputs, and a tool file is needed here. Give it as --input",
    },
    {
      file: "promptfooconfig.yaml",
      content: 'prompts: ["{{a}}"]\nproviders: [openai:m]\ntests: []',
      fault: /promptfooconfig.yaml:2:1: this is a configuration of promptfoo, .*coming-from\.md#promptfoo/,
    },
    {
      file: "config.yaml",
      content: "model_list:\n  - model_name: m",
      fault: /config.yaml:1:1: this is a configuration of LiteLLM, .*coming-from\.md#litellm/,
    },
    { file: "t.toml", content: "", fault: /t.toml is not a tool file\..*\.yaml/ },
  ])("$file: $fault", async ({ file, content, fault }) => {
    const folder = createFolder({ [file]: content });
    await expect(loadTool(join(folder, file))).rejects.toThrow(fault);
  });
});

describe("the text of a tool file", () => {
  const definition = toolFile("simulated:", { system: "Grüße" });

  test.each([
    ["UTF-8 with a byte order mark", Buffer.from(`\ufeff${definition}`)],
    ["UTF-16, as an editor of Windows saves it", Buffer.from(`\ufeff${definition}`, "utf16le")],
  ])("is read as it was meant: %s", async (_, content) => {
    const folder = createFolder({ "t.json": content, "t.yaml": content });
    for (const name of ["t.json", "t.yaml"])
      expect((await loadTool(join(folder, name))).definition?.system).toBe("Grüße");
  });

  test("is refused in another encoding, where letters would change in silence", async () => {
    const folder = createFolder({ "t.yaml": Buffer.from("name: x\nsystem: Gr\xfc\xdfe", "latin1") });
    await expect(loadTool(join(folder, "t.yaml"))).rejects.toThrow(/t\.yaml:2:11: the text is not UTF-8: its byte FC/);
  });
});

describe("findToolFiles", () => {
  test("finds the definitions of a folder, and passes over everything else, broken files included", () => {
    const folder = createFolder({
      "triage.json": toolFile(),
      "triage.yaml": toolFile(),
      "package.json": '{"name":"x"}',
      "broken.json": "{",
      "module.ts": "throw new Error('must not run')",
    });
    expect(findToolFiles(folder)).toEqual(["triage.json", "triage.yaml"].map((name) => join(folder, name)));
  });
});
