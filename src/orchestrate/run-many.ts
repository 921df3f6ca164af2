import type { OrchestrationOutput } from "../contract/output.ts";
import type { RunManyParams, RunParams } from "../contract/run.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import { CancelScope } from "../core/signal.ts";

/** How one of many runs ended. `index` counts the requests from 0. */
export type RunManyResult<Output> = { index: number; output: Output } | { index: number; error: unknown };

const defaultConcurrency = 10;

/** What would make every run but one a conflict, or two runs indistinguishable. */
const perRunOptions = ["idempotencyKey", "requestId"] as const;

type Run = (params: RunParams<any, any, any>) => Promise<OrchestrationOutput>;

/** Runs every request, so many at a time; takes the next one only when there is room for it. */
export function runMany(
  params: RunManyParams<any, any, any>,
  run: Run,
): AsyncIterable<RunManyResult<OrchestrationOutput>> {
  assertManyParams(params);
  return { [Symbol.asyncIterator]: () => runAll(params, run) };
}

async function* runAll(
  { requests, concurrency = defaultConcurrency, signal, ...shared }: RunManyParams<any, any, any>,
  run: Run,
): AsyncGenerator<RunManyResult<OrchestrationOutput>, void> {
  const scope = new CancelScope(signal);
  const finished: RunManyResult<OrchestrationOutput>[] = [];
  let wake = () => {};
  let inFlight = 0;

  const start = (request: unknown, index: number) => {
    inFlight++;
    run({ ...shared, request, signal: scope.signal } as RunParams<any, any, any>).then(
      (output) => settle({ index, output }),
      (error) => settle({ index, error }),
    );
  };
  const settle = (result: RunManyResult<OrchestrationOutput>) => {
    inFlight--;
    finished.push(result);
    wake();
  };

  try {
    let index = 0;
    for await (const request of requests as AsyncIterable<unknown>) {
      if (scope.aborted) break;
      start(request, index++);
      while (inFlight >= concurrency || finished.length > 0) {
        if (finished.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        yield* finished.splice(0);
      }
    }
    while (inFlight > 0 || finished.length > 0) {
      if (finished.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      yield* finished.splice(0);
    }
  } finally {
    scope.abort(new Error("the loop over runMany was left"));
  }
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
