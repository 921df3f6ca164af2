import type { OutputError } from "../../contract/output.ts";
import { Orchestrator } from "../../orchestrate/orchestrator.ts";
import { CommandError } from "../command-error.ts";
import { exitCode } from "../exit-code.ts";
import type { JobView } from "../progress/job-view.ts";
import { createSingleRunView } from "../progress/single-run-view.ts";
import type { Terminal } from "../progress/terminal.ts";
import { type Answered, judge } from "./answered.ts";
import type { TriviaQuestion } from "./questions.ts";
import type { TriviaTool } from "./trivia-tool.ts";

/**
 * Asks one question before the reader's eyes, and says whether the consensus is right.
 *
 * @throws CommandError where the model gave no valid answer
 */
export async function showQuestion(tool: TriviaTool, question: TriviaQuestion, terminal: Terminal): Promise<Answered> {
  const { colors } = terminal;
  terminal.write(`\n${colors.bold(question.question)}\n`);
  const view: JobView = createSingleRunView(terminal);
  const output = await new Orchestrator().run({
    tool,
    request: { question: question.question },
    onEvent: view.observe,
  });
  view.end();
  if (output.status === "failed") throw noAnswer(output.errors);
  const answered = judge(question, output);
  const verdict = answered.isRight ? colors.green("right") : colors.red("wrong");
  terminal.write(`  reference  ${question.gold}: ${verdict}\n`);
  return answered;
}

function noAnswer(errors: Readonly<Record<string, OutputError>>): CommandError {
  const messages = Object.values(errors).map(({ message }) => message);
  return new CommandError(`There is no valid answer: ${messages.join("; ")}`, { exitCode: exitCode.someFailed });
}
