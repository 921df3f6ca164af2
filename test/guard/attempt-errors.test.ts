import { describe, expect, test } from "vitest";
import { toOutputError } from "../../src/guard/classify.ts";
import { createGuard } from "../../src/guard/create-guard.ts";
import { ReliableOrchestrator } from "../../src/orchestrate/reliable-orchestrator.ts";
import { ReliabilityState } from "../../src/orchestrate/state.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { defineTool } from "../../src/tool/define-tool.ts";
import { PromptBundleTool } from "../../src/tool/prompt/prompt-bundle-tool.ts";

const aborted = () => new DOMException("This operation was aborted", "AbortError");

/** A run of a tool that always fails so, with a fallback at hand. */
async function run(fail: () => unknown, signal?: AbortSignal) {
  let calls = 0;
  const tool = defineTool({
    name: "t",
    execute: async () => {
      calls++;
      throw fail();
    },
  });
  const other = defineTool({ name: "other", execute: async () => "from the other" });
  const reliabilityConfig = { maxRetries: 2, initialDelayMs: 1, jitter: false };
  const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState(), reliabilityConfig });
  const output = await orchestrator.run({ tool, request: {}, fallbackTools: [other], signal }).catch((error) => error);
  return { calls, output };
}

describe("a client that aborts while the run does not", () => {
  test.each([
    ["an AbortController as a timer", aborted()],
    ["AbortSignal.timeout", new DOMException("The operation was aborted due to timeout", "TimeoutError")],
    ["a package whose own abort is the cause", new Error("Request timed out.", { cause: aborted() })],
    ["axios", Object.assign(new Error("canceled"), { name: "CanceledError", code: "ERR_CANCELED" })],
  ])("is a timeout, tried again and replaced: %s", async (_, error) => {
    const { calls, output } = await run(() => error);
    expect(calls).toBe(3);
    expect(output).toMatchObject({ status: "completed", content: "from the other" });
    expect(output.errors.t).toMatchObject({ category: "timeout", isRetryable: true });
  });

  test("ends the call once the run's own signal has aborted", async () => {
    const controller = new AbortController();
    const { calls, output } = await run(() => {
      controller.abort("left");
      return aborted();
    }, controller.signal);
    expect(calls).toBe(1);
    expect(output).toMatchObject({ code: "CANCELLED", cause: "left" });
  });

  test("counts as a timeout in a guard that stands alone, unless its signal has aborted", async () => {
    const guard = createGuard({ retry: { maxRetries: 1, initialDelayMs: 0 } });
    let calls = 0;
    const fail = () => {
      calls++;
      throw aborted();
    };
    await expect(guard.run(fail)).rejects.toThrow("aborted");
    expect(calls).toBe(2);
    const controller = new AbortController();
    await expect(
      guard.run(
        () => {
          controller.abort("left");
          throw aborted();
        },
        { signal: controller.signal },
      ),
    ).rejects.toBe("left");
    expect(calls).toBe(2);
  });
});

describe("a failure that only an account's owner mends", () => {
  test.each([
    ["an empty account", 400, "Your credit balance is too low to access the API."],
    ["a spend limit", 403, "Key limit exceeded (total limit)."],
    ["a refused key", 401, "Incorrect API key provided"],
  ])("is not kept under an idempotency key: %s", async (_, status, message) => {
    const steps: (Error | string)[] = [Object.assign(new Error(message), { status }), "answer"];
    const tool = defineTool({
      name: "t",
      execute: async () => {
        const step = steps.shift();
        if (step instanceof Error) throw step;
        return step;
      },
    });
    const orchestrator = new ReliableOrchestrator({ store: new MemoryStore(), state: new ReliabilityState() });
    const ask = () => orchestrator.run({ tool, request: {}, options: { idempotencyKey: "k" } });
    expect(await ask()).toMatchObject({ status: "failed", errors: { t: { isRetryable: false } } });
    expect(await ask()).toMatchObject({ status: "completed", content: "answer" });
  });
});

describe("a request above the whole of a rate limit", () => {
  test("is asked once in a bundle, waits for nothing, and goes on to the fallback", async () => {
    const message = "Request too large on tokens per min (TPM): Limit 30000, Requested 342389.";
    const model = scriptedModel(async () => {
      throw Object.assign(new Error(message), { statusCode: 429, responseHeaders: { "retry-after": "60" } });
    });
    const tool = new PromptBundleTool({ name: "t", model, prompt: "?", defaultOptions: { k: 3, maxParallel: 1 } });
    const other = defineTool({ name: "other", execute: async () => "from the other" });
    const state = new ReliabilityState();
    const output = await new ReliableOrchestrator({ state }).run({ tool, request: {}, fallbackTools: [other] });
    expect(output).toMatchObject({ status: "completed", content: "from the other" });
    expect(model.calls).toHaveLength(1);
    expect(state.pauses()).toEqual({});
  });
});

describe("the message of a failure", () => {
  const messageOf = (error: unknown) => toOutputError(error, 1).message;
  const response = (responseBody: string) =>
    Object.assign(new Error("Bad Request"), { name: "AI_APICallError", statusCode: 400, responseBody });

  test("holds what the server said, wherever the body says it", () => {
    const field = { type: "less_than_equal", loc: ["body", "top_p"], msg: "Input should be less than or equal to 1" };
    expect(messageOf(response(JSON.stringify({ detail: [{ ...field, input: "the whole prompt" }] })))).toBe(
      "Bad Request: body.top_p: Input should be less than or equal to 1",
    );
    expect(messageOf(response('[{"error":{"message":"API key expired."}}]'))).toBe("Bad Request: API key expired.");
    expect(messageOf(response('{"error":"signal: killed"}'))).toBe("Bad Request: signal: killed");
    expect(messageOf(response("upstream connect error"))).toBe("Bad Request: upstream connect error");
    expect(messageOf(response("<html><style>p{}</style><title>Sign in</title></html>"))).toBe("Bad Request: Sign in");
    expect(messageOf(response('{"error":{"message":"Bad Request"}}'))).toBe("Bad Request");
    expect(messageOf(new Error("asking failed", { cause: response('{"error":"killed"}') }))).toBe(
      "asking failed: killed",
    );
  });

  test("is bounded, and shows no key", () => {
    expect(messageOf(response(`{"error":"${"long ".repeat(1_000)}"}`)).length).toBeLessThan(600);
    const faults = Array.from({ length: 20 }, (_, at) => ({ loc: ["body", at], msg: `${at} is too long `.repeat(10) }));
    expect(messageOf(response(JSON.stringify({ detail: faults }))).length).toBeLessThan(600);
    expect(messageOf(response('{"error":"Incorrect API key provided: sk-proj-abcdefghij0123456789"}'))).toBe(
      "Bad Request: Incorrect API key provided: [secret]",
    );
  });

  test("says why fetch failed, and the way out of its own time limit", () => {
    const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:9"), { code: "ECONNREFUSED" });
    expect(messageOf(new TypeError("fetch failed", { cause: refused }))).toBe(
      "fetch failed: connect ECONNREFUSED 127.0.0.1:9",
    );
    const slow = Object.assign(new Error("Headers Timeout Error"), { code: "UND_ERR_HEADERS_TIMEOUT" });
    expect(messageOf(new TypeError("fetch failed", { cause: slow }))).toMatch(
      /Headers Timeout Error.*300 s.*streaming/,
    );
  });
});
