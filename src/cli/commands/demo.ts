import type { Command } from "commander";
import { wholeNumberFlag } from "../flags.ts";

const examples = `
Without a key, recorded answers of llama-13b to 500 questions of TriviaQA are replayed; they ship with the package.
With OPENAI_API_KEY, ANTHROPIC_API_KEY, GOOGLE_GENERATIVE_AI_API_KEY, MISTRAL_API_KEY or XAI_API_KEY, or with
STEER_MODEL or --model, a live model is asked a few of the questions.

Examples
  $ steer demo
  $ steer demo --k 20
  $ steer demo --model openai-compatible:http://localhost:11434/v1#llama3.2 --questions 10`;

interface DemoFlags {
  readonly model?: string;
  readonly recorded?: true;
  readonly questions?: number;
  readonly k?: number;
}

/** Enough to see how it works, and cheap. */
const live = { questionCount: 5, k: 5 };
const recorded = { k: 10 };

export function addDemoCommand(program: Command): void {
  program
    .command("demo")
    .summary("see it work: no key needed")
    .description("Ask real questions, as often as each answer needs, and compare the consensus with the right answer.")
    .option("-m, --model <provider:model>", "ask this model live")
    .option("--recorded", "replay the recorded answers, whatever keys are set")
    .option("--questions <count>", "how many questions", wholeNumberFlag(1))
    .option("-k, --k <count>", "the most answers for one question", wholeNumberFlag(1))
    .addHelpText("after", examples)
    .action(runDemo);
}

async function runDemo(flags: DemoFlags): Promise<void> {
  const { createTerminal } = await import("../progress/terminal.ts");
  const { loadQuestions } = await import("../demo/answered.ts");
  const { findLiveModel } = await import("../demo/demo.ts");
  const terminal = createTerminal(process.stdout);
  const chosen = flags.model ? { model: flags.model, reason: "--model names it" } : findLiveModel(process.env);
  if (chosen && !flags.recorded) {
    const { liveDemo } = await import("../demo/demo.ts");
    const questions = loadQuestions().slice(0, flags.questions ?? live.questionCount);
    return liveDemo(questions, { ...chosen, k: flags.k ?? live.k }, terminal);
  }
  const { replayDemo } = await import("../demo/demo.ts");
  return replayDemo(loadQuestions().slice(0, flags.questions), flags.k ?? recorded.k, terminal);
}
