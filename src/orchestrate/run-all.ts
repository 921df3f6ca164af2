import { CancelledError } from "../contract/errors.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { RunManyParams, RunParams } from "../contract/run.ts";
import { asRejection } from "../core/error-marks.ts";
import { CancelScope } from "../core/signal.ts";
import { InputSource } from "./input-source.ts";
import type { RunManyResult, RunOne } from "./run-many.ts";

const defaultConcurrency = 10;

type Result = RunManyResult<OrchestrationOutput>;

/**
 * Runs every request, `concurrency` at a time. A result is given out as soon as it is there, also while the next request is
 * waited for; the next request is taken only when there is room for it.
 */
export async function* runAll(
  { requests, concurrency = defaultConcurrency, signal, ...shared }: RunManyParams<any, any, any>,
  run: RunOne,
): AsyncGenerator<Result, void> {
  const scope = new CancelScope(signal);
  const finished: Result[] = [];
  let failure: { readonly error: unknown } | undefined;
  let runningCount = 0;
  let wake = () => {};
  scope.onAbort(() => wake());

  const settle = (result: Result) => {
    runningCount--;
    finished.push(result);
    wake();
  };
  const start = (request: unknown, index: number) => {
    if (scope.aborted) return;
    runningCount++;
    run({ ...shared, request, signal: scope.signal } as RunParams<any, any, any>).then(
      (output) => settle({ index, output }),
      (error) => settle({ index, error }),
    );
  };
  const source = new InputSource<unknown>(requests, {
    accept: start,
    fail: (error) => {
      failure = { error };
    },
    onTaken: () => wake(),
  });

  try {
    for (;;) {
      const isOver = source.isExhausted || scope.aborted;
      if (!isOver && !source.isTaking && runningCount < concurrency) void source.take();
      if (finished.length > 0) yield* finished.splice(0);
      else if (isOver && runningCount === 0) break;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
    // The results of runs that were running when the source failed have been given out.
    if (failure) throw failure.error;
    // A loop that ends without an error says that every request has had its run.
    if (!source.isExhausted) throw asRejection(new CancelledError(scope.reason));
  } finally {
    scope.abort(new Error("the loop over runMany was left"));
    await source.close();
  }
}
