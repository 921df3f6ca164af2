import { setTimeout } from "node:timers/promises";

/** A client of one run: it asks for the run, and listens to its end, over every break of its connection. */
export interface Heard {
  /** Numbers of the events in the order in which they came. */
  readonly seqs: readonly number[];
  readonly lastType: string | undefined;
  readonly connections: number;
  readonly ms: number;
}

export interface ListenOptions {
  readonly url: string;
  readonly key: string;
  /** Leaves its connection once, after so many events. */
  readonly leavesAfter?: number | undefined;
  /** Gives up after so long. */
  readonly patienceMs: number;
}

const endings = new Set(["run_completed", "run_failed", "cancelled"]);
const body = (key: string) => JSON.stringify({ toolName: "triage", request: { report: `Report ${key}` } });

/** Starts a run under a key, and listens to it in a second connection, which it opens anew after the last event that came. */
export async function listenTo({ url, key, leavesAfter, patienceMs }: ListenOptions): Promise<Heard> {
  const startedMs = performance.now();
  const seqs: number[] = [];
  let lastType: string | undefined;
  let connections = 0;
  while (!endings.has(lastType ?? "") && performance.now() - startedMs < patienceMs) {
    try {
      // Asking again under the key is what a queue does, and a client after a break: it starts nothing that goes on.
      const runId = await start(url, key);
      const signal = AbortSignal.timeout(patienceMs);
      const headers = seqs.length > 0 ? { "last-event-id": String(seqs.at(-1)) } : {};
      const response = await fetch(`${url}/v1/runs/${runId}/events`, { headers, signal });
      connections++;
      for await (const event of eventsIn(response)) {
        seqs.push(event.seq);
        lastType = event.type;
        if (connections === 1 && seqs.length === leavesAfter) break;
      }
    } catch {
      await setTimeout(100);
    }
  }
  return { seqs, lastType, connections, ms: performance.now() - startedMs };
}

/** Runs on a handler that gives the events in its answer. */
export async function runBare(url: string, key: string): Promise<Heard> {
  const startedMs = performance.now();
  const seqs: number[] = [];
  let lastType: string | undefined;
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/v1/runs`, { method: "POST", headers, body: body(key) });
  for await (const event of eventsIn(response)) {
    seqs.push(event.seq);
    lastType = event.type;
  }
  return { seqs, lastType, connections: 1, ms: performance.now() - startedMs };
}

async function start(url: string, key: string): Promise<string> {
  const headers = { "content-type": "application/json", prefer: "respond-async", "idempotency-key": key };
  const response = await fetch(`${url}/v1/runs`, { method: "POST", headers, body: body(key) });
  if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
  return ((await response.json()) as { runId: string }).runId;
}

async function* eventsIn(response: Response): AsyncGenerator<{ readonly seq: number; readonly type: string }> {
  if (response.status !== 200) throw new Error(String(response.status));
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body as any) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() as string;
    for (const block of blocks) {
      const [, id, type] = /^id: (\d+)\nevent: (\w+)\n/.exec(block) ?? [];
      if (id !== undefined && type !== undefined) yield { seq: Number(id), type };
    }
  }
}
