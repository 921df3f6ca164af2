import { describe, expect, test } from "vitest";
import { EventManager, type OrchestrationEvent } from "../../src/contract/event.ts";
import { InvalidOptionsError } from "../../src/index.ts";
import { createFakeClock } from "../../src/testing.ts";

const base = { seq: 3, timestamp: "2026-01-01T00:00:00.000Z", traceId: "t", requestId: "q", source: "s", attempt: 1 };
const warning: OrchestrationEvent = { ...base, type: "warning", message: "careful" };
const delta: OrchestrationEvent = { ...base, type: "delta", text: "a" };

describe("an event manager", () => {
  test("tells the listeners of a type of that type, those of * of all, in order", () => {
    const events = new EventManager();
    const heard: string[] = [];
    events.on("warning", (event) => heard.push(`warning ${event.message}`));
    events.on("*", (event) => heard.push(`any ${event.type}`));
    events.deliver(delta);
    events.deliver(warning);
    expect(heard).toEqual(["any delta", "warning careful", "any warning"]);
  });

  test("hands a run's events on as they are", () => {
    const events = new EventManager();
    const heard: unknown[] = [];
    events.on("*", (event) => heard.push(event));
    events.deliver(warning);
    expect(heard[0]).toBe(warning);
  });

  test("stops telling a listener that left, and goes on telling the others", () => {
    const events = new EventManager();
    const heard: string[] = [];
    const off = events.on("delta", () => heard.push("first"));
    events.on("delta", () => heard.push("second"));
    off();
    events.deliver(delta);
    expect(heard).toEqual(["second"]);
  });

  test("refuses a listener for a type that no event has, naming the nearest", () => {
    const events = new EventManager();
    const listenTo = (type: unknown) => () => events.on(type as "delta", () => {});
    expect(listenTo("replicate_dome")).toThrow(InvalidOptionsError);
    expect(listenTo("replicate_dome")).toThrow(
      /got "replicate_dome"; allowed: did you mean "replicate_done"\? "\*", or/,
    );
    expect(listenTo("toString")).toThrow(/got "toString"; allowed: "\*", or one of run_started, /);
    expect(listenTo(undefined)).toThrow(/got undefined/);
  });

  test("numbers and dates what is emitted outside of a run", () => {
    const events = new EventManager({ clock: createFakeClock(0) });
    const heard: OrchestrationEvent[] = [];
    events.on("progress", (event) => heard.push(event));
    events.emit("progress", { name: "http" });
    events.emit("progress", { name: "parse", data: { bytes: 5 } });
    expect(heard).toMatchObject([
      { type: "progress", seq: 0, timestamp: "1970-01-01T00:00:00.000Z", name: "http", traceId: "", requestId: "" },
      { seq: 1, data: { bytes: 5 } },
    ]);
  });

  test("reports listeners that throw or reject, and goes on", async () => {
    const errors: unknown[] = [];
    const events = new EventManager({ onListenerError: (error) => errors.push(error) });
    events.on("delta", () => {
      throw "thrown";
    });
    events.on("delta", async () => {
      throw "rejected";
    });
    events.on("delta", () => errors.push("heard"));
    events.deliver(delta);
    await new Promise((resolve) => setImmediate(resolve));
    expect(errors).toEqual(["thrown", "heard", "rejected"]);
  });
});
