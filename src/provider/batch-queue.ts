import type {
  Experimental_BatchV4,
  Experimental_BatchV4Error,
  Experimental_BatchV4ItemResult,
  Experimental_BatchV4Status,
  LanguageModelV4CallOptions,
  LanguageModelV4GenerateResult,
  SharedV4Warning,
} from "@ai-sdk/provider";
import { type Clock, schedule, wallClock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { onAbort } from "../core/signal.ts";
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

type Asked = Omit<LanguageModelV4CallOptions, "abortSignal">;

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

interface Results {
  readonly status: Experimental_BatchV4Status;
  readonly items: ReadonlyMap<number, Experimental_BatchV4ItemResult>;
}

/** Time without a further call after which those that were gathered are sent. */
const gatheringMs = 1_000;
/** Least of the vendors' limits: https://platform.openai.com/docs/guides/batch, "Rate limits": 50,000 requests and 200 MB. */
const mostRequests = 50_000;
const mostBytes = 150_000_000;
/** Waits between two looks at a batch. */
const [firstLookMs, longestLookMs] = [1_000, 60_000];
/** Waits before a batch is sent once more. */
const [firstRetryMs, longestRetryMs] = [30_000, 600_000];
/** Longest time without a batch sent where no server was there at all: the address is more likely wrong than the server away. */
const unreachedMs = 60_000;
/** Further batches that a request goes into after the provider left it unanswered. */
const mostMisses = 3;
/** Difference between the clocks of the provider and of this machine, at most. */
const clockSkewMs = 600_000;

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
  /** Places of answers that were paid for, or may be, by the key of their request. */
  readonly #places = new Map<string, Place[]>();
  readonly #followed = new Map<SentBatch, Following>();
  #gathered: Entry[] = [];
  #gatheredBytes = 0;
  #mostRequests = mostRequests;
  #stopGathering = () => {};
  /** The provider has taken a batch, so the address is right. */
  #hasAnswered = false;
  /** Calls that wait for an answer. Without any, nothing more is asked of the provider. */
  #waitingCount = 0;
  readonly #sleeping = new Set<() => void>();

  constructor(settings: BatchSettings) {
    this.#settings = settings;
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
          if (--this.#waitingCount === 0) for (const wake of this.#sleeping) wake();
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
      const warnings = await this.#start(batch, entries);
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

  /**
   * Starts a batch. Where the provider does not say if it has taken it, the batch is looked for before it is sent again.
   *
   * @returns the warnings of its requests; `undefined` where it was not sent, and no call waits for it any more
   * @throws the provider's refusal
   */
  async #start(
    batch: SentBatch,
    entries: readonly Entry[],
  ): Promise<ReadonlyMap<string, SharedV4Warning[]> | undefined> {
    const { api, clock, modelId, journal, maxWaitMs = Number.POSITIVE_INFINITY } = this.#settings;
    const requests = entries.map(({ asked }, index) => ({
      id: requestId(batch, index),
      type: "text" as const,
      modelId,
      options: asked,
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
        this.#tell(`A batch could not be sent: ${messageOf(error)}`, clock.now() + delayMs, giveUpAtMs);
        await this.#pass(delayMs);
        const found = mayBeThere(error) ? await this.#find(batch) : undefined;
        if (found !== undefined) {
          journal.name(batch, found);
          return new Map();
        }
        if (entries.some(({ isOver }) => !isOver)) continue;
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
  async #find({ mark, atMs, keys }: SentBatch): Promise<string | undefined> {
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
      const results = await this.#resultsOf(id, mark);
      if (results && results.items.size > 0) return id;
    }
    return undefined;
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
        const found = await this.#find(batch);
        if (found === undefined) return this.#lose(following);
        journal.name(batch, found);
      }
      if (!following.isOwn) onNews?.(`Batch ${batch.id}: found again, ${counted(batch.keys.length)}.`);
      const results = await this.#resultsOf(batch.id as string, batch.mark, following.sinceMs);
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
    this.#tell("The account takes no batch of this size at this time", this.#settings.clock.now() + firstRetryMs);
    await this.#pass(firstRetryMs);
  }

  /**
   * Waits for the end of a batch, and reads its answers.
   *
   * @param sinceMs beginning of the wait
   * @returns `undefined` where no call waits any more, or the wait has lasted too long
   */
  async #resultsOf(batchId: string, mark: string, sinceMs = this.#settings.clock.now()): Promise<Results | undefined> {
    const { api, clock, maxWaitMs = Number.POSITIVE_INFINITY, onLate } = this.#settings;
    for (let lookMs = firstLookMs; ; lookMs = Math.min(2 * lookMs, longestLookMs)) {
      if (this.#waitingCount === 0) return undefined;
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
      this.#tell(`batch ${batchId}: ${completed} of ${total} answered`, untilMs, sinceMs + maxWaitMs);
      await this.#pass(Math.min(lookMs, leftMs));
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

  // ---- time

  #tell(why: string, untilMs: number, giveUpAtMs = Number.POSITIVE_INFINITY): void {
    this.#settings.onWait?.({ why, untilMs, giveUpAtMs });
  }

  /** Waits, no longer than a call waits for its answer. */
  #pass(ms: number): Promise<void> {
    if (this.#waitingCount === 0) return Promise.resolve();
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
        if (!mayPass(error) || this.#waitingCount === 0) throw error;
        this.#tell(messageOf(error), this.#settings.clock.now() + delayMs);
        await this.#pass(delayMs);
      }
    }
  }
}

type Failed = { readonly error?: Experimental_BatchV4Error | undefined } | undefined;

function requestId({ mark }: SentBatch, index: number): string {
  return `${mark}-${index}`;
}

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

/** OpenAI takes so many tokens at once: https://platform.openai.com/docs/guides/batch, "Rate limits". */
function isTooMuch({ status }: Results): boolean {
  return status.status === "failed" && status.error?.code === "token_limit_exceeded";
}

const passingStatuses: ReadonlySet<number> = new Set([408, 409, 425, 429]);

function isPassingStatus(status: number): boolean {
  return status >= 500 || passingStatuses.has(status);
}

/** Tells an error of the network, or a server's, from a refusal. */
function mayPass(error: unknown): boolean {
  const { statusCode, isRetryable } = (error ?? {}) as { statusCode?: unknown; isRetryable?: unknown };
  if (typeof statusCode === "number") return isPassingStatus(statusCode);
  if (isRetryable === true) return true;
  for (let at = error; at instanceof Error; at = at.cause)
    if (/^(?:E[A-Z]{3,}|UND_ERR_\w+)$/.test(String((at as { code?: unknown }).code))) return true;
  return false;
}

/** Tells if the provider may have taken what it did not answer: without a connection it has not. */
function mayBeThere(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if (/^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/.test(String((at as { code?: unknown }).code))) return false;
  return true;
}

/** A package that cannot ask for a schema in a batch says so in its own words: say it as servers do. */
function asRefusal(error: unknown): unknown {
  const { functionality } = (error ?? {}) as { functionality?: unknown };
  if (!String(functionality).includes("responseFormat")) return error;
  return new Error(`response_format is not supported: ${messageOf(error)}`, { cause: error });
}

function unreadableBatch(error: unknown, { id }: SentBatch, path: string | undefined): unknown {
  const { statusCode } = (error ?? {}) as { statusCode?: unknown };
  if (id === undefined || statusCode === 401 || statusCode === 403) return error;
  const anew = path === undefined ? "" : ` To pay for its questions anew, delete ${path}.`;
  const message = `Batch ${id} cannot be read: ${messageOf(error)}. Its answers may be paid for: use the key of the account that sent it.${anew}`;
  return Object.assign(new Error(message, { cause: error }), { statusCode: 401 });
}

/** Statuses of Anthropic's types: https://platform.claude.com/docs/en/api/errors. */
const statusOfType: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

/** Error of one request of a batch. */
class BatchItemError extends Error {
  override readonly name = "BatchItemError";
  readonly statusCode: number;
  readonly data: unknown;
  /** The provider has not answered it, and does not bill it: it can go into the next batch. */
  readonly isUnanswered: boolean;

  /** @param word status of the request, or of its batch where that says nothing of the request */
  constructor(word: string, { message, type, code, statusCode }: Partial<Experimental_BatchV4Error> = {}) {
    super(message ?? `The batch has no answer to this request: ${word}`);
    const isCancelled = word === "cancelled" || word === "canceled";
    const isExpired = word === "expired";
    this.statusCode = statusCode ?? statusOfType[type ?? ""] ?? (isExpired || word === "completed" ? 504 : 400);
    this.data = { error: { message, type, code } };
    this.isUnanswered = !isCancelled && (isExpired || isPassingStatus(this.statusCode));
  }
}
