import type { Context, Span as OpenTelemetrySpan } from "@opentelemetry/api";
import { activeContext, contextWith, opentelemetry, workIn } from "./opentelemetry.ts";

export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** One piece of work in a trace. */
export interface Span {
  setAttributes(attributes: SpanAttributes): void;
  /** Marks the work as failed. */
  recordError(error: unknown): void;
  end(): void;
  /** Does work inside the span: spans that others start there, of its HTTP calls for example, stand below it. */
  run<T>(work: () => T): T;
}

/** The span of a program without OpenTelemetry. */
export const noSpan: Span = Object.freeze({
  setAttributes() {},
  recordError() {},
  end() {},
  run: <T>(work: () => T) => work(),
});

/**
 * Starts a span. Spans carry names, numbers and codes, never a text of an error, and texts of requests and answers only where
 * the program asks for them: what may leave the process is for the run's `redact` to say, and spans do not pass it.
 *
 * @param name as the semantic conventions want it: the operation, and what it works on
 * @param attributes `undefined` ones are left out; a `chat` operation makes it a client's span
 * @param parent default: the span that is active
 */
export function startSpan(name: string, attributes: SpanAttributes, parent?: Span): Span {
  const api = opentelemetry("trace");
  if (!api) return noSpan;
  const around = parent instanceof RecordingSpan ? parent.context : activeContext(api);
  const kind = attributes["gen_ai.operation.name"] === "chat" ? clientKind : internalKind;
  const span = api.trace.getTracer("steer-llm-sdk").startSpan(name, { attributes: { ...attributes }, kind }, around);
  return new RecordingSpan(span, contextWith(span, around), (within, work) => workIn(api, within, work));
}

/** `SpanKind` and `SpanStatusCode` of OpenTelemetry's API, whose numbers are fixed. */
const internalKind = 0;
const clientKind = 2;
const errorStatus = 2;

class RecordingSpan implements Span {
  readonly context: Context;
  readonly #span: OpenTelemetrySpan;
  readonly #workIn: <T>(within: Context, work: () => T) => T;

  constructor(span: OpenTelemetrySpan, context: Context, doWorkIn: <T>(within: Context, work: () => T) => T) {
    this.#span = span;
    this.context = context;
    this.#workIn = doWorkIn;
  }

  setAttributes(attributes: SpanAttributes): void {
    this.#span.setAttributes({ ...attributes });
  }

  recordError(error: unknown): void {
    this.#span.setAttribute("error.type", errorType(error));
    this.#span.setStatus({ code: errorStatus });
  }

  end(): void {
    this.#span.end();
  }

  run<T>(work: () => T): T {
    return this.#workIn(this.context, work);
  }
}

/** The code of an error, or else its name. */
export function errorType(error: unknown): string {
  const { code, name } = Object(error) as { code?: unknown; name?: unknown };
  return String(code ?? name ?? typeof error);
}
