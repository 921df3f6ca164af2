import { type Clock, schedule } from "../core/clock.ts";
import { Line } from "../core/line.ts";
import type { CancelScope } from "../core/signal.ts";

/**
 * Job: let calls start no faster than their limits allow, and use what those allow.
 * Boundary: knows no names of models and no errors; which limits a call is under is decided in pacer.ts and adaptive-rate.ts.
 * Invariants:
 * 1. In any window of a second or longer, a lane starts at most what its rate gives for that window, and one call more.
 * 2. A call takes from all its lanes at the moment in which it starts: nothing is reserved for later.
 * 3. Calls of one key start in the order in which they came; between keys, the older call has a lane that both wait for.
 * 4. One timer, while a call waits that time alone lets start; none otherwise.
 */

/** Lateness of a timer that costs nothing: a call that starts so late leaves the next one its time. */
const toleranceMs = 25;
/** Time that may be made up for tokens that calls were expected to use and did not. */
const longestCreditMs = 1000;
/** Share of a rate that is used, so that no window of a second holds more than the rate because of late timers. */
const usedShare = 1000 / (1000 + toleranceMs);

/**
 * One rate, by the generic cell rate algorithm: the time at which all that has started would be paid for, and nothing
 * else, is its state.
 */
export class Rate {
  /** Amount for each millisecond; `Infinity` where there is no limit. */
  perMs: number;
  #paidForAtMs = 0;
  /** Time given back too late to be used at once: it is paid with before any other. */
  #creditMs = 0;

  constructor(perMs: number) {
    this.perMs = perMs;
  }

  static perMinute(amount: number): Rate {
    return new Rate((amount / 60_000) * usedShare);
  }

  /** Time from which the next call may start. */
  get readyAtMs(): number {
    return this.#paidForAtMs - toleranceMs;
  }

  /** Lets nothing start before. */
  holdUntil(atMs: number): void {
    this.#paidForAtMs = Math.max(this.#paidForAtMs, atMs + toleranceMs);
  }

  /** Forgets what was taken. */
  clear(): void {
    this.#paidForAtMs = 0;
    this.#creditMs = 0;
  }

