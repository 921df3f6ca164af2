import type { RunDetail } from "../../../src/cli/view/viewer-data.ts";

/** A program that asks the same again. */
export function toTypeScript(tool: string, input: unknown, bundle: RunDetail["bundle"]): string {
  const k = bundle?.meta.k || undefined;
  return `import { Orchestrator } from "steer-llm-sdk";

// The tool ${JSON.stringify(tool)} has to be registered: see docs/guide/tools.md.
const output = await new Orchestrator().run({
  tool: ${JSON.stringify(tool)},
  request: ${JSON.stringify(input, null, 2).replaceAll("\n", "\n  ")},${k === undefined ? "" : `\n  toolOptions: { k: ${k} },`}
});
`;
}
