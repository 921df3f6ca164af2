import { percent, showUsd } from "../progress/format.ts";
import type { Terminal } from "../progress/terminal.ts";
import { type Answered, scoreOf } from "./answered.ts";
import type { TriviaQuestion } from "./questions.ts";
import { showQuestion } from "./show-question.ts";
import { createTriviaTool } from "./trivia-tool.ts";

/** Asks a live model, question by question. */
export async function liveDemo(
  questions: readonly TriviaQuestion[],
  { model, reason, k }: { readonly model: string; readonly reason: string; readonly k: number },
  terminal: Terminal,
): Promise<void> {
  terminal.write(
    `Asking ${model} live (${reason}): ${questions.length} questions of TriviaQA, at most ${k} answers each. ` +
      "Recorded answers instead: steer demo --recorded\n",
  );
  const tool = createTriviaTool(model, { k });
  const answered: Answered[] = [];
  for (const question of questions) answered.push(await showQuestion(tool, question, terminal));
  const { rightShare, answerCount, costUsd, questionCount } = scoreOf(answered);
  terminal.write(
    `\n${percent(rightShare)} of ${questionCount} right, with ${answerCount} answers where always ${k} takes ${questionCount * k}; ${showUsd(costUsd)}.\n`,
  );
}
