import { createRequire } from "node:module";

export type OpenTelemetry = typeof import("@opentelemetry/api");

/** Place where every copy of OpenTelemetry's API 1.x keeps the providers that the program registered. */
const registered = Symbol.for("opentelemetry.js.api.1");

let loaded: OpenTelemetry | "absent" | undefined;

/**
 * OpenTelemetry's API, where the program has registered a provider of traces, or of metrics, with it. It is an optional
 * peer: a program that does not use it loads nothing, and pays for reading one global.
 */
export function opentelemetry(signal: "trace" | "metrics"): OpenTelemetry | undefined {
  const providers = (globalThis as { [registered]?: { trace?: unknown; metrics?: unknown } })[registered];
  if (!providers?.[signal]) return undefined;
  loaded ??= load();
  return loaded === "absent" ? undefined : loaded;
}

function load(): OpenTelemetry | "absent" {
  try {
    return createRequire(import.meta.url)("@opentelemetry/api") as OpenTelemetry;
  } catch {
    return "absent";
  }
}

/** The id of the OpenTelemetry trace that the caller is in; `undefined` where there is none. */
export function activeTraceId(): string | undefined {
  const api = opentelemetry("trace");
  const spanContext = api?.trace.getActiveSpan()?.spanContext();
  return api && spanContext && api.isSpanContextValid(spanContext) ? spanContext.traceId : undefined;
}
