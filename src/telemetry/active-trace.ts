import { opentelemetry } from "./opentelemetry.ts";

/** The id of the OpenTelemetry trace that the caller is in; `undefined` where there is none. */
export function activeTraceId(): string | undefined {
  const api = opentelemetry("trace");
  const spanContext = api?.trace.getActiveSpan()?.spanContext();
  return api && spanContext && api.isSpanContextValid(spanContext) ? spanContext.traceId : undefined;
}
