import { Tool } from "../contract/tool.ts";

/** A tool made by `scriptedTool`. */
export interface ScriptedTool<Result> extends Tool<unknown, Result> {
  /** The request of every execution so far, in its order. */
  readonly calls: readonly unknown[];
}

/**
 * A tool that takes one step of a script an execution: it throws the step that is an `Error`, and gives back any other.
 * An execution past the last step fails with an error that is not worth a retry.
 *
 * @example
 * ```ts
 * const flaky = scriptedTool("flaky", [Object.assign(new Error("busy"), { isRetryable: true }), "done"]);
 * ```
 */
export function scriptedTool<Result>(name: string, steps: readonly (Result | Error)[]): ScriptedTool<Result> {
  return new ToolOfSteps(name, steps);
}

class ToolOfSteps<Result> extends Tool<unknown, Result> implements ScriptedTool<Result> {
  readonly name: string;
  readonly calls: unknown[] = [];
  readonly #steps: readonly (Result | Error)[];

  constructor(name: string, steps: readonly (Result | Error)[]) {
    super();
    this.name = name;
    this.#steps = steps;
  }

  async execute(request: unknown): Promise<Result> {
    const index = this.calls.push(request) - 1;
    if (index >= this.#steps.length) {
      const message = `Tool "${this.name}" was executed once more than its script has steps (${index}). Add a step.`;
      throw Object.assign(new Error(message), { isRetryable: false });
    }
    const step = this.#steps[index] as Result | Error;
    if (step instanceof Error) throw step;
    return step;
  }
}
