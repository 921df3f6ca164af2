import { createRequire } from "node:module";

export type OpenTelemetry = typeof import("@opentelemetry/api");

/** Where every copy of OpenTelemetry's API 1.x keeps the providers that the program registered. */
const registered = Symbol.for("opentelemetry.js.api.1");

let loaded: OpenTelemetry | "absent" | undefined;

/**
 * OpenTelemetry's API, where the program has registered a tracer with it. It is an optional peer: a program that does
 * not use it loads nothing, and pays for reading one global.
 */
export function opentelemetry(): OpenTelemetry | undefined {
  const providers = (globalThis as { [registered]?: { trace?: unknown } })[registered];
  if (!providers?.trace) return undefined;
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
