import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text as readAll } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { seededRandom } from "../../src/core/random.ts";
import { chatCompletions } from "../support/openai-wire.ts";

/** What a server does badly, in milliseconds since its first request. */
export interface Plan {
  readonly latencyMs: number;
  /** Spans in which every request is refused with a 500. */
  readonly down?: readonly { readonly fromMs: number; readonly forMs: number }[];
  /** Share of requests that are refused with a 500, until a time. */
  readonly refuses?: { readonly share: number; readonly untilMs: number };
  /** Share of connections that are dropped without an answer, until a time. */
  readonly drops?: { readonly share: number; readonly untilMs: number };
  /** Most requests in any second; others get a 429. */
  readonly limit?: { readonly perSecond: number; readonly retryAfter: boolean };
}

/** One request, and what became of it. */
export interface Hit {
  readonly input: number;
  readonly atMs: number;
  readonly result: "answered" | "refused" | "limited" | "dropped";
}

export interface BadServer extends AsyncDisposable {
  /** With `/v1` at its end. */
  readonly baseURL: string;
  readonly hits: readonly Hit[];
}

const second = 1_000;

/** An OpenAI-compatible server that has a bad hour. The answer to `report 17` is `answer 17`. */
export async function startBadServer(plan: Plan): Promise<BadServer> {
  const random = seededRandom(11);
  const hits: Hit[] = [];
  /** Times of the requests that were let through. */
  const passed: number[] = [];
  let startedMs: number | undefined;

  const judge = (atMs: number): Hit["result"] => {
    const { down = [], refuses, drops, limit } = plan;
    if (down.some(({ fromMs, forMs }) => atMs >= fromMs && atMs < fromMs + forMs)) return "refused";
    if (limit) {
      while ((passed[0] ?? Number.POSITIVE_INFINITY) <= atMs - second) passed.shift();
      if (passed.length >= limit.perSecond) return "limited";
      passed.push(atMs);
    }
    if (refuses && atMs < refuses.untilMs && random.next() < refuses.share) return "refused";
    if (drops && atMs < drops.untilMs && random.next() < drops.share) return "dropped";
    return "answered";
  };

  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const body = JSON.parse(await readAll(request));
    const now = performance.now();
    startedMs ??= now;
    const atMs = now - startedMs;
    const input = Number(/report (\d+)/.exec(JSON.stringify(body.messages))?.[1]);
    const result = judge(atMs);
    hits.push({ input, atMs, result });
    if (result === "dropped") return void request.socket.destroy();
    if (result === "limited") {
      const leftMs = (passed[0] as number) + second - atMs;
      const headers = plan.limit?.retryAfter ? { "retry-after": String(Math.max(1, Math.ceil(leftMs / second))) } : {};
      return send(response, 429, { error: { message: "Rate limit reached for requests", type: "requests" } }, headers);
    }
    await wait(plan.latencyMs);
    if (result === "refused") return send(response, 500, { error: { message: "The server had an error" } });
    const usage = { input: 10, cached: 0, output: 5, reasoning: 0 };
    send(
      response,
      200,
      chatCompletions.whole({ id: `a${hits.length}`, model: body.model, text: `answer ${input}`, usage }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseURL: `http://127.0.0.1:${port}/v1`,
    hits,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  if (response.destroyed) return;
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** What a server saw of a job. */
export interface Traffic {
  readonly calls: number;
  readonly answered: number;
  /** Share of calls that were not answered. */
  readonly refusedShare: number;
  /** Inputs that were answered more than once. */
  readonly answeredTwice: number;
}

export function trafficOf(hits: readonly Hit[]): Traffic {
  const answered = hits.filter(({ result }) => result === "answered");
  return {
    calls: hits.length,
    answered: answered.length,
    refusedShare: 1 - answered.length / hits.length,
    answeredTwice: answered.length - new Set(answered.map(({ input }) => input)).size,
  };
}

/** Most calls in any second, but for the first `skipMs` after each start. */
export function mostInSecond(hits: readonly Hit[], startsMs: readonly number[], skipMs: number): number {
  const isLater = (atMs: number) => startsMs.every((startMs) => atMs < startMs || atMs >= startMs + skipMs);
  const times = hits.map(({ atMs }) => atMs).filter(isLater);
  let most = 0;
  for (let first = 0, last = 0; last < times.length; last++) {
    while ((times[last] as number) - (times[first] as number) >= second) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}
