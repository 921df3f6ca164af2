import type { OrchestrationOutput } from "../../../src/contract/output.ts";
import { seededRandom } from "../../../src/core/random.ts";
import type { ReliabilityConfig } from "../../../src/guard/reliability-config.ts";
import { ReliableOrchestrator } from "../../../src/orchestrate/reliable-orchestrator.ts";
import { ReliabilityState } from "../../../src/orchestrate/state.ts";
import { createFakeClock } from "../../../src/testing/fake-clock.ts";
import { defineTool } from "../../../src/tool/define-tool.ts";

/** A failure as an HTTP client throws it. */
export function httpError(status: number, headers: Record<string, string> = {}, message = `status ${status}`): Error {
  return Object.assign(new Error(message), { status, headers });
}

interface SceneOptions {
  /** What a provider does with an input at a time: what it throws is its refusal. */
  readonly answer: (input: number, nowMs: number) => unknown;
  readonly count?: number;
  readonly requests?: Iterable<number> | AsyncIterable<number>;
  readonly concurrency?: number;
  readonly giveUpAfterMs?: number;
  readonly latencyMs?: number;
  readonly signal?: AbortSignal;
  readonly reliabilityConfig?: ReliabilityConfig;
}

export interface Ended {
  readonly outputs: ReadonlyMap<number, OrchestrationOutput>;
  readonly rejected: ReadonlyMap<number, unknown>;
  /** What the loop threw. */
  readonly error: any;
  readonly calls: readonly { readonly input: number; readonly atMs: number; readonly isRefused: boolean }[];
  readonly endedMs: number;
  /** Timers that are left. */
  readonly pending: number;
}

/** Runs a job over a provider that is written down, on a clock that no one waits for. */
export async function play(options: SceneOptions): Promise<Ended> {
  const { answer, count = 100, latencyMs = 100, reliabilityConfig, ...given } = options;
  const clock = createFakeClock();
  const calls: { input: number; atMs: number; isRefused: boolean }[] = [];
  const tool = defineTool({
    name: "asks",
    provider: "acme",
    async execute(input: number, _options, { signal }) {
      const call = { input, atMs: clock.now(), isRefused: false };
      calls.push(call);
      try {
        await clock.sleep(latencyMs, { signal });
        return answer(input, call.atMs);
      } catch (error) {
        call.isRefused = true;
        throw error;
      }
    },
  });
  const orchestrator = new ReliableOrchestrator({
    clock,
    random: seededRandom(7),
    state: new ReliabilityState({ clock }),
    reliabilityConfig,
  });
  const outputs = new Map<number, OrchestrationOutput>();
  const rejected = new Map<number, unknown>();
  let error: unknown;
  const loop = async () => {
    const requests = given.requests ?? Array.from({ length: count }, (_, index) => index);
    try {
      for await (const done of orchestrator.runMany({ ...given, tool, requests })) {
        if ("error" in done) rejected.set(done.index, done.error);
        else outputs.set(done.index, done.output);
      }
    } catch (thrown) {
      error = thrown;
    }
    return clock.now();
  };
  const running = loop();
  await clock.runAll();
  const endedMs = await running;
  return { outputs, rejected, error, calls, endedMs, pending: clock.pending };
}

export function refusedShare({ calls }: Ended): number {
  return calls.filter(({ isRefused }) => isRefused).length / calls.length;
}

export function statuses({ outputs }: Ended): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of outputs.values()) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
