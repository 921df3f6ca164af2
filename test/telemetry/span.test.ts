import { execFileSync } from "node:child_process";
import { isSpanContextValid, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { afterEach, describe, expect, test } from "vitest";
import { activeTraceId } from "../../src/telemetry/opentelemetry.ts";
import { noSpan, startSpan } from "../../src/telemetry/span.ts";
import { collectSpans, stopCollecting } from "./collect-spans.ts";

afterEach(stopCollecting);

describe("without OpenTelemetry", () => {
  test("every span is the one that does nothing, and there is no active trace", () => {
    expect(startSpan("run", { a: 1 })).toBe(noSpan);
    expect(startSpan("run", {}, noSpan).run(() => 7)).toBe(7);
    expect(activeTraceId()).toBeUndefined();
  });

  test("nothing of it is loaded", () => {
    const script = `
      import { activeTraceId } from "./src/telemetry/opentelemetry.ts";
      import { startSpan } from "./src/telemetry/span.ts";
      import { createRequire } from "node:module";
      startSpan("run", {}).end();
      activeTraceId();
      const loaded = Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes("opentelemetry"));
      console.log(loaded.length);`;
    const output = execFileSync(process.execPath, ["--input-type=module-typescript", "-e", script], {
      encoding: "utf8",
    });
    expect(output.trim()).toBe("0");
  });
});

describe("with OpenTelemetry", () => {
  test("a span has its name, its attributes and, where it failed, the code of the error and nothing it says", () => {
    const spans = collectSpans();
    const span = startSpan("execute_tool triage", { "gen_ai.operation.name": "execute_tool", left: undefined });
    span.setAttributes({ "steer.status": "failed" });
    span.recordError(Object.assign(new Error("secret"), { code: "BUDGET_EXCEEDED" }));
    span.end();
    const [finished] = spans.getFinishedSpans();
    expect(finished).toMatchObject({ name: "execute_tool triage", kind: SpanKind.INTERNAL, events: [] });
    expect(finished?.status).toEqual({ code: SpanStatusCode.ERROR });
    expect(finished?.attributes).toEqual({
      "gen_ai.operation.name": "execute_tool",
      "steer.status": "failed",
      "error.type": "BUDGET_EXCEEDED",
    });
  });

  test.each([
    [new TypeError("x"), "TypeError"],
    ["a string", "string"],
    [undefined, "undefined"],
  ])("a failure with %j is told as %s", (error, type) => {
    const spans = collectSpans();
    const span = startSpan("run", {});
    span.recordError(error);
    span.end();
    expect(spans.getFinishedSpans()[0]?.attributes["error.type"]).toBe(type);
  });

  test("a span stands below the parent that it is given, else below the active one", async () => {
    const spans = collectSpans();
    const run = startSpan("run", {});
    const given = startSpan("given", {}, run);
    await run.run(async () => {
      await Promise.resolve();
      startSpan("active", {}).end();
    });
    given.end();
    run.end();
    const [active, below, above] = spans.getFinishedSpans();
    expect([active, below].map((span) => span?.parentSpanContext?.spanId)).toEqual([
      above?.spanContext().spanId,
      above?.spanContext().spanId,
    ]);
    expect(above?.parentSpanContext).toBeUndefined();
  });

  test("the active trace is that of the span in which the caller runs", () => {
    collectSpans();
    expect(activeTraceId()).toBeUndefined();
    const span = startSpan("run", {});
    span.run(() => {
      const active = trace.getActiveSpan()?.spanContext();
      expect(active && isSpanContextValid(active)).toBe(true);
      expect(activeTraceId()).toBe(active?.traceId);
    });
    span.end();
  });
});
