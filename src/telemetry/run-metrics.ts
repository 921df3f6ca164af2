import type { Attributes, Counter, Histogram, Meter, MeterProvider } from "@opentelemetry/api";
import type { Call, CallGuard, CallOutcome } from "../contract/call.ts";
import type { EventData, EventType } from "../contract/event.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import { opentelemetry } from "./opentelemetry.ts";
import { answeredBy } from "./run-spans.ts";
import { errorType } from "./span.ts";

// Names as for spans: by the semantic conventions for generative AI, and under `steer.` what they have no name for.

interface Instruments {
  readonly duration: Histogram;
  readonly tokens: Histogram;
  readonly costUsd: Counter;
  readonly runs: Counter;
  readonly retries: Counter;
  readonly circuitChanges: Counter;
  readonly budgetOverruns: Counter;
}

const made = new WeakMap<MeterProvider, Instruments>();

/** The instruments of the meter that the program has registered; `undefined` where there is none. */
function instruments(): Instruments | undefined {
  const provider = opentelemetry("metrics")?.metrics;
  if (!provider) return undefined;
  const known = made.get(provider) ?? createInstruments(provider.getMeter("steer-llm-sdk"));
  made.set(provider, known);
  return known;
}

function createInstruments(meter: Meter): Instruments {
  const histogram = (name: string, unit: string, description: string, explicitBucketBoundaries: number[]) =>
    meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries } });
  const counter = (name: string, unit: string, description: string) => meter.createCounter(name, { unit, description });
  const seconds = powers(0.01, 2);
  const tokens = powers(1, 4);
  return {
    duration: histogram("gen_ai.client.operation.duration", "s", "Time of an answer, retries included.", seconds),
    tokens: histogram("gen_ai.client.token.usage", "{token}", "Tokens of an answer, retries included.", tokens),
    costUsd: counter("steer.cost", "{USD}", "What calls cost, as far as their prices are known."),
    runs: counter("steer.runs", "{run}", "Runs, by how they ended."),
    retries: counter("steer.retries", "{retry}", "Attempts after the first, by what was wrong with the one before."),
    circuitChanges: counter("steer.circuit.changes", "{change}", "Changes of circuit breakers, by their new state."),
    budgetOverruns: counter(
      "steer.budget.overruns",
      "{overrun}",
      "Ceilings of runs that a call has passed unforeseen.",
    ),
  };
}

/** The bucket boundaries that the conventions recommend. */
function powers(first: number, factor: number): number[] {
  return Array.from({ length: 14 }, (_, exponent) => first * factor ** exponent);
}

/** An event without what differs from run to run. */
export type CountableEvent = { [E in EventType]: { type: E } & EventData[E] }[EventType];

/** Counts an event of a tool. */
export type EventMeter = (event: CountableEvent, toolName: string) => void;

/** A run as far as it is counted. */
export interface MeteredRun {
  readonly toolName: string | undefined;
  readonly events: { meter: EventMeter | undefined };
}

/** Counts a run by how it ends, and what its events tell: `steer.status` is that of its output, or `rejected`. */
export function meterRun<O extends OrchestrationOutput>(run: MeteredRun, work: () => Promise<O>): Promise<O> {
  const known = instruments();
  return known ? countRun(known, run, work) : work();
}

async function countRun<O extends OrchestrationOutput>(
  known: Instruments,
  { toolName, events }: MeteredRun,
  work: () => Promise<O>,
): Promise<O> {
  const count = (status: string, error?: string) =>
    known.runs.add(1, given({ "gen_ai.agent.name": toolName, "steer.status": status, "error.type": error }));
  events.meter = (event, source) => countEvent(known, event, source);
  try {
    const output = await work();
    count(output.status, output.status === "failed" ? errorType(Object.values(output.errors).at(-1)) : undefined);
    return output;
  } catch (error) {
    count("rejected", errorType(error));
    throw error;
  }
}

/** The guard, each of whose calls is measured over all its attempts. */
export function meterCalls(guard: CallGuard): CallGuard {
  const known = instruments();
  if (!known) return guard;
  return async (call) => {
    const outcome = await guard(call);
    measure(known, call, outcome);
    return outcome;
  };
}

/** Only replicates are calls of a model; what a plain tool does is its own affair but for what it costs. */
function measure(
  { duration, tokens, costUsd }: Instruments,
  { provider, modelId, replicateId }: Call<unknown>,
  outcome: CallOutcome<unknown>,
): void {
  const target = { "gen_ai.provider.name": provider, "gen_ai.request.model": modelId };
  if (outcome.costUsd) costUsd.add(outcome.costUsd, given(target));
  if (replicateId === undefined || outcome.attempts === 0) return;
  const chat = { ...target, "gen_ai.operation.name": "chat", "gen_ai.response.model": answeredBy(outcome) };
  const error = outcome.ok ? undefined : errorType(outcome.failure);
  duration.record(outcome.elapsedMs / 1000, given({ ...chat, "error.type": error }));
  const { inputTokens, outputTokens, requests } = outcome.usage;
  if (requests === 0) return;
  tokens.record(inputTokens, given({ ...chat, "gen_ai.token.type": "input" }));
  tokens.record(outputTokens, given({ ...chat, "gen_ai.token.type": "output" }));
}

const circuitStates = { circuit_opened: "open", circuit_half_open: "half_open", circuit_closed: "closed" } as const;

function countEvent(
  { retries, circuitChanges, budgetOverruns }: Instruments,
  event: CountableEvent,
  toolName: string,
): void {
  const tool = { "gen_ai.tool.name": toolName };
  switch (event.type) {
    case "retry_scheduled":
      retries.add(1, given({ ...tool, "steer.error.category": event.error.category }));
      break;
    case "circuit_opened":
    case "circuit_half_open":
    case "circuit_closed": {
      const state = circuitStates[event.type];
      circuitChanges.add(1, { "gen_ai.provider.name": event.provider, "steer.circuit.state": state });
      break;
    }
    case "warning":
      if (event.code === "budget_overrun") budgetOverruns.add(1, tool);
  }
}

function given(attributes: Readonly<Record<string, string | undefined>>): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
