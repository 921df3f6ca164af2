import type { OrchestrationOutput } from "../contract/output.ts";
import type { RunManyParams, RunParams } from "../contract/run.ts";
import { CancelScope } from "../core/signal.ts";
import type { RunManyResult, RunOne } from "./run-many.ts";

const defaultConcurrency = 10;

/** Runs every request, so many at a time; takes the next one only when there is room for it. */
export async function* runAll(
  { requests, concurrency = defaultConcurrency, signal, ...shared }: RunManyParams<any, any, any>,
  run: RunOne,
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
