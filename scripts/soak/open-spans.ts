import { context, trace } from "@opentelemetry/api";
import { BasicTracerProvider, type SpanProcessor } from "@opentelemetry/sdk-trace-base";
import { AsyncContextManager } from "../../test/telemetry/collect-spans.ts";

/** Counts the spans of this process that were started and ended, and keeps none. */
export class OpenSpans implements SpanProcessor {
  #started = 0;
  #ended = 0;

  /** Sets up OpenTelemetry as a program does at its start. */
  static register(): OpenSpans {
    const spans = new OpenSpans();
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [spans] }));
    context.setGlobalContextManager(new AsyncContextManager());
    return spans;
  }

  get ended(): number {
    return this.#ended;
  }

  get open(): number {
    return this.#started - this.#ended;
  }

  onStart(): void {
    this.#started++;
  }

  onEnd(): void {
    this.#ended++;
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}
