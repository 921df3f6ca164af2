import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import {
  APICallError,
  EmptyResponseBodyError,
  InvalidPromptError,
  LoadAPIKeyError,
  NoSuchModelError,
} from "@ai-sdk/provider";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BudgetExceeded,
  CancelledError,
  ConflictError,
  InvalidOutputError,
  ToolExecutionError,
} from "../../src/contract/errors.ts";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import { classify } from "../../src/guard/classify.ts";
import { createGuard } from "../../src/guard/create-guard.ts";
import { CircuitOpenError, RetryableError, TimeoutError } from "../../src/guard/errors.ts";

const withStatus = (status: number, more: object = {}) =>
  Object.assign(new Error(`HTTP ${status}`), { status, ...more });
const summary = (error: unknown) => {
  const { category, isRetryable, breaker } = classify(error);
  return `${category} ${isRetryable ? "retry" : "no"} ${breaker}`;
};

/** An error as the AI SDK makes it of an HTTP response. */
function apiError(statusCode: number | undefined, body: unknown = {}, more: object = {}): APICallError {
  return new APICallError({
    message: "call failed",
    url: "https://api.example",
    requestBodyValues: {},
    ...(statusCode !== undefined && { statusCode }),
    responseBody: JSON.stringify(body),
    ...more,
  });
}

describe("what an HTTP status means", () => {
  test.each([
    [400, "invalid_request no neutral"],
    [401, "authentication no neutral"],
    [402, "quota_exhausted no neutral"],
    [403, "authentication no neutral"],
    [404, "invalid_request no neutral"],
    [408, "timeout retry failure"],
    [409, "unknown no neutral"],
    [410, "unknown no neutral"],
    [413, "context_length no neutral"],
    [423, "unknown no neutral"],
    [425, "server_error retry failure"],
    [422, "invalid_request no neutral"],
    [429, "rate_limit retry cooldown"],
    [451, "content_filter no neutral"],
    [498, "overloaded retry failure"],
    [500, "server_error retry failure"],
    [503, "server_error retry failure"],
    [504, "timeout retry failure"],
    [529, "overloaded retry failure"],
  ])("%i: %s", (status, expected) => {
    expect(summary(withStatus(status))).toBe(expected);
    expect(summary({ statusCode: status })).toBe(expected);
    expect(summary(Object.assign(new Error("axios"), { response: { status } }))).toBe(expected);
    expect(summary(Object.assign(new Error("aws"), { $metadata: { httpStatusCode: status } }))).toBe(expected);
    expect(summary(apiError(status))).toBe(expected);
    expect(classify(withStatus(status)).code).toBe(`HTTP_${status}`);
  });
});

describe("what a provider's own words mean", () => {
  test.each([
    [429, { error: { code: "insufficient_quota" } }, "quota_exhausted no neutral"],
    [400, { error: { code: "context_length_exceeded" } }, "context_length no neutral"],
    [400, { error: { code: "content_filter" } }, "content_filter no neutral"],
    [404, { error: { code: "model_not_found" } }, "authentication no neutral"],
    [404, { type: "error", error: { type: "not_found_error", message: "model: x" } }, "authentication no neutral"],
    [529, { type: "error", error: { type: "overloaded_error" } }, "overloaded retry failure"],
    [200, { type: "error", error: { type: "overloaded_error" } }, "overloaded retry failure"],
    [429, { error: { type: "rate_limit_error" } }, "rate_limit retry cooldown"],
  ])("under status %i: %j", (status, body, expected) => {
    expect(summary(apiError(status, body))).toBe(expected);
  });

  test("count in a message too, where a provider has no code for them", () => {
    const said = (status: number, message: string) => classify(Object.assign(new Error(message), { status })).category;
    expect(said(400, "Your credit balance is too low to access the API")).toBe("quota_exhausted");
    expect(said(400, "This model's maximum context length is 8192 tokens")).toBe("context_length");
    expect(said(400, "prompt is too long: 210000 tokens > 200000 maximum")).toBe("context_length");
    expect(said(400, "API key not valid. Please pass a valid API key.")).toBe("authentication");
    expect(said(404, "models/gemini-9 is not found for API version v1")).toBe("authentication");
    expect(said(429, "You exceeded your current quota, please check your plan")).toBe("quota_exhausted");
    expect(said(503, "prompt is too long")).toBe("server_error");
  });

  test("of a quota mean a rate limit where the provider says when to come back", () => {
    const message = "You exceeded your current quota, please check your plan and billing details.";
    const body = { error: { code: 429, status: "RESOURCE_EXHAUSTED", message, details: [{ retryDelay: "34s" }] } };
    expect(classify(apiError(429, body, { message }), "google.generative-ai")).toMatchObject({
      category: "rate_limit",
      isRetryable: true,
      breaker: "cooldown",
      retryAfterMs: 34_000,
    });
    const withHeader = Object.assign(new Error(message), { status: 429, headers: { "retry-after": "2" } });
    expect(classify(withHeader).category).toBe("rate_limit");
    expect(
      classify(apiError(429, { error: { code: "insufficient_quota" } }, { responseHeaders: { "retry-after": "2" } }))
        .category,
    ).toBe("quota_exhausted");
  });

  test("are read from a part of a stream too, which is no Error", () => {
    expect(classify({ type: "overloaded_error", message: "Overloaded" }).category).toBe("overloaded");
  });
});

