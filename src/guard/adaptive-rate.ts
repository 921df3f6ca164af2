import type { Clock } from "../core/clock.ts";
import { Lane, LaneQueue, Rate } from "./lanes.ts";
import { type ToldLimit, toldLimits } from "./rate-limit-headers.ts";

/**
 * Job: find the rate that a server takes, from the calls that it refuses and the limits that it tells.
 * Boundary: hears of starts and ends; what an error means is decided in classify.ts, a Retry-After is waited for in circuit.ts.
 * Invariants:
 * 1. As long as a server refuses nothing and tells of no limit that is nearly used up, nothing waits.
 * 2. Calls that were sent before the rate was cut do not cut it again.
 * 3. Without further refusals the rate grows until it holds nothing back, and is then forgotten.
 * 4. A few refusals below the rate that a server took are chance, and cut nothing: fewer calls would be refused as often.
 */

const secondMs = 1000;
/** Share of the rate that the server took, at which calls go on after a refusal. */
const cutTo = 1 / 2;
/** Growth in a second, as a share of the rate that the server took: the old rate is tried again after ten seconds. */
const growthShare = 1 / 20;
/** Growth in a second past the rate that was refused, as a share of the rate itself. */
const growthBeyond = 1 / 10;
const lowestPerSecond = 1 / 60;
/** The most by which one refusal cuts a rate. */
const deepestCut = 1 / 8;
/** Weight of the latest call in the share of calls that are refused. */
const latestWeight = 1 / 16;
/** Share of refused calls above which a rate is too high, though the server took a higher one before. */
const mostByChance = 1 / 4;
/** Refusals below the rate that was taken, after which one above it is chance as well. */
const fewestByChance = 2;
/** No call starts for so long after a refusal, and for twice as long after each that follows without an answer between. */
const firstHoldMs = 1000;
const longestHoldMs = 60_000;
/** Time without a refusal after which a rate that holds nothing back is forgotten. */
const forgottenAfterMs = 60_000;

/** Limits whose reset is further away are not spread: a job would crawl for hours toward the end of a day's allowance. */
const longestSpreadMs = 120_000;
/** Length of a minute's window whose end is not told. */
const minuteMs = 60_000;
/** A limit is nearly used up where this share of it, beside what is in flight, is left. */
const lowShare = 1 / 20;

/** Events since the last refusal that cut the rate. */
interface Cut {
  readonly atMs: number;
  readonly before: number;
  /** The server had answered no call since the cut before: it is the wait that was too short. */
  readonly isAgain: boolean;
  /** Calls of the second before that the server has not refused. */
  taken: number;
  /** Mean of the ten seconds before, as a second after a pause says little; 0 where the server has answered none. */
  readonly usuallyTaken: number;
  readonly holdMs: number;
  answers: number;
  /** Refusals below the rate that the server took before. */
  byChance: number;
  grownAtMs: number;
}

/** Rate that spreads what is left of a told limit. */
interface ToldPace {
  readonly perSecond: number;
  readonly untilMs: number;
}

