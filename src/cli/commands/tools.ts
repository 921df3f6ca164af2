import type { Command } from "commander";

const examples = `
Without a file, the JSON and YAML files of this folder that define a tool are listed. A module is loaded,
which runs it, only where it is named.

Examples
  $ steer tools
  $ steer tools triage.yaml tools/lookup.ts
  $ steer tools --json | jq .[].name`;

export function addToolsCommand(program: Command): void {
  program
    .command("tools")
    .summary("list the tools in files")
    .description("List the tools in files: name, version, model, answers, variables.")
    .argument("[tool-files...]", "tools in JSON, YAML or TypeScript modules")
    .option("--json", "print JSON instead of a table")
    .addHelpText("after", examples)
    .action(async (files: readonly string[], flags: { json?: true }) => {
      const { listTools } = await import("../definition/list-tools.ts");
      await listTools(files, flags.json ?? false);
    });
}
