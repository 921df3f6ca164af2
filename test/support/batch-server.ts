import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text as readAll } from "node:stream/consumers";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import type { BatchProvider } from "../../src/provider/batched-model.ts";

export type BatchApi = "openai" | "anthropic";

/** End of one request of a batch that is no answer. */
export type ItemEnd = "expired" | "cancelled" | "missing" | { readonly status: number; readonly body: unknown };

export interface BatchServerOptions {
  /** Text of an answer, by its number from 0 and its request. */
  readonly answer?: ((number: number, body: any) => string) | undefined;
  /** End of a request in place of an answer; `undefined` for an answer. */
  readonly end?: ((body: any, batch: number) => ItemEnd | undefined) | undefined;
  /** Looks at a batch before it has ended. Default: 1. */
  readonly looks?: number | undefined;
  /** Error that a batch fails with as a whole, by its number from 0 and its size. */
  readonly fail?: ((batch: number, size: number) => { code: string; message: string } | undefined) | undefined;
  /** Refuses a request, before anything is made of it. */
  readonly refuse?: ((step: string, count: number) => { status: number; body: unknown } | undefined) | undefined;
  /** Hears of each request before anything is made of it, and after that, before its response; `"break"` breaks the connection. */
  readonly onStep?: ((step: string, isDone: boolean) => "break" | undefined) | undefined;
  /** Answers in the reverse order. */
  readonly isReversed?: boolean | undefined;
  readonly promptTokens?: number | undefined;
}

interface Batch {
  readonly id: string;
  readonly api: BatchApi;
  readonly requests: readonly { readonly custom_id: string; readonly body: any; readonly line: any }[];
  readonly createdMs: number;
  readonly failure: { code: string; message: string } | undefined;
  looks: number;
  hasEnded: boolean;
  readonly lines: { readonly good: string[]; readonly bad: string[] };
}

/** Requests that were answered, and are billed. */
export interface Billed {
  readonly body: any;
  readonly text: string;
}

export interface BatchServer extends AsyncDisposable {
  readonly origin: string;
  readonly batches: readonly Batch[];
  readonly billed: readonly Billed[];
  readonly steps: readonly string[];
  readonly bodies: readonly { readonly step: string; readonly body: any; readonly headers: any }[];
  provider(api: BatchApi): BatchProvider & ((modelId: string) => any);
}

/**
 * A server on this machine that takes batches as their vendors document it:
 * - OpenAI, https://developers.openai.com/api/docs/guides/batch and https://developers.openai.com/api/reference/resources/batches:
 *   a file of lines with `custom_id`, `method`, `url` and `body` is uploaded with the purpose `batch`; `POST /batches` names it, its
 *   endpoint and its window of `24h`; answers come as lines of an output file in any order, errors as those of an error file
 * - Anthropic, https://platform.claude.com/docs/en/build-with-claude/batch-processing and
 *   https://platform.claude.com/docs/en/api/messages/batches: `POST /messages/batches` with `requests` of `custom_id` and `params`;
 *   `processing_status`, `request_counts`, and lines of results of the types `succeeded`, `errored`, `canceled` and `expired`
 */