/** Rate at which one model's calls may start. */
export class AdaptiveRate {
  readonly #rate = new Rate(Number.POSITIVE_INFINITY);
  readonly lane = new Lane({ requests: this.#rate });
  readonly #starts = new RecentStarts();
  #cut: Cut | undefined;
  /** Calls in a second that the server takes for all that is known. */
  #perSecond = Number.POSITIVE_INFINITY;
  #told: ToldPace | undefined;
  #heldBackAtMs = 0;
  /** Refused share of the calls since the last cut, the latest ones first. */
  #refusedShare = 0;
  /** Mean tokens of a call, the latest ones first. */
  usualTokens = 0;

  /** True where calls may have to wait. */
  get isLimited(): boolean {
    return this.#cut !== undefined || this.#told !== undefined;
  }

  /** Counts the start of a call. */
  started(nowMs: number): void {
    this.#starts.add(nowMs);
    if (this.#told && nowMs >= this.#told.untilMs) this.#tell(undefined);
  }

  used(tokens: number): void {
    if (tokens > 0) this.usualTokens = this.usualTokens === 0 ? tokens : 0.8 * this.usualTokens + 0.2 * tokens;
  }

  /**
   * The server has refused a call for its rate.
   *
   * @param isTimed true where it has said how long to wait
   */
  refused(startedAtMs: number, nowMs: number, isTimed: boolean): void {
    const last = this.#cut;
    if (last && startedAtMs <= last.atMs) {
      if (startedAtMs > last.atMs - secondMs) last.taken--;
      this.#cutRate(last);
      return;
    }
    this.#refusedShare += latestWeight * (1 - this.#refusedShare);
    if (last && this.#isChance(last)) {
      last.byChance++;
      return;
    }
    const isAgain = last !== undefined && last.answers === 0;
    const lastHoldMs = last?.holdMs ?? 0;
    this.#cut = {
      atMs: nowMs,
      before: this.#perSecond,
      isAgain,
      taken: this.#starts.within(nowMs, 1) - 1,
      usuallyTaken: isAgain ? 0 : (this.#starts.within(nowMs, 10) - 1) / 10,
      holdMs: isAgain ? Math.min(longestHoldMs, 2 * lastHoldMs) : Math.max(firstHoldMs, lastHoldMs / 4),
      answers: 0,
      byChance: 0,
      grownAtMs: nowMs,
    };
    this.#refusedShare = 0;
    this.#cutRate(this.#cut);
    if (!isTimed) this.#rate.holdUntil(nowMs + this.#cut.holdMs);
  }

  /** The server has answered a call. */
  answered(startedAtMs: number, nowMs: number): void {
    const cut = this.#cut;
    if (!cut || startedAtMs <= cut.atMs) return;
    cut.answers++;
    this.#refusedShare -= latestWeight * this.#refusedShare;
    const grownMs = Math.min(Math.max(secondMs, secondMs / this.#perSecond), nowMs - cut.grownAtMs);
    cut.grownAtMs = nowMs;
    const growth = growthShare * peakOf(cut);
    const perSecond = this.#perSecond < peakOf(cut) ? growth : Math.max(growth, growthBeyond * this.#perSecond);
    this.#set(this.#perSecond + Math.min(this.#perSecond / 2, (perSecond * grownMs) / secondMs));
    if (nowMs - Math.max(cut.atMs, this.#heldBackAtMs) >= forgottenAfterMs) this.forget();
  }

  /** A call had to wait. */
  heldBack(nowMs: number): void {
    this.#heldBackAtMs = nowMs;
  }

  /** Reads the limits that a response tells, and spreads what little one leaves over the time until it is there again. */
  heard(given: Readonly<Record<string, unknown>>, nowMs: number): void {
    const headers = textsOf(given);
    const sentAtMs = Date.parse(headers.get("date") ?? "");
    const paces = toldLimits(headers, Number.isNaN(sentAtMs) ? nowMs : sentAtMs).flatMap((limit) =>
      this.#paceOf(limit),
    );
    const slowest = paces.sort((a, b) => a.perSecond - b.perSecond)[0];
    this.#tell(slowest && { perSecond: slowest.perSecond, untilMs: nowMs + slowest.resetMs });
    if (slowest?.isUsedUp) this.#rate.holdUntil(nowMs + secondMs / slowest.perSecond);
  }

  /** Forgets refusals and told limits. */
  forget(): void {
    this.#cut = undefined;
    this.#told = undefined;
    this.#rate.clear();
    this.#set(Number.POSITIVE_INFINITY);
  }

  /** True of a refusal that fewer calls would meet as often, to judge by those that came below the rate taken before. */
  #isChance(last: Cut): boolean {
    const isBelow = this.#perSecond < peakOf(last) || last.byChance >= fewestByChance;
    return last.answers > 0 && isBelow && this.#refusedShare <= mostByChance;
  }

  #paceOf({ of, limit = 0, remaining, isOfMinute, isRefilled, ...told }: ToldLimit) {
    const resetMs = told.resetMs ?? (isOfMinute ? minuteMs : undefined);
    if (remaining === undefined || !resetMs || resetMs > longestSpreadMs) return [];
    const perCall = of === "tokens" ? this.usualTokens : 1;
    if (perCall === 0 || remaining > lowShare * limit + perCall * (this.lane.inFlight + 1)) return [];
    const isEven = (isRefilled || told.resetMs === undefined) && limit > remaining;
    const amount = isEven ? limit - remaining : Math.max(remaining, perCall);
    return [{ perSecond: (amount / perCall / resetMs) * secondMs, resetMs, isUsedUp: remaining < perCall }];
  }

  #cutRate(cut: Cut): void {
    const leastPerSecond = Math.max(lowestPerSecond, Math.min(1, deepestCut * cut.before));
    const isWaitTooShort = cut.isAgain && peakOf(cut) === 0;
    this.#set(isWaitTooShort ? cut.before : Math.max(leastPerSecond, cutTo * peakOf(cut)));
  }

  #tell(told: ToldPace | undefined): void {
    this.#told = told;
    this.#set(this.#perSecond);
  }

  #set(perSecond: number): void {
    this.#perSecond = perSecond;
    this.#rate.perMs = Math.min(perSecond, this.#told?.perSecond ?? perSecond) / secondMs;
  }
}

/** Headers by their names in lower case. A model object of a program's own may give anything. */
function textsOf(headers: Readonly<Record<string, unknown>>): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [name, value] of Object.entries(headers))
    if (typeof value === "string") texts.set(name.toLowerCase(), value);
  return texts;
}

