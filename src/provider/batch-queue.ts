import type {
  Experimental_BatchV4Error,
  Experimental_BatchV4Status,
  LanguageModelV4GenerateResult,
  SharedV4Warning,
} from "@ai-sdk/provider";
import { schedule, wallClock } from "../core/clock.ts";
import { onAbort } from "../core/signal.ts";
import { type Asked, BatchClient, type BatchSettings, firstRetryMs, type Results, requestId } from "./batch-client.ts";
import { BatchItemError, unreadableBatch } from "./batch-errors.ts";
import type { SentBatch } from "./batch-journal.ts";

/** One call that waits for its answer. */
interface Entry {
  readonly key: string;
  readonly asked: Asked;
  readonly resolve: (result: LanguageModelV4GenerateResult) => void;
  readonly reject: (error: unknown) => void;
  /** Batches of this process in which the provider left it unanswered. */
  misses: number;
  isOver: boolean;
}

/** Place of a request in a batch. */
interface Place {
  readonly batch: SentBatch;
  readonly index: number;
}

/** Batch whose answers are waited for. */
interface Following {
  readonly batch: SentBatch;
  readonly waiting: Map<number, Entry>;
  readonly sinceMs: number;
  /** Warnings of the start, by the id of the request. */
  readonly warnings: ReadonlyMap<string, SharedV4Warning[]>;
  /** Sent by this process: an answer that it lacks is asked for again, and that is counted. */
  readonly isOwn: boolean;
  results: Results | undefined;
}

/** Time without a further call after which those that were gathered are sent. */
const gatheringMs = 1_000;
/** Least of the vendors' limits: https://platform.openai.com/docs/guides/batch, "Rate limits": 50,000 requests and 200 MB. */
const mostRequests = 50_000;
const mostBytes = 150_000_000;
/** Further batches that a request goes into after the provider left it unanswered. */
const mostMisses = 3;

/**
 * Job: gather calls, send them in batches, and give each its answer.
 * Boundary: knows neither jobs nor bundles; what an error means is decided elsewhere.
 * Invariants:
 * 1. No batch is sent before the journal has it, and none is sent again before it is known that the provider does not have it.
 * 2. A request that a batch of the journal holds is never sent in another one, unless that batch leaves it unanswered.
 * 3. Answers are told apart by the ids of their requests, whatever order they come in.
 * 4. A call that aborts leaves its answer where it is: the next call of the same key has it.
 */
export class BatchQueue {
  readonly #settings: BatchSettings;
  readonly #client: BatchClient;
  /** Places of answers that were paid for, or may be, by the key of their request. */
  readonly #places = new Map<string, Place[]>();
  readonly #followed = new Map<SentBatch, Following>();
  #gathered: Entry[] = [];
  #gatheredBytes = 0;
  #mostRequests = mostRequests;
  #stopGathering = () => {};
  /** Calls that wait for an answer. Without any, nothing more is asked of the provider. */
  #waitingCount = 0;

  constructor(settings: BatchSettings) {
    this.#settings = settings;
    this.#client = new BatchClient(settings, () => this.#waitingCount > 0);
    for (const batch of settings.journal.batches)
      for (const [index, key] of batch.keys.entries()) this.#keepPlace(key, { batch, index });
  }

