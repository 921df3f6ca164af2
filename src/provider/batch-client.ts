import type {
  Experimental_BatchV4,
  Experimental_BatchV4ItemResult,
  Experimental_BatchV4Status,
  LanguageModelV4CallOptions,
  SharedV4Warning,
} from "@ai-sdk/provider";
import { type Clock, schedule } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { asRefusal, mayBeThere, mayPass } from "./batch-errors.ts";
import type { BatchJournal, SentBatch } from "./batch-journal.ts";

/** Wait for batches, as a job shows it. */
export interface BatchWait {
  readonly why: string;
  /** Time of the next look. */
  readonly untilMs: number;
  readonly giveUpAtMs: number;
}

/** Parts of a queue. */
export interface BatchSettings {
  readonly api: Experimental_BatchV4;
  readonly modelId: string;
  readonly journal: BatchJournal;
  readonly clock: Clock;
  /** Longest wait for one batch. Default: none; providers end a batch after a day. */
  readonly maxWaitMs?: number | undefined;
  /** Hears that a batch was sent, found again, or has ended. */
  readonly onNews?: ((message: string) => void) | undefined;
  /** Hears what is waited for; `undefined` once it is there. */
  readonly onWait?: ((wait: BatchWait | undefined) => void) | undefined;
  /** Hears that a batch was not done in time. */
  readonly onLate?: ((message: string) => void) | undefined;
}

/** Request of one answer. */
export type Asked = Omit<LanguageModelV4CallOptions, "abortSignal">;

/** Answers of a batch that has ended, by the numbers of their requests. */
export interface Results {
  readonly status: Experimental_BatchV4Status;
  readonly items: ReadonlyMap<number, Experimental_BatchV4ItemResult>;
}

/** Waits between two looks at a batch. */
const [firstLookMs, longestLookMs] = [1_000, 60_000];
/** Waits before a batch is sent once more. */
export const firstRetryMs = 30_000;
const longestRetryMs = 600_000;
/** Longest time without a batch sent where no server was there at all: the address is more likely wrong than the server away. */
const unreachedMs = 60_000;
/** Difference between the clocks of the provider and of this machine, at most. */
const clockSkewMs = 600_000;

/**
 * Job: ask a provider about batches until it answers.
 * Boundary: knows neither calls nor what their answers mean.
 * Invariants:
 * 1. Where the provider may have taken a batch, it is looked for before it is sent again.
 * 2. Once no call waits, nothing more is asked, and no wait goes on.
 */
export class BatchClient {
  readonly #settings: BatchSettings;
  /** True while a call waits for an answer of any batch. */
  readonly #isWanted: () => boolean;
  /** The provider has taken a batch, so the address is right. */
  #hasAnswered = false;
  readonly #sleeping = new Set<() => void>();

  constructor(settings: BatchSettings, isWanted: () => boolean) {
    this.#settings = settings;
    this.#isWanted = isWanted;
  }

  /**
   * Starts a batch. Where the provider does not say if it has taken it, the batch is looked for before it is sent again.
   *
   * @param isAwaited true while a call waits for one of its answers
   * @returns the warnings of its requests; `undefined` where it was not sent, and no call waits for it any more
   * @throws the provider's refusal
   */
  async start(
    batch: SentBatch,
    asked: readonly Asked[],
    isAwaited: () => boolean,
  ): Promise<ReadonlyMap<string, SharedV4Warning[]> | undefined> {
    const { api, clock, modelId, journal, maxWaitMs = Number.POSITIVE_INFINITY } = this.#settings;
    const requests = asked.map((options, index) => ({
      id: requestId(batch, index),
      type: "text" as const,
      modelId,
      options,
    }));
    const sinceMs = clock.now();
    for (let delayMs = firstRetryMs; ; delayMs = Math.min(2 * delayMs, longestRetryMs)) {
      try {
        const started = await api.doStartBatch({
          requests,
          providerOptions: { gateway: { idempotencyKey: batch.mark } },
        });
        this.#hasAnswered = true;
        journal.name(batch, started.batchId);
        return warningsByRequest(started.warnings);
      } catch (error) {
        if (!mayPass(error)) {
          journal.drop(batch);
          throw asRefusal(error);
        }
        const giveUpAtMs = sinceMs + (this.#hasAnswered ? maxWaitMs : unreachedMs);
        if (clock.now() >= giveUpAtMs) {
          if (!mayBeThere(error)) journal.drop(batch);
          this.#settings.onLate?.(`No batch could be sent: ${messageOf(error)}`);
          throw error;
        }
        this.tell(`A batch could not be sent: ${messageOf(error)}`, clock.now() + delayMs, giveUpAtMs);
        await this.pass(delayMs);
        const found = mayBeThere(error) ? await this.find(batch) : undefined;
        if (found !== undefined) {
          journal.name(batch, found);
          return new Map();
        }
        if (isAwaited()) continue;
        journal.drop(batch);
        return undefined;
      }
    }
  }

  /**
   * Looks for a batch whose id was never heard among those that the provider has: its requests have its mark.
   *
   * @returns its id; `undefined` where the provider does not have it
   */
  async find({ mark, atMs, keys }: SentBatch): Promise<string | undefined> {
    const { api, journal } = this.#settings;
    if (!api.doListBatches) return undefined;
    const known = new Set(journal.batches.map(({ id }) => id));
    const mayBe: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#patiently(() => api.doListBatches?.({ limit: 100, ...(cursor && { cursor }) }));
      cursor = page?.nextCursor;
      for (const { batchId, createdAt, requestCounts } of page?.batches ?? []) {
        const createdMs = createdAt === undefined ? atMs : Date.parse(createdAt);
        // Lists begin with the latest.
        if (createdMs < atMs - clockSkewMs) cursor = undefined;
        else if (!known.has(batchId) && isOfSize(requestCounts?.total, keys.length)) mayBe.unshift(batchId);
      }
    } while (cursor !== undefined);
    for (const id of mayBe) {
      const results = await this.resultsOf(id, mark);
      if (results && results.items.size > 0) return id;
    }
    return undefined;
  }