/** Calls in a second that the server took before it refused some. */
function peakOf({ before, taken, usuallyTaken }: Cut): number {
  return Math.min(before, Math.max(0, taken, usuallyTaken));
}

/** Starts of the last ten seconds, in tenths of a second. */
class RecentStarts {
  readonly #counts = new Uint32Array(100);
  #step = 0;

  add(nowMs: number): void {
    this.#moveTo(nowMs);
    const at = this.#at(this.#step);
    this.#counts[at] = (this.#counts[at] as number) + 1;
  }

  within(nowMs: number, seconds: number): number {
    this.#moveTo(nowMs);
    let sum = 0;
    for (let back = 0; back < 10 * seconds; back++) sum += this.#counts[this.#at(this.#step - back)] as number;
    return sum;
  }

  #moveTo(nowMs: number): void {
    const step = Math.floor(nowMs / (secondMs / 10));
    if (step <= this.#step) return;
    if (step - this.#step >= this.#counts.length) this.#counts.fill(0);
    else for (let passed = this.#step + 1; passed <= step; passed++) this.#counts[this.#at(passed)] = 0;
    this.#step = step;
  }

  #at(step: number): number {
    return (step + this.#counts.length) % this.#counts.length;
  }
}

/** The rates of all models, by provider and model. */
export class AdaptiveRates {
  readonly queue: LaneQueue;
  readonly #rates = new Map<string, Map<string, AdaptiveRate>>();

  constructor(options: { readonly clock: Clock }) {
    this.queue = new LaneQueue(options.clock);
  }

  of(provider: string, modelId = ""): AdaptiveRate {
    const known = this.#rates.get(provider);
    const models = known ?? new Map<string, AdaptiveRate>();
    if (!known) this.#remember(this.#rates, provider, models);
    const rate = models.get(modelId);
    if (rate) return rate;
    const created = new AdaptiveRate();
    this.#remember(models, modelId, created);
    return created;
  }

  /** Forgets what the models of a provider have taught. */
  reset(provider: string): void {
    for (const rate of this.#rates.get(provider)?.values() ?? []) rate.forget();
    this.queue.advance();
  }

  /** Names come without end where a program makes a tool for each job: past a thousand, those that say nothing go. */
  #remember<T extends AdaptiveRate | Map<string, AdaptiveRate>>(map: Map<string, T>, name: string, value: T): void {
    if (map.size >= mostNames) for (const [known, rate] of map) if (isIdle(rate)) map.delete(known);
    map.set(name, value);
  }
}

const mostNames = 1000;

function isIdle(known: AdaptiveRate | Map<string, AdaptiveRate>): boolean {
  if (known instanceof AdaptiveRate) return !known.isLimited && known.lane.inFlight === 0;
  return [...known.values()].every(isIdle);
}
