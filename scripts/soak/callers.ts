import type { Random } from "../../src/core/random.ts";
import { JobStoppedError, type OrchestrationStream, type ReliableOrchestrator } from "../../src/index.ts";
import { below, pick } from "./chance.ts";
import type { Tally } from "./tally.ts";

/** A run as a caller asks for it. */
export interface Asked {
  readonly orchestrator: ReliableOrchestrator<any>;
  readonly params: Readonly<Record<string, any>>;
  readonly random: Random;
  readonly tally: Tally;
}

/** After how many events a reader has seen enough. */
const patience = 14;
const manyRequests = 5;
const giveUpAfterMs = 1_000;

/** Takes a run as one of many kinds of callers does. Rejects where the run does. */
export function takeRun(asked: Asked): Promise<void> {
  return pick(manners, asked.random)(asked);
}

type Manner = (asked: Asked) => Promise<void>;

const ask: Manner = async ({ orchestrator, params, tally }) => {
  tally.completed(await orchestrator.run(params as never), params["options"].requestId);
};

const readAll: Manner = async (asked) => {
  const stream = streamOf(asked);
  for await (const _event of stream);
  await take(stream, asked);
};

const leaveHalfWay: Manner = async (asked) => {
  const stream = streamOf(asked);
  let left = below(patience, asked.random);
  for await (const _event of stream) if (left-- === 0) break;
  await take(stream, asked);
};

const cancelHalfWay: Manner = async (asked) => {
  const stream = streamOf(asked);
  let left = below(patience, asked.random);
  for await (const _event of stream) if (left-- === 0) stream.cancel();
  await take(stream, asked);
};

const disposeHalfWay: Manner = async (asked) => {
  const stream = streamOf(asked);
  const events = stream[Symbol.asyncIterator]();
  for (let left = below(patience, asked.random); left > 0; left--) await events.next();
  await stream[Symbol.asyncDispose]();
  await take(stream, asked);
};

const neverRead: Manner = async (asked) => take(streamOf(asked), asked);

const askMany: Manner = async ({ orchestrator, params, random, tally }) => {
  const { request, options, ...shared } = params;
  const { idempotencyKey, requestId, ...ofEach } = options;
  const requests = Array.from({ length: manyRequests }, () => request);
  const job = { ...shared, options: ofEach, requests, concurrency: 3, giveUpAfterMs };
  let left = below(2 * manyRequests, random);
  try {
    for await (const done of orchestrator.runMany(job as never)) {
      if ("error" in done) tally.rejected(done.error);
      else tally.completed(done.output);
      if (left-- === 0) break;
    }
  } catch (error) {
    // A key that no request gets an answer with, or a provider that stays away, ends a job.
    if (!JobStoppedError.isInstance(error)) throw error;
  }
};

const manners: readonly Manner[] = [
  ask,
  ask,
  ask,
  readAll,
  readAll,
  leaveHalfWay,
  leaveHalfWay,
  cancelHalfWay,
  disposeHalfWay,
  neverRead,
  askMany,
];

function streamOf({ orchestrator, params }: Asked): OrchestrationStream {
  return orchestrator.stream(params as never);
}

async function take(stream: OrchestrationStream, { params, tally }: Asked): Promise<void> {
  tally.completed(await stream.output, params["options"].requestId);
}
