import type { Context, ContextManager, MeterProvider, Span, TracerProvider } from "@opentelemetry/api";

/**
 * Job: reach the OpenTelemetry that the program has set up.
 * Boundary: loads nothing. Every copy of OpenTelemetry's API 1.x keeps what a program registers in one global, so that its
 * copies, and a bundle without the package, find each other there. The package itself is an optional peer for its types.
 */

/** Registered by the program, each only where it uses that signal. */
interface Registered {
  readonly trace?: TracerProvider;
  readonly metrics?: MeterProvider;
  readonly context?: ContextManager;
}

const registered = Symbol.for("opentelemetry.js.api.1");

/** Returns what the program has registered for a signal; `undefined` where it has not: the price is to read one global. */
export function opentelemetry<Signal extends "trace" | "metrics">(
  signal: Signal,
): (Registered & Required<Pick<Registered, Signal>>) | undefined {
  const providers = (globalThis as { [registered]?: Registered })[registered];
  return providers?.[signal] ? (providers as Registered & Required<Pick<Registered, Signal>>) : undefined;
}

/** The context in which the caller runs. */
export function activeContext({ context }: Registered): Context {
  return context?.active() ?? new PlainContext(new Map());
}

/** Does work in a context: where no context manager is registered, nothing carries it. */
export function workIn<T>({ context }: Registered, within: Context, work: () => T): T {
  return context ? context.with(within, work) : work();
}

/** Key under which every copy of the API keeps the span of a context. */
const spanKey = Symbol.for("OpenTelemetry Context Key SPAN");

export function contextWith(span: Span, around: Context): Context {
  return around.setValue(spanKey, span);
}

/** The id of the OpenTelemetry trace that the caller is in; `undefined` where there is none. */
export function activeTraceId(): string | undefined {
  const api = opentelemetry("trace");
  const span = api && (activeContext(api).getValue(spanKey) as Span | undefined);
  const { traceId, spanId } = span?.spanContext() ?? {};
  return isHex(traceId, 32) && isHex(spanId, 16) ? traceId : undefined;
}

function isHex(id: string | undefined, length: number): id is string {
  return id?.length === length && /^[0-9a-f]+$/i.test(id) && /[^0]/.test(id);
}

class PlainContext implements Context {
  readonly #values: ReadonlyMap<symbol, unknown>;

  constructor(values: ReadonlyMap<symbol, unknown>) {
    this.#values = values;
  }

  getValue(key: symbol): unknown {
    return this.#values.get(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return new PlainContext(new Map([...this.#values, [key, value]]));
  }

  deleteValue(key: symbol): Context {
    return new PlainContext(new Map([...this.#values].filter(([known]) => known !== key)));
  }
}
