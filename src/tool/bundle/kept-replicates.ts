import type { Replicate } from "../../contract/bundle.ts";
import type { ReplicatePlace } from "../../contract/call.ts";
import { readReplicate } from "./answers.ts";
import { type AskedSpec, type BundleAsking, specOf } from "./bundle-asking.ts";
import type { Asked, Failure } from "./replicate-scheduler.ts";

/** Takes a replicate from the journal of the run's key, and reports it; `undefined` where it is not there. */
export async function findJournaled(asking: BundleAsking<any, any>, index: number): Promise<Asked | undefined> {
  const { context, runtime } = asking;
  const { id, ...at } = specOf(asking, index);
  const place = placeOf(asking, at);
  const recorded = place && (await runtime.journal?.find(place, (kept) => readReplicate(asking, kept)));
  if (!recorded) return undefined;
  const replicate = Object.assign(recorded, { id });
  context.events.emit("replicate_done", { replicate, ...keptFacts(asking, runtime.journal?.whyUnkept(place)) });
  return { replicate };
}

/** Takes an answer that an earlier run has paid for, at no cost, and reports it; `undefined` where there is none. */
export async function takeFromShelf(asking: BundleAsking<any, any>, spec: AskedSpec): Promise<Asked | undefined> {
  const { id, index, seed, fields } = spec;
  const kept = fields ? undefined : asking.shelf?.find(index, seed);
  const read = kept && (await readReplicate(asking, kept));
  if (!read) return undefined;
  const { costUsd = null, savedUsd = 0 } = read;
  const saved = costUsd === null ? {} : { savedUsd: costUsd + savedUsd };
  const replicate = Object.assign(read, { id, costUsd: 0, elapsedMs: 0, reused: true as const, ...saved });
  asking.context.events.emit("replicate_done", { replicate, ...keptFacts(asking, undefined) });
  return { replicate };
}

/** Outcome of keeping a replicate: the reason why it is not kept, and the failure where the run may not go on. */
export interface Kept {
  readonly reason?: string | undefined;
  readonly failure?: Failure;
}

/** Keeps a replicate in the journal of the run's key, and a whole valid answer on the shelf of its question. */
export async function keepReplicate(
  asking: BundleAsking<any, any>,
  index: number,
  replicate: Replicate,
): Promise<Kept> {
  const kept = await journal(asking, index, replicate);
  if (replicate.valid && !replicate.fields) await asking.shelf?.append(index, replicate);
  return kept;
}

async function journal(asking: BundleAsking<any, any>, index: number, replicate: Replicate): Promise<Kept> {
  const { journal, failureOf } = asking.runtime;
  if (!replicate.valid) return { reason: "the answer is not valid" };
  if (!journal) return { reason: "the run goes on without its store" };
  const place = placeOf(asking, { index, seed: replicate.seed });
  if (!place) return { reason: "the request has no JSON form that tells it from others" };
  try {
    return { reason: await journal.append(place, replicate) };
  } catch (error) {
    const facts = failureOf(error, 1);
    return { reason: facts.message, failure: { error, facts } };
  }
}

function placeOf(
  { tool, stage, question }: BundleAsking<any, any>,
  { index, seed }: Pick<AskedSpec, "index" | "seed">,
): ReplicatePlace | undefined {
  return question === undefined ? undefined : { toolName: tool.name, stage, index, seed, question };
}

/** Facts of `replicate_done` about the store; none without an idempotency key. */
export function keptFacts({ context }: BundleAsking<any, any>, reason: string | undefined) {
  if (context.idempotencyKey === undefined) return {};
  return reason === undefined ? { kept: true } : { kept: false, reason };
}
