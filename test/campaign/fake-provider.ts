import type { Usage } from "../../src/index.ts";
import { connectionError, errorOf, type FaultKind } from "../../src/testing/faults.ts";
import { HttpFailure, untilAborted } from "../../src/testing/scripted-model.ts";
import { longestHostileAnswer } from "./answers.ts";
import type { PlayedCall } from "./history.ts";
import type { CallPlan } from "./scenario.ts";
import type { WorldClock } from "./world-clock.ts";

export type CallFacts = Pick<
  PlayedCall,
  "run" | "tool" | "model" | "provider" | "seed" | "isModelCall" | "isInner" | "allowedTokens"
> &
  Partial<Pick<PlayedCall, "asked" | "asksForCache">>;

/** Plan of a call that the scenario does not mention. */
const unplanned: CallPlan = { fault: null, latencyMs: 0, share: 0, vote: 0, outputTokens: 5 };

const inputTokens = 7;
/** How much longer than planned a late answer takes. */
const lateMs = 30_000;

/** The one who is called by all tools: what it does is planned, and it keeps its own books. */
export class FakeProvider {
  readonly calls: PlayedCall[] = [];
  readonly #plans: readonly CallPlan[];
  readonly #clock: WorldClock;
  readonly #nextStep: () => number;

  constructor(plans: readonly CallPlan[], clock: WorldClock, nextStep: () => number) {
    this.#plans = plans;
    this.#clock = clock;
    this.#nextStep = nextStep;
  }

  begin(facts: CallFacts, signal: AbortSignal): OngoingCall {
    const plan = this.#plans[this.calls.length] ?? unplanned;
    const record: PlayedCall = {
      asked: 1,
      ...facts,
      // It may say more than it was asked for, and what is read of that is counted.
      allowedTokens: facts.allowedTokens + (plan.fault === "hostile" ? longestHostileAnswer * (facts.asked ?? 1) : 0),
      fault: plan.fault,
      startedAtMs: this.#clock.now(),
      startStep: this.#nextStep(),
      wasAborted: false,
      isWithheld: false,
    };
    this.calls.push(record);
    const findsPrompt = () =>
      record.asksForCache === true &&
      this.calls.some(({ model, asksForCache, told }) => model === record.model && asksForCache && told !== undefined);
    return new OngoingCall(plan, record, signal, this.#clock, this.#nextStep, findsPrompt);
  }
}

/** One call while it lasts. */
export class OngoingCall {
  readonly plan: CallPlan;
  readonly #record: PlayedCall;
  readonly #signal: AbortSignal;
  readonly #clock: WorldClock;
  readonly #nextStep: () => number;
  readonly #findsPrompt: () => boolean;

  constructor(
    plan: CallPlan,
    record: PlayedCall,
    signal: AbortSignal,
    clock: WorldClock,
    nextStep: () => number,
    findsPrompt: () => boolean,
  ) {
    this.#findsPrompt = findsPrompt;
    this.plan = plan;
    this.#record = record;
    this.#signal = signal;
    this.#clock = clock;
    this.#nextStep = nextStep;
    if (signal.aborted) this.#abort();
    else signal.addEventListener("abort", () => this.#abort(), { once: true });
  }

  /** Lets a part of the planned time pass; rejects where the plan is to fail. */
  async wait(part = 1): Promise<void> {
    const { fault, latencyMs } = this.plan;
    if (fault === "deaf") await new Promise(() => {});
    if (fault === "hang") await untilAborted(this.#signal);
    if (fault === "late") await this.#clock.world.sleep(lateMs + latencyMs * part);
    else await this.#clock.world.sleep(latencyMs * part, { signal: this.#signal });
  }

  /** What the call is planned to fail with. */
  get failure(): Error | undefined {
    const { fault, share } = this.plan;
    if (fault === "cut") return connectionError(share < 0.5 ? "ERR_STREAM_PREMATURE_CLOSE" : "UND_ERR_SOCKET");
    return fault === null ? undefined : errorOf(fault as FaultKind, share);
  }

  fail(error: Error): never {
    const isRefused = error instanceof HttpFailure;
    if (!this.#record.wasAborted) {
      this.#record.isWithheld = this.#record.isModelCall && !isRefused;
      if (isRefused) this.#record.retryAfterMs = Number(error.responseHeaders["retry-after-ms"] ?? 0);
      this.#end();
    }
    throw error;
  }

  /** What the answer says. */
  answer(data: unknown, samples: readonly unknown[] = []): void {
    this.#record.data = data;
    this.#record.samples = samples;
    if (!this.#record.wasAborted) this.#end();
  }

  /** What the call has used for so many answers, and whether it is told. */
  use(maxOutputTokens: number | undefined, answers = 1): Usage | undefined {
    const { fault, outputTokens: planned } = this.plan;
    const most = maxOutputTokens ?? Number.POSITIVE_INFINITY;
    const each = fault === "overuse" ? (maxOutputTokens ?? 0) + planned : Math.min(planned, most);
    const outputTokens = each * answers;
    if (fault === "withheld") {
      this.#record.isWithheld = this.#record.isModelCall;
      return undefined;
    }
    const cached = this.#findsPrompt() ? { cachedInputTokens: inputTokens - 1 } : {};
    const usage = { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, ...cached };
    this.#record.told = usage;
    this.#record.toldAtMs = this.#clock.now();
    this.#record.toldStep = this.#nextStep();
    return usage;
  }

  #abort(): void {
    if (this.#record.endStep !== undefined) return;
    this.#record.wasAborted = true;
    this.#record.isWithheld = this.#record.isModelCall;
    this.#end();
  }

  #end(): void {
    this.#record.endStep = this.#nextStep();
    this.#record.endedAtMs = this.#clock.now();
  }
}
