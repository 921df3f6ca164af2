import type { OrchestrationOutput } from "../contract/output.ts";
import type { RunManyParams, RunParams } from "../contract/run.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import { lazily } from "../core/lazily.ts";

/** How one of many runs ended. `index` counts the requests from 0. */
export type RunManyResult<Output> = { index: number; output: Output } | { index: number; error: unknown };

const loadRunAll = lazily(() => import("./run-all.ts"));

/** What would make every run but one a conflict, or two runs indistinguishable. */
const perRunOptions = ["idempotencyKey", "requestId"] as const;

/** How a single run is started. */
export type RunOne = (params: RunParams<any, any, any>) => Promise<OrchestrationOutput>;

/**
 * The runs of many requests, started by whoever iterates.
 *
 * @throws InvalidOptionsError before anything has run
 */
export function runMany(
  params: RunManyParams<any, any, any>,
  run: RunOne,
): AsyncIterable<RunManyResult<OrchestrationOutput>> {
  assertManyParams(params);
  return {
    async *[Symbol.asyncIterator]() {
      const { runAll } = await loadRunAll();
      yield* runAll(params, run);
    },
  };
}

function assertManyParams(params: RunManyParams<any, any, any>): void {
  const issues: OptionIssue[] = [];
  const { requests, concurrency, options } = params ?? {};
  const isIterable =
    typeof requests === "object" &&
    requests !== null &&
    (Symbol.iterator in requests || Symbol.asyncIterator in requests);
  if (!isIterable)
    issues.push({ path: "requests", given: requests, allowed: "an iterable or async iterable of requests" });
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency >= 1)) {
    issues.push({ path: "concurrency", given: concurrency, allowed: "a whole number of at least 1" });
  }
  for (const name of perRunOptions) {
    if (options?.[name] === undefined) continue;
    issues.push({
      path: `options.${name}`,
      given: options[name],
      allowed: "nothing here: it is one run's; call run() for each request",
    });
  }
  if (issues.length > 0) throw new InvalidOptionsError(issues);
}
