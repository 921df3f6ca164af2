import { expect } from "vitest";
import { BundleTool, type OrchestrationEvent, type ReplicateSpec, type ToolContext } from "../../src/index.ts";

/** What a run rejects with. */
export async function rejection(run: Promise<unknown>): Promise<any> {
  return run.then(
    () => expect.fail("the run resolved"),
    (error) => error,
  );
}

/** An error as a provider's package gives it for an HTTP status. */
export function httpError(statusCode: number, responseHeaders: Record<string, string> = {}): Error {
  return Object.assign(new Error(`HTTP ${statusCode}`), { statusCode, responseHeaders });
}

/** Collects the events of a run; `types` are those of the given events, or of all. */
export function eventLog() {
  const events: OrchestrationEvent[] = [];
  const onEvent = (event: OrchestrationEvent) => void events.push(event);
  const types = (...wanted: string[]) =>
    events.map(({ type }) => type).filter((type) => wanted.length === 0 || wanted.includes(type));
  return { events, onEvent, types };
}

/** Gives its answers in turn, the last one again and again; an `Error` among them is thrown. */
export class Answers extends BundleTool<object, unknown> {
  readonly name: string = "answers";
  readonly asked: ReplicateSpec[] = [];
  readonly #answers: readonly unknown[];

  constructor(answers: readonly unknown[]) {
    super();
    this.#answers = answers;
  }

  override async executeReplicate(_request: object, replicate: ReplicateSpec, _context: ToolContext) {
    const index = this.asked.push(replicate) - 1;
    const data = this.#answers[Math.min(index, this.#answers.length - 1)];
    if (data instanceof Error) throw data;
    return { data, usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5 }, costUsd: 0.01 };
  }
}
