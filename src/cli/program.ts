import { Command } from "commander";
import { packageVersion } from "../core/package-root.ts";
import { addDemoCommand } from "./commands/demo.ts";
import { addEvalCommand } from "./commands/eval.ts";
import { addFeedbackCommand } from "./commands/feedback.ts";
import { addLabelCommand } from "./commands/label.ts";
import { addMcpCommand } from "./commands/mcp.ts";
import { addQueueCommand } from "./commands/queue.ts";
import { addRecordCommand } from "./commands/record.ts";
import { addReportCommand } from "./commands/report.ts";
import { addRunCommand } from "./commands/run.ts";
import { addServeCommand } from "./commands/serve.ts";
import { addStoreCommand } from "./commands/store.ts";
import { addToolsCommand } from "./commands/tools.ts";
import { addViewCommand } from "./commands/view.ts";
import { addWorkerCommand } from "./commands/worker.ts";

const help = `
Examples
  $ steer demo
  $ steer run triage.yaml --input '{"report": "It crashes when I save"}'
  $ steer run triage.yaml --input reports.jsonl --output triaged.jsonl
  $ steer tools
  $ steer help run

Colours follow NO_COLOR and FORCE_COLOR. The guide: docs/guide/command.md`;

/**
 * The command line.
 *
 * @param onExitCode hears of the exit code of the command that ran
 */
export function createProgram(onExitCode: (code: number) => void): Command {
  const program = new Command("steer")
    .description(
      "LLM work that has to be right: ask a model as often as the answer needs, and get a consensus with its evidence.",
    )
    .version(packageVersion(), "-v, --version")
    .addHelpText("after", help)
    .exitOverride();
  addDemoCommand(program);
  addRunCommand(program, onExitCode);
  addEvalCommand(program, onExitCode);
  addRecordCommand(program, onExitCode);
  addToolsCommand(program);
  addReportCommand(program);
  addViewCommand(program);
  addFeedbackCommand(program);
  addLabelCommand(program);
  addServeCommand(program, onExitCode);
  addWorkerCommand(program, onExitCode);
  addQueueCommand(program);
  addStoreCommand(program, onExitCode);
  addMcpCommand(program);
  return program;
}
