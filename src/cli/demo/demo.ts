import type { BundleOptions } from "../../contract/bundle-options.ts";
import type { LanguageModelLike } from "../../contract/model.ts";
import type { OutputError } from "../../contract/output.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { Orchestrator } from "../../orchestrate/orchestrator.ts";
import { recordedModel } from "../../provider/recorded.ts";
import { PromptBundleTool } from "../../tool/prompt/prompt-bundle-tool.ts";
import { CommandError, exitCode } from "../faults.ts";
import { percent, showCount, showShare, showUsd, toColumns } from "../progress/format.ts";
import { createSingleRunView, type JobView } from "../progress/job-view.ts";
import type { Terminal } from "../progress/terminal.ts";
import { type ConfidenceBin, calibrationError, confidenceBins } from "../view/confidence-bins.ts";
import {
  type Answered,
  acceptByLabels,
  judge,
  judgeByJob,
  recordingPath,
  type Score,
  scoreOf,
  type TriviaQuestion,
} from "./answered.ts";

/** Asks a live model, question by question. */
export async function liveDemo(
  questions: readonly TriviaQuestion[],
  { model, reason, k }: { readonly model: string; readonly reason: string; readonly k: number },
  terminal: Terminal,
): Promise<void> {
  terminal.write(
    `Asking ${model} live (${reason}): ${questions.length} questions of TriviaQA, at most ${k} answers each. ` +
      "Recorded answers instead: steer demo\n",
  );
  const tool = createTriviaTool(model, { k });
  const answered: Answered[] = [];
  for (const question of questions) answered.push(await showQuestion(tool, question, terminal));
  const { rightShare, answerCount, costUsd, questionCount } = scoreOf(answered);
  terminal.write(
    `\n${percent(rightShare)} of ${questionCount} right, with ${answerCount} answers where always ${k} takes ${questionCount * k}; ${showUsd(costUsd)}.\n`,
  );
}

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
  terminal.write("\nSee the same runs live, in a browser: npx steer serve --demo\n");
}

function introduction(k: number, isPaced: boolean): string {
  return (
    "These are recorded answers of a real model, llama-13b, to questions of TriviaQA: nothing is asked, and nothing is\n" +
    "spent. With --live, or --model openai-compatible:http://…#name, a live model is asked.\n" +
    `A question is asked up to ${k} times, and no more often than its answer needs.` +
    (isPaced ? ` (Slowed down to ${paceMs} ms an answer.)` : "")
  );
}

/** Labels that the demo shows the worth of; the reference answers give them. */
const demoLabels = 30;

/** @param fixed the same questions, each asked `k` times */
function figures(answered: readonly Answered[], fixed: readonly Answered[], k: number, { colors }: Terminal): string[] {
  const [score, fixedScore] = [scoreOf(answered), scoreOf(fixed)];
  const [byVotes, labelled] = [judgeByJob(answered, 0), judgeByJob(answered, demoLabels)];
  const saved = 1 - score.answerCount / fixedScore.answerCount;
  return [
    colors.bold(`All ${score.questionCount} questions, up to ${k} answers each`),
    ...scoreTable(score, fixedScore, k),
    `  ${percent(saved)} fewer answers than always ${k}. Dollars are unknown: the recording holds no token counts.`,
    "",
    colors.bold("Can the confidence be trusted?"),
    ...calibrationTable(confidenceBins(byVotes)),
    "  No label was used: confidence comes from the votes of all questions.",
    ...(answered.length < 2 * demoLabels
      ? []
      : [
          "",
          colors.bold(`The same with ${demoLabels} labels, as steer label takes them`),
          ...calibrationTable(confidenceBins(labelled)),
          ...(labelled.some(({ confidence }, at) => confidence !== byVotes[at + demoLabels]?.confidence)
            ? []
            : ["  These labels would not make it better (cross-validated), so they change nothing."]),
          "",
          colors.bold(`Which answers can be relied on, at ${showShare(demoPrecision)} right? (steer run --right)`),
          ...acceptedTable(answered),
          "  Labels of a uniform draw certify what is accepted, with 90 % confidence; the others are to review.",
        ]),
  ];
}

/** Precision that the demo accepts answers at; for more, votes alone do not tell right from wrong answers of this model. */
const demoPrecision = 0.8;
const labelCounts = [0, 30, 60, 100, 150];

