import { signal } from "@preact/signals";
import type { OrchestrationEvent } from "../../../src/contract/event.ts";
import type { LoggedRun, LoggedRunDetails } from "../../../src/store/log/event-log.ts";

/** Requests to the service that this page came from. */

const keyName = "steer key";

/** True where the service wants a key that this page does not have. */
export const isLockedOut = signal(false);

/** True where this page has sent a key. */
export function hasKey(): boolean {
  return sessionStorage.getItem(keyName) !== null;
}

/**
 * Tries a key, and keeps it as long as the page is open.
 *
 * @throws Refusal where the service does not take it; an Error where the service cannot be reached
 */
export async function useKey(key: string): Promise<void> {
  await ask("/v1/tools", { headers: { authorization: `Bearer ${key}` } });
  sessionStorage.setItem(keyName, key);
  isLockedOut.value = false;
}

function headersOf(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const key = sessionStorage.getItem(keyName);
  return { ...(key !== null && { authorization: `Bearer ${key}` }), ...more };
}

/** A request that the service refused. */
export class Refusal extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

export const noService = "The service does not answer.";

/** @throws Refusal with the detail of the service's problem; an Error where the service cannot be reached */
async function ask(
  path: string,
  { headers, ...request }: RequestInit & { headers?: Record<string, string> } = {},
): Promise<Response> {
  const response = await fetch(path, { ...request, headers: headersOf(headers) }).catch((error: unknown) => {
    throw request.signal?.aborted ? error : new Error(noService, { cause: error });
  });
  if (response.ok) return response;
  if (response.status === 401) isLockedOut.value = true;
  const { detail, title } = (await response.json().catch(() => ({}))) as { detail?: string; title?: string };
  throw new Refusal(detail ?? title ?? `The service answered ${response.status}.`, response.status);
}

export interface ListedRuns {
  readonly runs: readonly LoggedRun[];
  readonly cursor?: string;
}

export async function listRuns(query: Readonly<Record<string, string>>): Promise<ListedRuns> {
  return (await ask(`/v1/runs?${new URLSearchParams(query)}`)).json();
}

/** A provider that the service has called. */
export interface ListedProvider {
  readonly name: string;
  readonly circuit: "closed" | "open" | "half_open";
  readonly pausedMs?: number;
}

export async function listProviders(): Promise<readonly ListedProvider[]> {
  return ((await (await ask("/v1/providers")).json()) as { providers: ListedProvider[] }).providers;
}

export async function getRun(id: string): Promise<LoggedRunDetails> {
  return (await ask(`/v1/runs/${encodeURIComponent(id)}`)).json();
}

export async function cancelRun(id: string): Promise<void> {
  await ask(`/v1/runs/${encodeURIComponent(id)}`, { method: "DELETE" });
}

/** @returns id of the run */
export async function startRun(toolName: string, request: unknown): Promise<string> {
  const headers = { "content-type": "application/json", prefer: "respond-async" };
  const response = await ask("/v1/runs", { method: "POST", headers, body: JSON.stringify({ toolName, request }) });
  return ((await response.json()) as { runId: string }).runId;
}

export async function judgeRun(id: string, correct: boolean | Readonly<Record<string, boolean>>): Promise<void> {
  const headers = { "content-type": "application/json" };
  await ask(`/v1/runs/${encodeURIComponent(id)}/feedback`, {
    method: "POST",
    headers,
    body: JSON.stringify({ correct }),
  });
}

/** Reads the events of a run after one of them, until it ends or the signal aborts. */
export async function* eventsOf(
  id: string,
  afterSeq: number,
  signal: AbortSignal,
): AsyncGenerator<OrchestrationEvent, void> {
  const headers: Record<string, string> = afterSeq >= 0 ? { "last-event-id": String(afterSeq) } : {};
  const { body } = await ask(`/v1/runs/${encodeURIComponent(id)}/events`, { headers, signal });
  if (!body) return;
  let rest = "";
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const blocks = (rest + part.value).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = block.split("\n").find((line) => line.startsWith("data: "));
        if (data !== undefined) yield JSON.parse(data.slice("data: ".length)) as OrchestrationEvent;
      }
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}