describe("what Node, undici and the AI SDK mean", () => {
  test.each([
    "ECONNRESET",
    "ECONNREFUSED",
    "EAI_AGAIN",
    "ETIMEDOUT",
    "EPIPE",
    "UND_ERR_SOCKET",
    "UND_ERR_BODY_TIMEOUT",
  ])("%s, at any depth, is the network", (code) => {
    const cause = Object.assign(new Error("inner"), { code });
    const error = apiError(undefined, {}, { isRetryable: true, cause: new TypeError("fetch failed", { cause }) });
    expect(classify(error)).toMatchObject({ category: "network", isRetryable: true, breaker: "failure", code });
  });

  test.each([
    ["UND_ERR_INFO", "network retry failure"],
    ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "network retry failure"],
    ["UND_ERR_RES_EXCEEDED_MAX_SIZE", "network retry failure"],
    ["UND_ERR_HEADERS_OVERFLOW", "network retry failure"],
    ["UND_ERR_PRX_TLS", "network retry failure"],
    ["UND_ERR_OF_NEXT_YEAR", "network retry failure"],
    ["HPE_INVALID_CONSTANT", "network retry failure"],
    ["UND_ERR_ABORT", "cancelled no neutral"],
    ["UND_ERR_ABORTED", "cancelled no neutral"],
    ["UND_ERR_INVALID_ARG", "unknown no neutral"],
    ["UND_ERR_INVALID_RETURN_VALUE", "unknown no neutral"],
    ["UND_ERR_NOT_SUPPORTED", "unknown no neutral"],
    ["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "unknown no neutral"],
    ["UND_ERR_BPL_MISSING_UPSTREAM", "unknown no neutral"],
  ])("%s of undici: %s", (code, expected) => {
    const cause = Object.assign(new Error("inner"), { code });
    expect(summary(new TypeError("fetch failed", { cause }))).toBe(expected);
    expect(classify(cause).code).toBe(code);
  });

  test("undici's errors for a response: what its status means", () => {
    for (const code of ["UND_ERR_RESPONSE", "UND_ERR_RESPONSE_STATUS_CODE", "UND_ERR_REQ_RETRY"]) {
      const failed = (statusCode: number) => Object.assign(new Error("failed"), { code, statusCode });
      expect(summary(failed(400))).toBe("invalid_request no neutral");
      expect(summary(failed(429))).toBe("rate_limit retry cooldown");
      expect(classify(failed(503))).toMatchObject({ category: "server_error", code: "HTTP_503" });
      expect(summary(failed(206))).toBe("network retry failure");
    }
  });

  test("a real refused connection, a real cut response and a real abort", async () => {
    const closed = await answer(
      (_, response) => response.end(),
      async (response) => {
        await response.text();
        return response.url;
      },
    );
    const refused = await fetch(closed as string).catch((error) => error);
    expect(classify(refused)).toMatchObject({ category: "network", isRetryable: true, code: "ECONNREFUSED" });
    const cut = await answer(
      (_, response) => {
        response.writeHead(200, { "content-length": "1000" });
        response.write("part", () => response.destroy());
      },
      (response) => response.text(),
    );
    expect(classify(cut)).toMatchObject({ category: "network", isRetryable: true });
    const aborted = await fetch("http://127.0.0.1:9999", { signal: AbortSignal.abort() }).catch((error) => error);
    expect(summary(aborted)).toBe("cancelled no neutral");
    const timedOut = await answer(
      () => {},
      () => {},
      { signal: AbortSignal.timeout(1) },
    );
    expect(summary(timedOut)).toBe("timeout retry failure");
  });

  test("errors of the AI SDK that are no responses", () => {
    expect(summary(new LoadAPIKeyError({ message: "no key" }))).toBe("authentication no neutral");
    expect(summary(new NoSuchModelError({ modelId: "x", modelType: "languageModel" }))).toBe(
      "authentication no neutral",
    );
    expect(summary(new InvalidPromptError({ prompt: 1, message: "bad" }))).toBe("invalid_request no neutral");
    expect(summary(new EmptyResponseBodyError())).toBe("server_error retry failure");
    expect(summary(apiError(200, "garbage", { message: "Invalid JSON response" }))).toBe("server_error retry failure");
    expect(summary({ name: "AI_RetryError", lastError: apiError(529) })).toBe("overloaded retry failure");
  });
});

