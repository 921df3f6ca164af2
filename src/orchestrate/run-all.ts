import { CancelledError } from "../contract/errors.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { RunManyParams, RunParams } from "../contract/run.ts";
import { asRejection } from "../core/error-marks.ts";
import { CancelScope } from "../core/signal.ts";
import type { RunManyResult, RunOne } from "./run-many.ts";

const defaultConcurrency = 10;

type Result = RunManyResult<OrchestrationOutput>;

/**
 * Runs every request, so many at a time. A result is given out as soon as it is there, also while the next request is
 * waited for; the next request is taken only when there is room for it.
 */
export async function* runAll(
  { requests, concurrency = defaultConcurrency, signal, ...shared }: RunManyParams<any, any, any>,
  run: RunOne,
): AsyncGenerator<Result, void> {
  const scope = new CancelScope(signal);
  const source = iterate(requests);
  const finished: Result[] = [];
  const runs = new Set<number>();
  let wake = () => {};
  scope.onAbort(() => wake());
  let taking: Promise<void> | undefined;
  let isExhausted = false;
  let failure: { readonly error: unknown } | undefined;
  let count = 0;

  const settle = (result: Result) => {
    runs.delete(result.index);
    finished.push(result);
    wake();
  };
  const start = (request: unknown) => {
    const index = count++;
    runs.add(index);
    run({ ...shared, request, signal: scope.signal } as RunParams<any, any, any>).then(
      (output) => settle({ index, output }),
      (error) => settle({ index, error }),
    );
  };
  const take = async () => {
    try {
      const next = await source.next();
      if (next.done) isExhausted = true;
      else if (!scope.aborted) start(next.value);
    } catch (error) {
      failure = { error };
      isExhausted = true;
    }
    taking = undefined;
    wake();
  };

  try {
    for (;;) {
      const isOver = isExhausted || scope.aborted;
      if (!isOver && !taking && runs.size < concurrency) taking = take();
      if (finished.length > 0) yield* finished.splice(0);
      else if (isOver && runs.size === 0) break;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
    // The results of runs that were running when the source failed have been given out.
    if (failure) throw failure.error;
    // An end of the loop would say that every request has had its run.
    if (!isExhausted) throw asRejection(new CancelledError(scope.reason));
  } finally {
    scope.abort(new Error("the loop over runMany was left"));
    // A source that is being waited for answers nothing else, perhaps never again.
    const returned = isExhausted ? undefined : source.return?.();
    if (taking) returned?.catch(() => {});
    else await returned;
  }
}

/** Both kinds alike, of which none throws where it could reject. */
export function iterate(requests: Iterable<unknown> | AsyncIterable<unknown>): AsyncIterator<unknown> {
  const iterator = Symbol.asyncIterator in requests ? requests[Symbol.asyncIterator]() : requests[Symbol.iterator]();
  return {
    next: async () => iterator.next(),
    return: async () => iterator.return?.() ?? { value: undefined, done: true },
  };
}