export async function startBatchServer(options: BatchServerOptions = {}): Promise<BatchServer> {
  const { answer = () => "yes", looks = 1, promptTokens = 100 } = options;
  const batches: Batch[] = [];
  const billed: Billed[] = [];
  const steps: string[] = [];
  const bodies: { step: string; body: any; headers: any }[] = [];
  const files = new Map<string, string>();
  let fileCount = 0;

  function create(api: BatchApi, requests: Batch["requests"]): Batch {
    const failure = options.fail?.(batches.length, requests.length);
    const id = `${api === "openai" ? "batch" : "msgbatch"}_${batches.length + 1}`;
    const lines = { good: [] as string[], bad: [] as string[] };
    const batch: Batch = { id, api, requests, createdMs: Date.now(), failure, looks: 0, hasEnded: false, lines };
    batches.push(batch);
    if (!failure) work(batch);
    return batch;
  }

  /** Answers the requests of a batch: they are billed, if they are ever looked at or not. */
  function work({ id, api, requests, lines }: Batch): void {
    for (const { custom_id, body } of requests) {
      const end = options.end?.(body, batches.length - 1);
      if (end === "missing") continue;
      if (end === undefined) {
        const text = answer(billed.length, body);
        billed.push({ body, text });
        lines.good.push(answerLine(api, custom_id, body, text, billed.length, promptTokens));
      } else lines.bad.push(errorLine(api, custom_id, end));
    }
    if (options.isReversed) for (const each of [lines.good, lines.bad]) each.reverse();
    files.set(`${id}-output`, lines.good.join(""));
    files.set(`${id}-errors`, lines.bad.join(""));
  }

  async function handle(
    step: string,
    request: IncomingMessage,
    text: string,
  ): Promise<[status: number, body: unknown]> {
    const path = (request.url ?? "").split("?")[0] ?? "";
    if (step === "upload") {
      const type = request.headers["content-type"] ?? "";
      const form = await new Response(text, { headers: { "content-type": type } }).formData();
      const id = `file-${++fileCount}`;
      files.set(id, await (form.get("file") as File).text());
      bodies.push({
        step,
        headers: request.headers,
        body: Object.fromEntries([...form].filter(([name]) => name !== "file")),
      });
      return [200, { id, object: "file", bytes: 1, created_at: 1, filename: "batch.jsonl", purpose: "batch" }];
    }
    if (step === "create") {
      const body = JSON.parse(text);
      bodies.push({ step, headers: request.headers, body });
      if (path.startsWith("/openai")) {
        const lines = (files.get(body.input_file_id) ?? "")
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line));
        return [
          200,
          openaiBatch(
            create(
              "openai",
              lines.map((line) => ({ ...line, line })),
            ),
          ),
        ];
      }
      const requests = body.requests.map((line: any) => ({ custom_id: line.custom_id, body: line.params, line }));
      return [200, anthropicBatch(create("anthropic", requests), origin)];
    }
    if (step === "list") {
      const api = path.startsWith("/openai") ? "openai" : "anthropic";
      const data = batches.filter((batch) => batch.api === api).toReversed();
      const shown = data.map((batch) => (api === "openai" ? openaiBatch(batch) : anthropicBatch(batch, origin)));
      return [200, { object: "list", data: shown, has_more: false, last_id: null, first_id: null }];
    }
    const id = /(?:batches|files)\/([^/]+)/.exec(path)?.[1] ?? "";
    const batch = batches.find((each) => each.id === id || id.startsWith(`${each.id}-`));
    if (!batch) return [404, { error: { message: `No such batch: ${id}`, type: "invalid_request_error" } }];
    if (step === "look") {
      if (!batch.failure && batch.looks++ >= looks) batch.hasEnded = true;
      return [200, batch.api === "openai" ? openaiBatch(batch) : anthropicBatch(batch, origin)];
    }
    if (step === "read")
      return [200, batch.api === "openai" ? (files.get(id) ?? "") : [...batch.lines.bad, ...batch.lines.good].join("")];
    return [404, { error: { message: "unknown path" } }];
  }

  const server = createServer(async (request, response) => {
    const text = await readAll(request);
    const step = stepOf(request);
    steps.push(step);
    if (options.onStep?.(step, false)) return void request.socket.destroy();
    const refused = options.refuse?.(step, steps.filter((each) => each === step).length);
    const [status, body] = refused ? [refused.status, refused.body] : await handle(step, request, text);
    if (options.onStep?.(step, true)) return void request.socket.destroy();
    respond(response, status, body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    batches,
    billed,
    steps,
    bodies,
    provider: (api) =>
      (api === "openai"
        ? createOpenAI({ baseURL: `${origin}/openai/v1`, apiKey: "k" })
        : createAnthropic({ baseURL: `${origin}/anthropic/v1`, apiKey: "k" })) as any,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function stepOf({ method, url = "" }: IncomingMessage): string {
  const path = url.split("?")[0] ?? "";
  if (path.endsWith("/files")) return "upload";
  if (path.endsWith("/batches")) return method === "POST" ? "create" : "list";
  return /\/(?:content|results)$/.test(path) ? "read" : "look";
}

function respond(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": typeof body === "string" ? "application/x-jsonl" : "application/json" });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

function openaiBatch({ id, createdMs, failure, hasEnded, lines, requests }: Batch): object {
  const created = Math.floor(createdMs / 1_000);
  const isExpired = lines.bad.some((line) => line.includes("batch_expired"));
  const total = requests.length;
  return {
    id,
    object: "batch",
    endpoint: "/v1/responses",
    input_file_id: "file-1",
    completion_window: "24h",
    status: failure ? "failed" : !hasEnded ? "in_progress" : isExpired ? "expired" : "completed",
    errors: failure ? { object: "list", data: [{ ...failure, line: null, param: null }] } : null,
    output_file_id: hasEnded && lines.good.length > 0 ? `${id}-output` : null,
    error_file_id: hasEnded && lines.bad.length > 0 ? `${id}-errors` : null,
    created_at: created,
    expires_at: created + 86_400,
    request_counts: { total, completed: hasEnded ? lines.good.length : 0, failed: hasEnded ? lines.bad.length : 0 },
    metadata: null,
  };
}

function anthropicBatch({ id, createdMs, hasEnded, lines, requests }: Batch, origin: string): object {
  const count = (type: string) => (hasEnded ? lines.bad.filter((line) => line.includes(`"type":"${type}"`)).length : 0);
  const succeeded = hasEnded ? lines.good.length : 0;
  const processing = hasEnded ? 0 : requests.length;
  const counts = { errored: count("errored"), canceled: count("canceled"), expired: count("expired") };
  return {
    id,
    type: "message_batch",
    processing_status: hasEnded ? "ended" : "in_progress",
    request_counts: { processing, succeeded, ...counts },
    created_at: new Date(createdMs).toISOString(),
    expires_at: new Date(createdMs + 86_400_000).toISOString(),
    ended_at: hasEnded ? new Date(createdMs).toISOString() : null,
    archived_at: null,
    cancel_initiated_at: null,
    results_url: hasEnded ? `${origin}/anthropic/v1/messages/batches/${id}/results` : null,
  };
}

function answerLine(
  api: BatchApi,
  custom_id: string,
  { model }: any,
  text: string,
  number: number,
  promptTokens: number,
): string {
  const output_tokens = 10;
  if (api === "anthropic") {
    const content = [{ type: "text", text }];
    const usage = { input_tokens: promptTokens, output_tokens };
    const end = { stop_reason: "end_turn", stop_sequence: null, usage };
    const message = { id: `msg_${number}`, type: "message", role: "assistant", model, content, ...end };
    return `${JSON.stringify({ custom_id, result: { type: "succeeded", message } })}\n`;
  }
  const content = [{ type: "output_text", text, annotations: [], logprobs: [] }];
  const output = [{ type: "message", id: `m${number}`, role: "assistant", status: "completed", content }];
  const usage = {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: promptTokens + output_tokens,
  };
  const facts = { created_at: 1, model, status: "completed", incomplete_details: null, error: null };
  const body = { id: `resp_${number}`, object: "response", ...facts, output, usage };
  const response = { status_code: 200, request_id: `req_${number}`, body };
  return `${JSON.stringify({ id: `batch_req_${number}`, custom_id, response, error: null })}\n`;
}

function errorLine(api: BatchApi, custom_id: string, end: Exclude<ItemEnd, "missing">): string {
  if (api === "anthropic") {
    const result =
      typeof end === "string"
        ? { type: end === "cancelled" ? "canceled" : end }
        : { type: "errored", error: { type: "error", error: end.body, request_id: "req_1" } };
    return `${JSON.stringify({ custom_id, result })}\n`;
  }
  const message = "This request could not be executed before the completion window expired.";
  const line =
    typeof end === "string"
      ? { response: null, error: { code: `batch_${end}`, message } }
      : { response: { status_code: end.status, request_id: "req_1", body: end.body }, error: null };
  return `${JSON.stringify({ id: "batch_req_1", custom_id, ...line })}\n`;
}

/** Clock on which a second takes five milliseconds: real requests have their time, and no test waits. */
export function fastClock() {
  const startMs = performance.now();
  const now = () => Date.now() + 200 * (performance.now() - startMs);
  const scheduleIn = (callback: () => void, ms: number) => {
    const timer = setTimeout(callback, ms / 200);
    return () => clearTimeout(timer);
  };
  return {
    now,
    schedule: scheduleIn,
    sleep: (ms: number) => new Promise<void>((resolve) => void scheduleIn(resolve, ms)),
  };
}
