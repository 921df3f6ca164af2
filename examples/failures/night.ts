import type { EvidenceContent, OrchestrationOutput, ReliableOrchestratorSettings, Usage } from "steer-llm-sdk";
import { isOrchestratorError, type OrchestrationEvent, ReliableOrchestrator } from "steer-llm-sdk";
import { createFakeClock, type FakeClock, seededRandom } from "steer-llm-sdk/testing";
import { describeEvent } from "./describe-event.ts";
import { print } from "./print.ts";

/** One way in which a program fails, acted out. */
export interface Failure {
  readonly title: string;
  act(night: Night): Promise<void>;
}

/** 2 dollars for a million input tokens, 8 for output. */
const prices = {
  costUsd: ({ usage }: { usage: Usage }) => (usage.inputTokens * 2 + usage.outputTokens * 8) / 1_000_000,
};

/** A fake clock, orchestrators on it, and a pair of eyes: all that a run reports is printed with its time. */
export class Night {
  readonly clock: FakeClock = createFakeClock();
  readonly #random = seededRandom(1);
  #startedAtMs = 0;

  /** With its defaults, but for what is given. */
  orchestrator(settings: ReliableOrchestratorSettings = {}): ReliableOrchestrator {
    const tell = (event: unknown) => this.#tell(event as OrchestrationEvent);
    const logger = { debug: tell, info: tell, warn: tell, error: tell };
    return new ReliableOrchestrator({ clock: this.clock, random: this.#random, prices, logger, ...settings });
  }

  /**
   * Starts a run, lets its time pass, and prints how it ended.
   *
   * @param pass default: all the time that anybody waits for
   */
  async watch(
    start: () => Promise<OrchestrationOutput>,
    heading?: string,
    pass = () => this.clock.runAll(),
  ): Promise<OrchestrationOutput | undefined> {
    if (heading !== undefined) print(`${heading}:`);
    this.#startedAtMs = this.clock.now();
    const running = start();
    running.catch(() => {});
    await pass();
    try {
      const output = await running;
      this.say(`${output.status}${contentOf(output)}`);
      this.say(paid(output));
      return output;
    } catch (error) {
      if (!isOrchestratorError(error)) throw error;
      this.say(`rejected with ${error.name}, ${error.code}: ${error.message}`);
      this.say("partial" in error && error.partial ? paid(error.partial) : "paid nothing");
      return undefined;
    }
  }

  say(text: string): void {
    const atMs = Math.round(this.clock.now() - this.#startedAtMs).toLocaleString("en");
    print(text, `${atMs.padStart(7)} ms  `);
  }

  #tell(event: OrchestrationEvent): void {
    const text = describeEvent(event);
    if (text !== undefined) this.say(text);
  }
}

function contentOf({ content }: OrchestrationOutput): string {
  const bundle = (content as Partial<EvidenceContent> | null)?.evidenceBundle;
  if (!bundle) return content === null ? "" : `: ${JSON.stringify(content)}`;
  const { consensus, validCount, invalidCount } = bundle.summary;
  const counts = `${validCount} valid, ${invalidCount} invalid`;
  return consensus === null ? `: ${counts}` : `: ${JSON.stringify(consensus)} from ${counts}`;
}

function paid({ usage, costUsd }: { usage: Usage; costUsd: number | null }): string {
  if (usage.totalTokens === 0) return "paid nothing";
  const tokens = `${usage.totalTokens} tokens${usage.estimated ? ", in part estimated" : ""}`;
  return `paid ${tokens}; ${costUsd === null ? "dollars unknown" : `$${costUsd.toFixed(5)}`}; calls: ${usage.requests}`;
}