  take(amount: number, nowMs: number): void {
    const costMs = amount / this.perMs;
    const paidMs = Math.min(costMs, this.#creditMs);
    this.#creditMs -= paidMs;
    this.#paidForAtMs = Math.max(this.#paidForAtMs, nowMs) + costMs - paidMs;
  }

  /** Gives back what a call was expected to take and did not. */
  giveBack(amount: number, nowMs: number): void {
    const aheadMs = Math.max(0, this.#paidForAtMs - nowMs);
    const backMs = amount / this.perMs;
    this.#paidForAtMs -= Math.min(aheadMs, backMs);
    this.#creditMs = Math.min(longestCreditMs, this.#creditMs + Math.max(0, backMs - aheadMs));
  }
}

/** Amounts that a call takes. */
export interface PaceCost {
  readonly requests: number;
  readonly tokens: number;
}

/** Limits that calls share. */
export class Lane {
  readonly requests: Rate | undefined;
  readonly tokens: Rate | undefined;
  readonly maxConcurrent: number;
  /** Calls that have started and not ended. */
  inFlight = 0;

  constructor(limits: { requests?: Rate | undefined; tokens?: Rate | undefined; maxConcurrent?: number | undefined }) {
    this.requests = limits.requests;
    this.tokens = limits.tokens;
    this.maxConcurrent = limits.maxConcurrent ?? Number.POSITIVE_INFINITY;
  }

  /** Time from which a call may start; `Infinity` where another one has to end first. */
  get readyAtMs(): number {
    if (this.inFlight >= this.maxConcurrent) return Number.POSITIVE_INFINITY;
    return Math.max(this.requests?.readyAtMs ?? 0, this.tokens?.readyAtMs ?? 0);
  }

  start({ requests, tokens }: PaceCost, nowMs: number): void {
    this.inFlight++;
    this.requests?.take(requests, nowMs);
    this.tokens?.take(tokens, nowMs);
  }

  end(): void {
    this.inFlight--;
  }

  /** Corrects the tokens that were expected of a call. */
  correct(expectedTokens: number, tokens: number, nowMs: number): void {
    if (tokens > expectedTokens) this.tokens?.take(tokens - expectedTokens, nowMs);
    else this.tokens?.giveBack(expectedTokens - tokens, nowMs);
  }
}

/** A call that has started, and has still to say what it used. */
export interface Start {
  /** The call has ended: corrects the tokens that were expected of it. Only the first time counts. */
  settle(actual: { readonly tokens: number }): void;
}

/** A call that waits for its lanes. */
interface Waiting {
  readonly order: number;
  readonly lanes: readonly Lane[];
  readonly cost: PaceCost;
  leaveLine(): void;
  start: Start | undefined;
  onStart: ((start: Start) => void) | undefined;
}

/** Calls that wait for their lanes, first come, first served. */
export class LaneQueue {
  readonly #clock: Clock;
  /** Only keys of which calls wait. */
  readonly #waiting = new Map<string, Line<Waiting>>();
  /** Times until which no call of a key starts. */
  readonly #pausedUntilMs = new Map<string, number>();
  #order = 0;
  #timer: { readonly atMs: number; readonly stop: () => void } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Starts a call as soon as all its lanes let it.
   *
   * @param key calls of one key keep their order
   * @returns a promise where the call has to wait; it rejects with the reason as soon as `scope` is aborted
   */
  enter(key: string, lanes: readonly Lane[], cost: PaceCost, scope?: CancelScope | undefined): Start | Promise<Start> {
    const order = this.#order++;
    const call: Waiting = { order, lanes, cost, leaveLine() {}, start: undefined, onStart: undefined };
    const line = this.#waiting.get(key) ?? new Line();
    this.#waiting.set(key, line);
    call.leaveLine = line.join(call);
    this.advance();
    return call.start ?? this.#wait(key, call, scope);
  }

  /** Lets no call of the key start before. */
  pause(key: string, untilMs: number): void {
    const nowMs = this.#clock.now();
    for (const [paused, endMs] of this.#pausedUntilMs) if (endMs <= nowMs) this.#pausedUntilMs.delete(paused);
    this.#pausedUntilMs.set(key, Math.max(untilMs, this.#pausedUntilMs.get(key) ?? 0));
    this.advance();
  }

  /** Starts what may start by now. Call it after every change of a lane. */
  advance(): void {
    const nowMs = this.#clock.now();
    let nextMs = nowMs;
    while (nextMs <= nowMs && this.#waiting.size > 0) nextMs = this.#startOne(nowMs);
    this.#wakeAt(this.#waiting.size > 0 ? nextMs : Number.POSITIVE_INFINITY);
  }

  #wakeAt(atMs: number): void {
    if (this.#timer?.atMs === atMs) return;
    this.#timer?.stop();
    this.#timer = undefined;
    if (atMs === Number.POSITIVE_INFINITY) return;
    const wake = () => {
      this.#timer = undefined;
      this.advance();
    };
    this.#timer = { atMs, stop: schedule(this.#clock, wake, atMs - this.#clock.now()) };
  }

  /**
   * Starts the oldest call that may start.
   *
   * @returns `nowMs` where one has started, else the time at which the first of those that wait may
   */
  #startOne(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [key, call] of this.#heads()) {
      const pausedUntilMs = this.#pausedUntilMs.get(key) ?? 0;
      const readyAtMs = Math.max(pausedUntilMs, ...call.lanes.map((lane) => lane.readyAtMs));
      if (readyAtMs <= nowMs) {
        this.#start(key, call, nowMs);
        return nowMs;
      }
      nextMs = Math.min(nextMs, readyAtMs);
    }
    return nextMs;
  }

  /** The first call of each key, oldest first. */
  #heads(): (readonly [string, Waiting])[] {
    const heads = [...this.#waiting].map(([key, line]) => [key, line.first as Waiting] as const);
    return heads.length > 1 ? heads.sort(([, a], [, b]) => a.order - b.order) : heads;
  }

  #start(key: string, call: Waiting, nowMs: number): void {
    this.#leave(key, call);
    const { lanes, cost } = call;
    for (const lane of lanes) lane.start(cost, nowMs);
    let isOver = false;
    call.start = {
      settle: ({ tokens }) => {
        if (isOver) return;
        isOver = true;
        const endMs = this.#clock.now();
        for (const lane of lanes) {
          lane.end();
          lane.correct(cost.tokens, tokens, endMs);
        }
        this.advance();
      },
    };
    call.onStart?.(call.start);
  }

  #wait(key: string, call: Waiting, scope: CancelScope | undefined): Promise<Start> {
    return new Promise((resolve, reject) => {
      const stopListening = scope?.onAbort(() => {
        this.#leave(key, call);
        this.advance();
        reject(scope.reason);
      });
      call.onStart = (start) => {
        stopListening?.();
        resolve(start);
      };
    });
  }

  #leave(key: string, call: Waiting): void {
    call.leaveLine();
    if (this.#waiting.get(key)?.isEmpty) this.#waiting.delete(key);
  }
}
