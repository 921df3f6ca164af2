import type { LanguageModelLike } from "../../contract/model.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { Orchestrator } from "../../orchestrate/orchestrator.ts";
import { recordedModel } from "../../provider/recorded.ts";
import { percent } from "../progress/format.ts";
import type { Terminal } from "../progress/terminal.ts";
import { type Answered, judge, scoreOf } from "./answered.ts";
import { confidenceBins } from "./calibration.ts";
import { recordingPath, type TriviaQuestion } from "./questions.ts";
import { calibrationTable, scoreTable } from "./report.ts";
import { showQuestion } from "./show-question.ts";
import { createTriviaTool, type TriviaTool } from "./trivia-tool.ts";

/** Questions that are shown one by one; they are the first of the file. */
const shownCount = 4;
/** A replay takes no time. On a terminal an answer takes this long, so that the table can be followed. */
const paceMs = 150;

/** Replays recorded answers: a few questions in full, then all of them in figures. */
export async function replayDemo(questions: readonly TriviaQuestion[], k: number, terminal: Terminal): Promise<void> {
  terminal.write(`${introduction(k, terminal.isLive)}\n`);
  const model = await recordedModel(recordingPath);
  const shown = createTriviaTool(terminal.isLive ? paced(model, systemClock) : model, { k, maxParallel: 2 });
  for (const question of questions.slice(0, shownCount)) await showQuestion(shown, question, terminal);

  const answered = await answerAll(createTriviaTool(model, { k }), questions);
  const fixed = await answerAll(createTriviaTool(model, { k, stopping: "none" }), questions);
  terminal.write(`\n${figures(answered, fixed, k, terminal).join("\n")}\n`);
}

function introduction(k: number, isPaced: boolean): string {
  return (
    "These are recorded answers of a real model, llama-13b, to questions of TriviaQA: nothing is asked live. With\n" +
    "OPENAI_API_KEY or another provider's key, or --model openai-compatible:http://…#name, a live model is asked.\n" +
    `A question is asked up to ${k} times, and no more often than its answer needs.` +
    (isPaced ? ` (Slowed down to ${paceMs} ms an answer.)` : "")
  );
}

/** @param fixed the same questions, each asked `k` times */
function figures(answered: readonly Answered[], fixed: readonly Answered[], k: number, { colors }: Terminal): string[] {
  const [score, fixedScore] = [scoreOf(answered), scoreOf(fixed)];
  const saved = 1 - score.answerCount / fixedScore.answerCount;
  return [
    colors.bold(`All ${score.questionCount} questions, up to ${k} answers each`),
    ...scoreTable(score, fixedScore, k),
    `  ${percent(saved)} fewer answers than always ${k}. Dollars are unknown: the recording holds no token counts.`,
    "",
    colors.bold("Can the confidence be trusted?"),
    ...calibrationTable(confidenceBins(answered)),
    "  No label was used: confidence comes from the answers alone.",
  ];
}

async function answerAll(tool: TriviaTool, questions: readonly TriviaQuestion[]): Promise<Answered[]> {
  const answered: Answered[] = [];
  const requests = questions.map(({ question }) => ({ question }));
  for await (const done of new Orchestrator().runMany({ tool, requests })) {
    if ("error" in done) throw done.error;
    answered[done.index] = judge(questions[done.index] as TriviaQuestion, done.output);
  }
  return answered;
}

function paced(model: LanguageModelLike, clock: Clock): LanguageModelLike {
  return {
    ...model,
    async doGenerate(options) {
      await clock.sleep(paceMs, { signal: options.abortSignal });
      return model.doGenerate(options);
    },
  };
}