  /**
   * Asks for one answer.
   *
   * @param key that only calls which ask the same have
   * @throws the signal's reason after an abort, or what the provider says of the request
   */
  ask(key: string, asked: Asked, signal: AbortSignal | undefined): Promise<LanguageModelV4GenerateResult> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const settled =
        <R>(settle: (value: R) => void) =>
        (value: R) => {
          entry.isOver = true;
          stopListening();
          if (--this.#waitingCount === 0) this.#client.wake();
          settle(value);
        };
      const entry: Entry = { key, asked, resolve: settled(resolve), reject: settled(reject), misses: 0, isOver: false };
      const stopListening = signal ? onAbort(signal, () => this.#leave(entry, signal.reason)) : () => {};
      this.#waitingCount++;
      this.#place(entry);
    });
  }

  // ---- gathering

  #place(entry: Entry): void {
    if (entry.isOver) return;
    const place = this.#places.get(entry.key)?.shift();
    if (place) this.#wait(place, entry);
    else this.#gather(entry);
  }

  #keepPlace(key: string, place: Place): void {
    const places = this.#places.get(key);
    if (places) places.push(place);
    else this.#places.set(key, [place]);
  }

  #gather(entry: Entry): void {
    this.#gathered.push(entry);
    this.#gatheredBytes += JSON.stringify(entry.asked).length;
    this.#stopGathering();
    if (this.#gathered.length >= this.#mostRequests || this.#gatheredBytes >= mostBytes) this.#sendGathered();
    else this.#stopGathering = schedule(this.#settings.clock, () => this.#sendGathered(), gatheringMs);
  }

  #sendGathered(): void {
    const entries = this.#gathered;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    for (let at = 0; at < entries.length; at += this.#mostRequests)
      void this.#send(entries.slice(at, at + this.#mostRequests));
  }

  #leave(entry: Entry, reason: unknown): void {
    this.#gathered = this.#gathered.filter((each) => each !== entry);
    if (this.#gathered.length === 0) this.#stopGathering();
    for (const following of this.#followed.values()) {
      const index = [...following.waiting].find(([, each]) => each === entry)?.[0];
      if (index === undefined) continue;
      following.waiting.delete(index);
      this.#giveBack(following.batch, index);
    }
    entry.reject(reason);
  }

  /** Leaves an answer to the next call of its key. */
  #giveBack(batch: SentBatch, index: number): void {
    const key = batch.keys[index] as string;
    this.#places.set(key, [{ batch, index }, ...(this.#places.get(key) ?? [])]);
  }

  // ---- sending

  async #send(entries: readonly Entry[]): Promise<void> {
    const { journal, onNews } = this.#settings;
    let batch: SentBatch | undefined;
    try {
      const keys = entries.map(({ key }) => key);
      batch = journal.begin(keys, wallClock.now());
      const warnings = await this.#client.start(
        batch,
        entries.map(({ asked }) => asked),
        () => entries.some(({ isOver }) => !isOver),
      );
      if (!warnings) return;
      onNews?.(`Batch ${batch.id}: ${counted(entries.length)} sent.`);
      this.#follow(batch, true, warnings);
      for (const [index, entry] of entries.entries()) {
        if (entry.isOver) this.#giveBack(batch, index);
        else this.#wait({ batch, index }, entry);
      }
    } catch (error) {
      const isKnown = batch !== undefined && journal.batches.includes(batch);
      for (const [index, entry] of entries.entries()) {
        if (batch && isKnown) this.#giveBack(batch, index);
        if (!entry.isOver) entry.reject(error);
      }
    }
  }

  // ---- following

  #wait({ batch, index }: Place, entry: Entry): void {
    const following = this.#follow(batch, false);
    if (following.results) this.#settle(following, following.results, index, entry);
    else following.waiting.set(index, entry);
  }

  #follow(batch: SentBatch, isOwn: boolean, warnings: Following["warnings"] = new Map()): Following {
    const known = this.#followed.get(batch);
    if (known) return known;
    const sinceMs = this.#settings.clock.now();
    const following: Following = {
      batch,
      waiting: new Map(),
      sinceMs,
      warnings,
      isOwn,
      results: undefined,
    };
    this.#followed.set(batch, following);
    void this.#pursue(following);
    return following;
  }

  async #pursue(following: Following): Promise<void> {
    const { batch, waiting } = following;
    const { journal, onNews, onWait } = this.#settings;
    try {
      // Those that wait have their places by then.
      await undefined;
      if (batch.id === undefined) {
        const found = await this.#client.find(batch);
        if (found === undefined) return this.#lose(following);
        journal.name(batch, found);
      }
      if (!following.isOwn) onNews?.(`Batch ${batch.id}: found again, ${counted(batch.keys.length)}.`);
      const results = await this.#client.resultsOf(batch.id as string, batch.mark, following.sinceMs);
      if (!results) {
        this.#followed.delete(batch);
        return;
      }
      if (!batch.hasEnded) {
        journal.end(batch);
        onNews?.(`Batch ${batch.id}: ${describeEnd(results, batch.keys.length)}.`);
      }
      onWait?.(undefined);
      following.results = results;
      if (isTooMuch(results)) await this.#sendLess(batch);
      for (const [index, entry] of waiting) this.#settle(following, results, index, entry);
      waiting.clear();
    } catch (error) {
      this.#followed.delete(batch);
      const told = unreadableBatch(error, batch, journal.path);
      for (const [index, entry] of waiting) {
        this.#giveBack(batch, index);
        entry.reject(told);
      }
    }
  }

  /** The provider does not have the batch: it was never sent, and its requests are. */
  #lose({ batch, waiting }: Following): void {
    this.#settings.journal.drop(batch);
    this.#followed.delete(batch);
    for (const [key, places] of this.#places)
      this.#places.set(
        key,
        places.filter((place) => place.batch !== batch),
      );
    for (const entry of waiting.values()) this.#place(entry);
  }

  /** The account may not have so many tokens in batches at once: fewer go into the next ones, a while later. */
  async #sendLess({ keys }: SentBatch): Promise<void> {
    this.#mostRequests = Math.max(1, Math.ceil(Math.min(keys.length, this.#mostRequests) / 2));
    this.#client.tell(
      "The account takes no batch of this size at this time",
      this.#settings.clock.now() + firstRetryMs,
    );
    await this.#client.pass(firstRetryMs);
  }

  #settle(following: Following, { items, status }: Results, index: number, entry: Entry): void {
    if (entry.isOver) return;
    const item = items.get(index);
    const warnings = following.warnings.get(requestId(following.batch, index)) ?? [];
    if (item?.type === "text" && item.status === "succeeded") {
      const { result } = item;
      entry.resolve({ ...result, warnings: [...result.warnings, ...warnings] });
      return;
    }
    const error = new BatchItemError(item?.status ?? wordOf(status), (item as Failed)?.error ?? status.error);
    const isLeft = error.isUnanswered || isTooMuch({ items, status });
    if (isLeft && !isTooMuch({ items, status }) && following.isOwn) entry.misses++;
    if (isLeft && entry.misses <= mostMisses) this.#place(entry);
    else entry.reject(error);
  }
}

type Failed = { readonly error?: Experimental_BatchV4Error | undefined } | undefined;

function counted(count: number): string {
  return `${count} ${count === 1 ? "request" : "requests"}`;
}

function describeEnd({ items, status }: Results, count: number): string {
  const answered = [...items.values()].filter((item) => item.status === "succeeded").length;
  const why = status.error ? `: ${status.error.message}` : "";
  return `${wordOf(status) === "completed" ? "done" : wordOf(status)}, ${answered} of ${count} answered${why}`;
}

/** The provider's own word for a batch that has ended before its time. */
function wordOf({ status, rawStatus }: Experimental_BatchV4Status): string {
  return status === "failed" ? (rawStatus ?? status) : status;
}

/** OpenAI takes so many tokens at once: https://platform.openai.com/docs/guides/batch, "Rate limits". */
function isTooMuch({ status }: Results): boolean {
  return status.status === "failed" && status.error?.code === "token_limit_exceeded";
}
