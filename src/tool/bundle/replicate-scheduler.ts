/**
 * Job: ask for as few replicates as the answer allows, as many at once as can be needed.
 * Boundary: knows neither how a replicate is asked for nor what it costs.
 * Invariants:
 * 1. The rule sees replicates in index order, whatever finished first, so that equal answers give equal bundles.
 * 2. Beyond what the rule has seen, no more is asked for than the fewest that could end it: nothing is wasted against
 *    asking one by one, and the rounds are few.
 * 3. What a replicate is asked for is settled when it is first needed, not when its turn comes: by the same answers.
 * 4. Where the first replicate of a model goes ahead, no other of that model is asked for before it says so or has ended.
 * 5. Ranked answers are asked for up to K, whatever the rule says.
 * 6. After a halt nothing new is asked for; what is in flight is waited for and kept.
 */
import type { Replicate } from "../../contract/bundle.ts";
import { jsonOf } from "../../contract/bundle-json.ts";
import { bindToWork, untilComputed } from "../../contract/enclosing-work.ts";
import type { OutputError } from "../../contract/output.ts";
import { inSlices, type Slices } from "../../core/slices.ts";
import { nextTurn } from "../../core/turns.ts";

/** Result of one request for a replicate. */
export interface Asked {
  /** Absent where it could not even be started. */
  readonly replicate?: Replicate | undefined;
  readonly failure?: Failure | undefined;
  /** True where the next replicate would meet the same failure, so that no more are asked for. */
  readonly isHopeless?: boolean;
}

/** Reason why a replicate is missing or invalid: the error that was thrown, and the same as plain data. */
export interface Failure {
  readonly error: unknown;
  readonly facts: OutputError;
}

interface RuleVerdict {
  readonly stop: boolean;
  readonly reason?: string;
  readonly needed: number;
  readonly fields?: readonly string[];
}

/** Stopping rule, as the scheduler uses it. */
export interface Rule {
  readonly needed: number;
  /**
   * Observes the next replicate, in slices: large answers take long to compare.
   *
   * @param info `fields`: what it was asked for; default: the whole answer
   * @returns `fields`: what further replicates are to be asked for; default: the whole answer
   */
  observe(
    data: unknown,
    info: {
      valid: boolean;
      fields?: readonly string[] | undefined;
      logprobs: Replicate["logprobs"] | undefined;
      hasLogprobs: boolean;
    },
  ): Slices<RuleVerdict>;
}

export interface ScheduleOptions {
  readonly k: number;
  readonly maxParallel: number;
  readonly rule: Rule;
  /** Number of models that replicates are asked of in turn. Default: 1. */
  readonly models?: number;
  /**
   * Decides if the first replicate of a model goes ahead of the others. Default: none does.
   *
   * @param calls of that model that are asked for at once, the first one among them
   * @param model its place among the models
   */
  startsWarm?(calls: number, model: number): boolean;
  /**
   * @param fields what to ask for; undefined: the whole answer
   * @param onWarm lets the others follow a replicate that goes ahead, before it has ended
   */
  ask(index: number, fields: readonly string[] | undefined, onWarm: (() => void) | undefined): Promise<Asked>;
  /**
   * Called after each replicate that the rule has seen.
   *
   * @param count number of replicates that it has seen
   * @param seen gives them all
   */
  onObserved(count: number, seen: () => readonly Replicate[]): Slices<void>;
}

/** Replicates in index order, and why there are no more of them. */
export interface Schedule {
  readonly replicates: Replicate[];
  /** The rule's reason, where it ended the asking. */
  readonly stopReason?: string | undefined;
  /** The failure that ended the asking. */
  readonly halt?: Failure | undefined;
  /** Failures of replicates that are missing or invalid, in the order in which they ended. */
  readonly failures: readonly Failure[];
}

export function scheduleReplicates(options: ScheduleOptions): Promise<Schedule> {
  return new Promise((resolve, reject) => {
    new Scheduler(options, resolve, reject).start();
  });
}

/** Replicates that are started before the event loop turns. */
const mostStartedAtOnce = 100;

class Scheduler {
  readonly #options: ScheduleOptions;
  readonly #resolve: (schedule: Schedule) => void;
  readonly #reject: (error: unknown) => void;
  readonly #finished: (Replicate | undefined)[] = [];
  readonly #seen = () => this.#finished.slice(0, this.#observed) as Replicate[];
  readonly #fields: (readonly string[] | undefined)[] = [];
  readonly #failures: Failure[] = [];
  #launched = 0;
  #inFlight = 0;
  /** Further replicates are started at the next turn of the event loop. */
  #isLaunching = false;
  /** Replicates that were started since the last pause: answers that come at once would leave no turn between them. */
  #started = 0;
  /** Models whose first replicate is on its way, while their others wait. */
  readonly #ahead = new Set<number>();
  #isObserving = false;
  #observed = 0;
  #isRanked = false;
  #needed: number;
  #stopReason: string | undefined;
  #halt: Failure | undefined;
  #fault: { readonly error: unknown } | undefined;