describe("our own errors", () => {
  test.each([
    [new InvalidOutputError(["/a: missing"]), "invalid_output retry neutral"],
    [new TimeoutError("attempt", 5), "timeout retry failure"],
    [new CircuitOpenError("p", "open", 5), "circuit_open no neutral"],
    [new BudgetExceeded("tokens", 1, 2), "budget no neutral"],
    [new CancelledError("left"), "cancelled no neutral"],
    [new CancelledError("Too many requests: rate limit exceeded"), "cancelled no neutral"],
    [new InvalidOptionsError([]), "invalid_request no neutral"],
    [new ConflictError("k", "another request"), "invalid_request no neutral"],
    [new ConflictError("k", "runs elsewhere", { reason: "in_flight" }), "unknown no neutral"],
    [new ToolExecutionError("t", withStatus(503)), "server_error retry failure"],
    [new RetryableError("busy"), "server_error retry failure"],
  ])("%s", (error, expected) => {
    expect(summary(error)).toBe(expected);
  });
});

describe("an explicit isRetryable", () => {
  test("is honoured both ways, on the error or on its cause", () => {
    expect(classify(withStatus(503, { isRetryable: false }))).toMatchObject({ isRetryable: false, breaker: "failure" });
    expect(classify(withStatus(400, { isRetryable: true }))).toMatchObject({ isRetryable: true, breaker: "neutral" });
    expect(summary(withStatus(409, { isRetryable: true }))).toBe("unknown retry neutral");
    expect(classify(Object.assign(new TypeError("mine"), { isRetryable: true })).isRetryable).toBe(true);
    expect(classify(new Error("outer", { cause: withStatus(503, { isRetryable: false }) })).isRetryable).toBe(false);
  });

  test("of the AI SDK does not make an empty account worth another try", () => {
    const error = apiError(429, { error: { code: "insufficient_quota" } });
    expect(error.isRetryable).toBe(true);
    expect(summary(error)).toBe("quota_exhausted no neutral");
  });
});

