import type { OrchestrationOutput } from "../contract/output.ts";
import type { RunManyParams, RunParams } from "../contract/run.ts";
import { lazily } from "../core/lazily.ts";
import type { Accepted } from "../evidence/accept-answers.ts";

/**
 * End of one of many runs. `index` counts the requests from 0. With `accept`, `accepted` tells an accepted answer (`true`) from one
 * to review and from one that is wrong, or that there is none of (`false`); answers with a higher `score` are surer.
 */
export type RunManyResult<Output> = ({ index: number; output: Output } | { index: number; error: unknown }) & {
  accepted?: Accepted;
  score?: number | null;
};

const loadRunAll = lazily(() => import("./run-all.ts"));

/** Starts a single run. */
export type RunOne = (params: RunParams<any, any, any>) => Promise<OrchestrationOutput>;

/** Runs of many requests, started as they are iterated. */
export function runMany(
  params: RunManyParams<any, any, any>,
  run: RunOne,
): AsyncIterable<RunManyResult<OrchestrationOutput>> {
  return {
    async *[Symbol.asyncIterator]() {
      const { runAll } = await loadRunAll();
      yield* runAll(params, run);
    },
  };
}
