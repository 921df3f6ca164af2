import { readFileSync } from "node:fs";

/** How one server answers, and what has to come of it. */
export interface Row {
  readonly id: string;
  readonly kind: string;
  readonly topic?: string;
  readonly server: string;
  readonly api: "openai-chat" | "openai-responses" | "openai-compatible" | "anthropic" | "google" | "mistral" | "any";
  readonly given: Given;
  readonly expected: Expected;
  /** Where the right outcome comes from. */
  readonly why: string;
}

export interface Given {
  readonly ask?: {
    readonly schema?: boolean;
    readonly k?: number;
    readonly budget?: Record<string, number>;
    readonly maxOutputTokens?: number;
    readonly model?: string;
    readonly fallbackModel?: string;
    readonly streaming?: boolean;
    readonly timeoutMs?: number;
    readonly firstChunkTimeoutMs?: number;
    readonly chunkTimeoutMs?: number;
    readonly maxRetries?: number;
    /** `"name"`: the model is named by text, with the server's address. */
    readonly by?: string;
  };
  readonly status?: number;
  readonly headers?: Record<string, string>;
  /** A whole answer; a text is sent as it is. */
  readonly body?: unknown;
  readonly bodies?: readonly unknown[];
  /** Payloads of a stream. */
  readonly events?: readonly unknown[];
  /** A stream as it is written. */
  readonly raw?: string | readonly string[];
  readonly gapMs?: number;
  /** The connection stays open. */
  readonly open?: boolean;
  readonly endless?: { readonly first?: string; readonly piece: string; readonly type: string };
  readonly refuses?: {
    readonly field: string;
    readonly above?: number;
    readonly below?: number;
    readonly present?: boolean;
    readonly equals?: unknown;
    readonly status: number;
    readonly headers?: Record<string, string>;
    readonly body: unknown;
  };
  readonly thinks?: { readonly tokens: number; readonly answer: string };
  readonly transport?: string;
  readonly thrown?: Thrown;
  /** The answer stays the same for ever. */
  readonly lasts?: boolean;
}

/** An error as data. */
export interface Thrown {
  readonly class?: string;
  readonly name?: string;
  readonly message?: string;
  readonly properties?: object;
  readonly cause?: Thrown;
}

export interface Expected {
  readonly category?: string | readonly string[];
  readonly isRetryable?: boolean;
  readonly breaker?: string;
  readonly retryAfterMs?: number;
  readonly fallback?: boolean;
  /** The given answer may vote. */
  readonly valid?: boolean;
  readonly value?: unknown;
  readonly usage?: Record<string, unknown>;
  readonly calls?: number;
  readonly status?: string | readonly string[];
  /** Status of another run after it. */
  readonly later?: string;
  readonly withinMs?: number;
  readonly minValid?: number;
  readonly neverRefused?: boolean;
  readonly by?: string;
  readonly says?: string | readonly string[];
  readonly orSays?: string;
  readonly asksAgain?: "unchanged";
  readonly level?: "should";
  readonly note?: string;
}

/** `public-reports` come from bug reports about other clients of the same servers; `siblings` are of the same kinds. */
export function readRows(name: "public-reports" | "siblings"): Row[] {
  const text = readFileSync(new URL(`${name}.jsonl`, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);
}