describe("how long to wait", () => {
  const nowMs = Date.parse("2026-01-01T00:00:00Z");
  const waits = (headers: unknown, more: object = {}) =>
    classify(withStatus(429, { headers, ...more }), undefined, nowMs).retryAfterMs;

  test("is read from seconds, milliseconds and dates, in any kind of headers", () => {
    expect(waits({ "retry-after": "2" })).toBe(2000);
    expect(waits({ "Retry-After": 2 })).toBe(2000);
    expect(waits(new Headers({ "Retry-After": "0.5" }))).toBe(500);
    expect(waits({ "retry-after": "9", "retry-after-ms": "1500" })).toBe(1500);
    expect(waits({ "retry-after": "Thu, 01 Jan 2026 00:01:00 GMT" })).toBe(60_000);
    expect(waits({ "retry-after": "Wed, 31 Dec 2025 23:59:00 GMT" })).toBe(0);
    expect(classify(apiError(429, {}, { responseHeaders: { "retry-after": "3" } })).retryAfterMs).toBe(3000);
    expect(classify(new RetryableError("busy", { retryAfterMs: 70 })).retryAfterMs).toBe(70);
  });

  test("is read from headers however they are kept: in a map, in lists of names and values, with several values", () => {
    for (const name of ["retry-after", "Retry-After", "RETRY-AFTER"]) {
      expect(waits(new Map([["x", "1"]]).set(name, "2"))).toBe(2000);
      expect(waits(["x", "1", name, "2"])).toBe(2000);
      expect(
        waits([
          ["x", "1"],
          [name, "2"],
        ]),
      ).toBe(2000);
      expect(waits({ x: "1", [name]: ["2", "3"] })).toBe(2000);
      expect(waits({ get: (asked: string) => (asked === "retry-after" ? "2" : null) })).toBe(2000);
    }
    expect(waits(["retry-after"])).toBeUndefined();
  });

  test("is found in a cause, the outermost word first", () => {
    const cause = withStatus(429, { headers: { "retry-after": "3" } });
    const outer = new Error("asking failed", { cause: new Error("the model failed", { cause }) });
    expect(classify(outer)).toMatchObject({ category: "rate_limit", retryAfterMs: 3000 });
    expect(classify(Object.assign(outer, { retryAfterMs: 70 })).retryAfterMs).toBe(70);
    expect(classify({ name: "AI_RetryError", lastError: cause }).retryAfterMs).toBe(3000);
  });

  test("is counted from the response's own date, whatever our clock says", () => {
    const headers = { date: "Thu, 01 Jan 2026 10:00:00 GMT", "retry-after": "Thu, 01 Jan 2026 10:00:07 GMT" };
    expect(waits(headers)).toBe(7000);
  });

  test("is read from Google's body, also behind a server of another name", () => {
    const body = { error: { status: "RESOURCE_EXHAUSTED", details: [{ "@type": "RetryInfo", retryDelay: "34.5s" }] } };
    expect(classify(apiError(429, body), "google.generative-ai").retryAfterMs).toBe(34_500);
    expect(classify(apiError(429, body), "openai").retryAfterMs).toBe(34_500);
  });

  test("is not known from what makes no sense", () => {
    for (const value of ["", "soon", "-5", "NaN", "Infinity"]) expect(waits({ "retry-after": value })).toBeUndefined();
  });
});

describe("anything at all that was thrown", () => {
  test("is classified, never an exception, and unknown things are neither retried nor held against the provider", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), (thrown) => {
        const { category, isRetryable, breaker } = classify(thrown);
        if (category === "unknown") expect([isRetryable, breaker]).toEqual([false, "neutral"]);
      }),
    );
    for (const thrown of [undefined, null, "text", 5, new TypeError("mine"), { constructor: { name: "x" } }])
      expect(summary(thrown)).toBe("unknown no neutral");
  });

  test("may throw itself where it is read, which is what its call fails with all the same", async () => {
    const broken = () => {
      throw new Error("broken getter");
    };
    const unreadable = [
      Object.defineProperty({}, "status", { get: broken }),
      Object.defineProperty(new Error(), "message", { get: broken }),
      withStatus(429, { headers: { get: broken } }),
      new Error("outer", { cause: Object.defineProperty({}, "cause", { get: broken }) }),
    ];
    for (const thrown of unreadable) {
      expect(summary(thrown)).toBe("unknown no neutral");
      await expect(createGuard().run(() => Promise.reject(thrown))).rejects.toBe(thrown);
    }
  });

  test("may be its own cause", () => {
    const error = new Error("round");
    error.cause = error;
    expect(summary(error)).toBe("unknown no neutral");
  });
});

/** What reading the response of a real server throws. */
async function answer(
  listener: RequestListener,
  read: (response: Response) => unknown,
  init?: RequestInit,
): Promise<unknown> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await read(await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, init));
  } catch (error) {
    return error;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