/** Table of what `--right` accepts by so many labels of a uniform draw. */
function acceptedTable(answered: readonly Answered[]): string[] {
  const rows = labelCounts.map((count) => {
    const accepted = acceptByLabels(answered, count, demoPrecision);
    const right = accepted.filter(({ isRight }) => isRight).length;
    return [
      `  ${count}`,
      accepted.length === 0 ? "nothing is certified" : showCount(accepted.length),
      accepted.length === 0 ? "" : percent(right / accepted.length),
    ];
  });
  return toColumns([["  labels", "accepted", "right of those"], ...rows]);
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

/** Makes a model take as long for an answer as people can follow. */
export function paced(model: LanguageModelLike, clock: Clock): LanguageModelLike {
  return {
    ...model,
    async doGenerate(options) {
      await clock.sleep(paceMs, { signal: options.abortSignal });
      return model.doGenerate(options);
    },
  };
}

/** Table of asking as often as needed, beside one answer and beside always K. */
function scoreTable(score: Score, fixed: Score, k: number): string[] {
  const perQuestion = ({ answerCount, questionCount }: Score) => (answerCount / questionCount).toFixed(2);
  return toColumns([
    ["", "right", "answers a question", "answers"],
    ["  one answer", percent(fixed.rightShareOfSingleAnswers), "1.00", showCount(fixed.questionCount)],
    [`  consensus of always ${k}`, percent(fixed.rightShare), perQuestion(fixed), showCount(fixed.answerCount)],
    ["  consensus, as many as needed", percent(score.rightShare), perQuestion(score), showCount(score.answerCount)],
  ]);
}

/** Table of the share of right consensus by confidence. */
function calibrationTable(bins: readonly ConfidenceBin[]): string[] {
  const rows = bins.map(({ from, count, meanConfidence, rightShare }) => [
    `  ${showShare(from)} to ${showShare(from + 0.2)}`,
    showCount(count),
    showShare(meanConfidence),
    showShare(rightShare),
  ]);
  const table = toColumns([["  confidence", "questions", "mean", "right"], ...rows]);
  return [
    ...table,
    `  Mean gap between confidence and share right: ${(calibrationError(bins) * 100).toFixed(1)} points.`,
  ];
}

/**
 * Asks one question before the reader's eyes, and says whether the consensus is right.
 *
 * @throws CommandError where the model gave no valid answer
 */
async function showQuestion(tool: TriviaTool, question: TriviaQuestion, terminal: Terminal): Promise<Answered> {
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
  return new CommandError(`No valid answer came: ${messages.join("; ")}`, { exitCode: exitCode.someFailed });
}

/** Models that the demo asks where the environment holds a key for them, in this order. */
const modelOfKey: Record<string, string> = {
  OPENAI_API_KEY: "openai:gpt-5-mini",
  ANTHROPIC_API_KEY: "anthropic:claude-haiku-4-5",
  GOOGLE_GENERATIVE_AI_API_KEY: "google:gemini-2.5-flash",
  MISTRAL_API_KEY: "mistral:mistral-small-latest",
  XAI_API_KEY: "xai:grok-4-fast-non-reasoning",
};

/**
 * The model to ask live, and why.
 *
 * @throws CommandError where the environment names none and holds no key
 */
export function findLiveModel(env: NodeJS.ProcessEnv): { readonly model: string; readonly reason: string } {
  if (env["STEER_MODEL"]) return { model: env["STEER_MODEL"], reason: "STEER_MODEL names it" };
  const key = Object.keys(modelOfKey).find((name) => env[name]);
  if (key !== undefined) return { model: modelOfKey[key] as string, reason: `${key} is set` };
  throw new CommandError(
    `--live found no key. Set ${Object.keys(modelOfKey).join(", ")} or STEER_MODEL, or name a model with --model.`,
  );
}

/** The recorded model was asked with examples that are not in the recording; a live one has to be told the form. */
const form = "Answer with the name or the few words that are asked for, and nothing else.";

/** The tool of the demo: a question in, a text out. */
export function createTriviaTool(model: string | LanguageModelLike, defaultOptions: BundleOptions) {
  const isRecorded = typeof model === "string" ? model.startsWith("recorded:") : model.source === "recorded";
  return new PromptBundleTool({
    name: "trivia",
    model,
    system: isRecorded ? undefined : form,
    prompt: "{{question}}",
    defaultOptions,
  });
}

export type TriviaTool = ReturnType<typeof createTriviaTool>;