  constructor(options: ScheduleOptions, resolve: (schedule: Schedule) => void, reject: (error: unknown) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#needed = Math.max(2, options.rule.needed);
    this.#plan(undefined);
  }

  start(): void {
    const { models = 1, startsWarm } = this.#options;
    for (let model = 0; model < models; model++) {
      const calls = Math.ceil((this.#wanted - model) / models);
      if (calls > 1 && startsWarm?.(calls, model)) this.#ahead.add(model);
    }
    this.#launch();
  }

  #launch(): void {
    if (this.#isLaunching) return;
    const { maxParallel } = this.#options;
    while (this.#launched < this.#wanted && this.#inFlight < maxParallel && !this.#isOver && !this.#waitsForFirst) {
      if (this.#started === mostStartedAtOnce) {
        this.#isLaunching = true;
        void nextTurn().then(this.#launchOn);
        return;
      }
      this.#started++;
      void this.#ask(this.#launched++);
    }
    if (this.#inFlight === 0) this.#end();
  }

  readonly #launchOn = (): void => {
    this.#isLaunching = false;
    this.#started = 0;
    this.#launch();
  };

  get #isOver(): boolean {
    return this.#stopReason !== undefined || this.#halt !== undefined || this.#fault !== undefined;
  }

  /** True where the first replicate of the model that is due has not let the others follow. */
  get #waitsForFirst(): boolean {
    const { models = 1 } = this.#options;
    return this.#launched >= models && this.#ahead.has(this.#launched % models);
  }

  get #wanted(): number {
    return Math.min(this.#options.k, this.#observed + this.#needed);
  }

  /** Settles what those are asked for that are needed from now on. */
  #plan(fields: readonly string[] | undefined): void {
    while (this.#fields.length < this.#wanted) this.#fields.push(fields);
  }

  async #ask(index: number): Promise<void> {
    this.#inFlight++;
    try {
      const onWarm = this.#ahead.has(index) ? bindToWork(() => this.#follow(index)) : undefined;
      const asked = await this.#options.ask(index, this.#fields[index], onWarm);
      this.#finished[index] = asked.replicate;
      if (asked.failure) this.#failures.push(asked.failure);
      if (asked.isHopeless) this.#halt ??= asked.failure;
      const observing = untilComputed(inSlices(this.#observe()));
      if (observing) await observing;
    } catch (error) {
      this.#fault ??= { error };
    }
    this.#inFlight--;
    this.#ahead.delete(index);
    this.#launch();
  }

  /** Asks for the replicates that have waited for the first of their model. */
  #follow(model: number): void {
    if (this.#ahead.delete(model)) this.#launch();
  }

  /** Shows the rule what has finished, in index order. Whatever finishes meanwhile is shown by the call under way. */
  *#observe(): Slices<void> {
    if (this.#isObserving) return;
    this.#isObserving = true;
    try {
      for (let next = this.#finished[this.#observed]; next; next = this.#finished[this.#observed])
        yield* this.#observeNext(next);
    } finally {
      this.#isObserving = false;
    }
  }

  *#observeNext(next: Replicate): Slices<void> {
    const { rule, k, onObserved } = this.#options;
    const { valid, fields, logprobs } = next;
    const verdict = yield* rule.observe(jsonOf(next), { valid, fields, logprobs, hasLogprobs: logprobs !== undefined });
    this.#observed++;
    this.#needed = Math.max(1, verdict.needed);
    this.#plan(verdict.fields);
    // Answers that are ranked need not agree: the next may be better.
    this.#isRanked ||= next.score !== undefined;
    if (this.#isRanked) this.#needed = k;
    else if (verdict.stop && this.#observed < k) this.#stopReason ??= verdict.reason ?? "settled";
    yield* onObserved(this.#observed, this.#seen);
  }

  #end(): void {
    if (this.#fault) {
      this.#reject(this.#fault.error);
      return;
    }
    const replicates = this.#finished.filter((replicate) => replicate !== undefined);
    this.#resolve({
      replicates,
      stopReason: this.#stopReason,
      halt: this.#halt,
      failures: this.#failures,
    });
  }
}
