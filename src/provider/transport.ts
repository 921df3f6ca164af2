import type { LanguageModelV4 } from "@ai-sdk/provider";
import { hideSecrets } from "../core/errors.ts";
import { endlessAnswer } from "./answer-error.ts";
import { askGoogleForLogprobs } from "./log-probabilities.ts";
import { asksForLogprobs, type ModelCall, samplesIn } from "./model-call.ts";
import { askForSamples } from "./samples.ts";
import { readWire } from "./wire.ts";

type Fetch = typeof globalThis.fetch;

const mebibyte = 2 ** 20;

/**
 * Bytes of text at which an answer is ended: far more than any tokenizer makes of its limit, with room for thoughts that some
 * servers do not count against it.
 */
export function outputCeiling(maxOutputTokens: number | undefined): number {
  return maxOutputTokens === undefined ? 4 * mebibyte : mebibyte / 16 + 64 * maxOutputTokens;
}

/** Bytes on the wire for one byte of text: an event of a stream wraps a few letters in some hundred bytes of JSON. */
const wrapping = 16;

/** Observations of one response on its way to the provider package. */
export interface Watch {
  /** Bytes that were read. */
  bytes: number;
  /** Error of a response that was ended for its length. */
  endless: Error | undefined;
  /** The whole of the response has come. */
  isRead: boolean;
  /** Whole body, and headers, of a response that should have been a stream and is none. */
  body: string | undefined;
  headers: Record<string, string> | undefined;
  /** Lines in a stream of events that belong to no event, such as the error that a proxy writes behind them. */
  stray: string;
  /** The provider package has begun to hand the stream on. Before that, it may wait for the first piece of text. */
  isOpen: boolean;
}

/**
 * Returns the model with an eye on its response: one without an end is ended, and one that is not a stream is kept for its error.
 * The request asks for what the package has no option for. The provider packages of the AI SDK hold the fetch they were made with in `config.fetch`, and no option of a call replaces it. A
 * model that is built otherwise is returned unchanged.
 */
export function watchBody(model: LanguageModelV4, call: ModelCall): { model: LanguageModelV4; watch: Watch } {
  const watch: Watch = {
    bytes: 0,
    endless: undefined,
    isRead: false,
    body: undefined,
    headers: undefined,
    stray: "",
    isOpen: false,
  };
  const { config } = model as { config?: unknown };
  if (typeof config !== "object" || config === null || !("fetch" in config)) return { model, watch };
  const ask = (config.fetch ?? globalThis.fetch) as Fetch;
  const ceiling = wrapping * outputCeiling(call.maxOutputTokens) * samplesIn(call);
  const fetch: Fetch = async (input, init) => {
    const asked = asksForLogprobs(call) ? askGoogleForLogprobs(model, init) : init;
    const samples = samplesIn(call);
    const sent = samples > 1 ? askForSamples(asked, samples) : asked;
    const bare = await ask(input, sent);
    const lines = call.onDelta && bare.ok && isOfEvents(bare) ? new EventLines(watch, call) : undefined;
    const response = bounded(bare, ceiling, watch, lines, (bytes) => endlessAnswer(model, bytes, call.maxOutputTokens));
    const isOdd = call.onDelta && response.ok && /\b(?:json|html)\b/i.test(response.headers.get("content-type") ?? "");
    if (!isOdd) return response;
    watch.body = await response.text();
    watch.headers = Object.fromEntries(response.headers);
    return new Response(watch.body, { status: response.status, headers: { "content-type": "text/event-stream" } });
  };
  const copy = Object.assign(Object.create(Object.getPrototypeOf(config)), config, { fetch });
  const watched = Object.create(model, { config: { value: copy } }) as LanguageModelV4;
  return { model: watched, watch };
}

function bounded(
  response: Response,
  ceiling: number,
  watch: Watch,
  lines: EventLines | undefined,
  toError: (bytes: number) => Error,
): Response {
  if (!response.body) return response;
  const body = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        watch.bytes += chunk.byteLength;
        lines?.take(chunk);
        if (watch.bytes <= ceiling) return controller.enqueue(chunk);
        watch.endless = toError(watch.bytes);
        controller.error(watch.endless);
      },
      flush(controller) {
        watch.isRead = true;
        // An event counts once an empty line has ended it, which some servers leave out at the end.
        if (lines) controller.enqueue(new TextEncoder().encode("\n\n"));
        lines?.end();
      },
    }),
  );
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}

/** Streams of events are text: Bedrock has a binary form of its own. */
function isOfEvents({ headers }: Response): boolean {
  return /^text\/(?:event-stream|plain)\b|^$/i.test(headers.get("content-type") ?? "");
}

/** Longest piece of stray text that is kept. */
const longestStray = 8_000;
/** No line is read beyond this length. */
const longestLine = 64_000;

/** Reads the lines of a stream of events on their way to the provider package, for what the package keeps to itself. */
class EventLines {
  readonly #decoder = new TextDecoder();
  readonly #watch: Watch;
  readonly #call: ModelCall;
  #line = "";

  constructor(watch: Watch, call: ModelCall) {
    this.#watch = watch;
    this.#call = call;
  }

  take(chunk: Uint8Array): void {
    const [first = "", ...others] = this.#decoder.decode(chunk, { stream: true }).split(/\r\n|\n|\r/);
    this.#line = (this.#line + first).slice(0, longestLine);
    for (const next of others) {
      this.#read(this.#line);
      this.#line = next.slice(0, longestLine);
    }
  }

  end(): void {
    this.#read(this.#line);
  }

  #read(line: string): void {
    const [, field, value = ""] = /^\uFEFF?(data|event|id|retry)?(?::(.*))?$/.exec(line) ?? [];
    const { onProgress, signal } = this.#call;
    const isField = field !== undefined || line.startsWith(":") || line.trim() === "";
    if (!isField) this.#watch.stray = `${this.#watch.stray}${line}\n`.slice(0, longestStray);
    else if (field === "data" && !this.#watch.isOpen && !signal.aborted && isSignOfLife(value)) onProgress?.();
  }
}

function isSignOfLife(data: string): boolean {
  try {
    return readWire(JSON.parse(data))?.isAlive === true;
  } catch {
    return false;
  }
}

/** Headers whose values are no secrets. */
const plainHeaders =
  /^(?:accept|accept-.*|content-.*|user-agent|host|anthropic-(?:version|beta)|openai-(?:organization|project)|http-referer|x-title)$/i;

/** Hides the key and the headers that a model was made with from whatever is shown, logged or kept. */
export async function hideKeysOf(model: object): Promise<void> {
  try {
    const { headers } = (model as { config?: { headers?: unknown } }).config ?? {};
    hideHeaders(await (typeof headers === "function" ? headers() : headers));
  } catch {
    // A function that fails to give the headers has given none to the call either.
  }
}

/** Hides the values of headers, where they may be secrets. */
export function hideHeaders(headers: unknown): void {
  if (typeof headers !== "object" || headers === null) return;
  const entries = headers instanceof Headers ? headers.entries() : Object.entries(headers);
  for (const [name, value] of entries) {
    if (plainHeaders.test(name) || typeof value !== "string") continue;
    hideSecrets([value, value.replace(/^(?:Bearer|Basic|Api-Key|Token)\s+/i, "")]);
  }
}
