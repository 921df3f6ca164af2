import { readFileSync } from "node:fs";
import { APICallError } from "@ai-sdk/provider";
import { describe, expect, test } from "vitest";
import { classify, toOutputError } from "../../src/guard/classify.ts";

/** Answer of a server, and what has to come of it. */
interface Row {
  /** The server, or its kind, and the case. */
  readonly says: string;
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body: unknown;
  readonly category?: string | string[];
  readonly isRetryable?: boolean;
  /** `null`: the answer says nothing of a wait. */
  readonly retryAfterMs?: number | null;
  /** Words of the body that stand in the error's message. */
  readonly message?: string | string[];
  /** A secret in the body that stands in no message. */
  readonly hides?: string;
}

const rows = readFileSync(new URL("error-bodies.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Row);

/** An error as the AI SDK makes it of a response whose body it does not understand. */
function errorOf({ status, headers, body }: Row): APICallError {
  const { error } = (typeof body === "object" && body !== null ? body : {}) as { error?: { message?: unknown } };
  return new APICallError({
    message: typeof error?.message === "string" ? error.message : "Bad Request",
    url: "https://api.example",
    requestBodyValues: {},
    statusCode: status,
    responseBody: typeof body === "string" ? body : JSON.stringify(body),
    ...(headers && { responseHeaders: headers }),
  });
}

describe("an error response of a server", () => {
  test.each(rows)("comes out right: $says", (row) => {
    const error = errorOf(row);
    const { category, isRetryable, retryAfterMs } = classify(error);
    if (row.category !== undefined) expect([row.category].flat()).toContain(category);
    if (row.isRetryable !== undefined) expect(isRetryable).toBe(row.isRetryable);
    if (row.retryAfterMs !== undefined) expect(retryAfterMs ?? null).toBe(row.retryAfterMs);
    const { message } = toOutputError(error, 1);
    for (const words of [row.message ?? []].flat()) expect(message).toContain(words);
    if (row.hides !== undefined) expect(message).not.toContain(row.hides);
  });
});

describe("an answer that could not be read", () => {
  const failed = (more: object) =>
    Object.assign(
      new APICallError({ message: "x", url: "https://api.example", requestBodyValues: {}, statusCode: 200 }),
      more,
    );

  test("says what broke, where its package says only that something did", () => {
    const cause = Object.assign(new TypeError("terminated"), {
      cause: Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" }),
    });
    const error = failed({ message: "Failed to process successful response", cause });
    expect(classify(error)).toMatchObject({ category: "network", isRetryable: true });
    expect(toOutputError(error, 1).message).toContain("other side closed");
  });

  test("is a failure of the server where it is a redirect, as it is where the page behind it came", () => {
    expect(classify(failed({ statusCode: 302 }))).toMatchObject({ category: "server_error", isRetryable: true });
  });
});