  /**
   * Waits for the end of a batch, and reads its answers.
   *
   * @param sinceMs beginning of the wait
   * @returns `undefined` where no call waits any more, or the wait has lasted too long
   */
  async resultsOf(batchId: string, mark: string, sinceMs = this.#settings.clock.now()): Promise<Results | undefined> {
    const { api, clock, maxWaitMs = Number.POSITIVE_INFINITY, onLate } = this.#settings;
    for (let lookMs = firstLookMs; ; lookMs = Math.min(2 * lookMs, longestLookMs)) {
      if (!this.#isWanted()) return undefined;
      const status = await this.#patiently(() => api.doGetBatchStatus({ batchId }));
      if (status.status !== "pending") {
        const items = await this.#patiently(() => this.#itemsOf(batchId, mark, status));
        return { status, items };
      }
      const leftMs = sinceMs + maxWaitMs - clock.now();
      if (leftMs <= 0) {
        onLate?.(`Batch ${batchId} was not done in time. It was left to the provider`);
        return undefined;
      }
      const { completed = 0, total = 0 } = status.requestCounts ?? {};
      const untilMs = clock.now() + Math.min(lookMs, leftMs);
      this.tell(`batch ${batchId}: ${completed} of ${total} answered`, untilMs, sinceMs + maxWaitMs);
      await this.pass(Math.min(lookMs, leftMs));
    }
  }

  async #itemsOf(batchId: string, mark: string, { status, error }: Experimental_BatchV4Status) {
    const items = new Map<number, Experimental_BatchV4ItemResult>();
    // A batch that failed as a whole has no answers to read.
    if (status === "failed" && error) return items;
    for await (const item of await this.#settings.api.doGetBatchResults({ batchId })) {
      const [ofBatch, number] = item.id.split("-");
      if (ofBatch === mark && !items.has(Number(number))) items.set(Number(number), item);
    }
    return items;
  }

  /** Tells what is waited for. */
  tell(why: string, untilMs: number, giveUpAtMs = Number.POSITIVE_INFINITY): void {
    this.#settings.onWait?.({ why, untilMs, giveUpAtMs });
  }

  /** Waits, no longer than a call waits for its answer. */
  pass(ms: number): Promise<void> {
    if (!this.#isWanted()) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        stop();
        this.#sleeping.delete(wake);
        resolve();
      };
      const stop = schedule(this.#settings.clock, wake, ms);
      this.#sleeping.add(wake);
    });
  }

  /** Asks the provider about a batch until it answers: what passes by itself is waited for. */
  async #patiently<R>(ask: () => PromiseLike<R> | R): Promise<R> {
    for (let delayMs = firstLookMs; ; delayMs = Math.min(2 * delayMs, longestLookMs)) {
      try {
        return await ask();
      } catch (error) {
        if (!mayPass(error) || !this.#isWanted()) throw error;
        this.tell(messageOf(error), this.#settings.clock.now() + delayMs);
        await this.pass(delayMs);
      }
    }
  }

  /** Ends every wait: no call is left that needs it. */
  wake(): void {
    for (const wake of this.#sleeping) wake();
  }
}

/** Returns the id of a request in a batch. */
export function requestId({ mark }: SentBatch, index: number): string {
  return `${mark}-${index}`;
}

/** Some providers count the requests of a batch only after a while. */
function isOfSize(total: number | undefined, size: number): boolean {
  return !total || total === size;
}

function warningsByRequest(
  warnings: readonly { readonly requestId?: string; readonly warning: SharedV4Warning }[],
): ReadonlyMap<string, SharedV4Warning[]> {
  const found = new Map<string, SharedV4Warning[]>();
  for (const { requestId: id = "", warning } of warnings) found.set(id, [...(found.get(id) ?? []), warning]);
  return found;
}
