import { type Command, Option } from "commander";
import { wholeNumberFlag } from "../flags.ts";

const examples = `
Recorded answers of a real model are replayed, whatever keys are set: nothing is asked, and nothing is spent. With
--live, a model that the environment holds a key for is asked a few of the questions; --model names one.

Examples
  $ steer demo
  $ steer demo --live
  $ steer demo --model openai-compatible:http://localhost:11434/v1#llama3.2 --questions 10`;

interface DemoFlags {
  readonly model?: string;
  readonly live?: true;
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
    .option("--live", "ask a model that a key is set for, live")
    .addOption(
      new Option("--recorded", "replay the recorded answers, as without it").conflicts(["live", "model"]).hideHelp(),
    )
    .option("--questions <count>", "how many questions", wholeNumberFlag(1))
    .option("-k, --k <count>", "the most answers for one question", wholeNumberFlag(1))
    .addHelpText("after", examples)
    .action(runDemo);
}

async function runDemo(flags: DemoFlags): Promise<void> {
  const { createTerminal } = await import("../progress/terminal.ts");
  const { loadQuestions } = await import("../demo/answered.ts");
  const terminal = createTerminal(process.stdout);
  if (flags.live || flags.model) {
    const { findLiveModel, liveDemo } = await import("../demo/demo.ts");
    const chosen = flags.model ? { model: flags.model, reason: "--model names it" } : findLiveModel(process.env);
    const questions = loadQuestions().slice(0, flags.questions ?? live.questionCount);
    return liveDemo(questions, { ...chosen, k: flags.k ?? live.k }, terminal);
  }
  const { replayDemo } = await import("../demo/demo.ts");
  return replayDemo(loadQuestions().slice(0, flags.questions), flags.k ?? recorded.k, terminal);
}
