/**
 * Requests drawn from the service's own OpenAPI document: parameters and bodies that fit it, and such that do not. Each answer
 * has to be one that the document names, and none a fault of the service's own.
 */
import { seededRandom } from "../../src/core/random.ts";
import { MemoryEventLog } from "../../src/events.ts";
import { defineTool, PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import { createService } from "../../src/server.ts";

/** Outcome of many requests. */
export interface FuzzReport {
  /** Number of answers by status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Requests whose answer is not as the document says, each in a line. */
  readonly faults: readonly string[];
  /** Operations that were answered with a status below 400 at least once. */
  readonly reached: readonly string[];
}

/** Longest time for an answer. */
const patienceMs = 20_000;

/** Asks a service of its own. A fault names its seed, which repeats it. */
export async function fuzzService(count: number, firstSeed: number): Promise<FuzzReport> {
  const faults: string[] = [];
  const unexpected: unknown[] = [];
  const service = serviceUnderTest(unexpected);
  const document: any = await (await service.fetch(new Request("http://localhost/openapi.json"))).json();
  const operations = Object.entries<any>(document.paths).flatMap(([path, methods]) =>
    Object.entries<any>(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const ids: string[] = ["none"];
  const statuses: Record<number, number> = {};
  const reached = new Set<string>();
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const draw = new Draw(seed, ids);
    const { path, method, operation } = draw.pick(operations);
    const { request, shown } = draw.request(path, method, operation);
    const answer = await inTime(answerOf(service.fetch, request));
    if (answer === undefined) {
      faults.push(`seed ${seed}: ${shown}: no answer within ${patienceMs} ms`);
      continue;
    }
    const { status, text, runId } = answer;
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (runId !== undefined) ids.push(runId);
    if (ids.length > 50) ids.splice(1, 1);
    if (status < 400) reached.add(operation.operationId);
    if (!(String(status) in operation.responses))
      faults.push(`seed ${seed}: ${shown}: ${status} ${text.slice(0, 300)}`);
  }
  for (const error of unexpected) faults.push(`a fault of its own: ${String((error as Error)?.stack ?? error)}`);
  const { cutOff } = await service.close(1_000);
  if (cutOff > 0) faults.push(`${cutOff} runs were left behind`);
  return { statuses, faults, reached: [...reached] };
}

function serviceUnderTest(unexpected: unknown[]) {
  const events = new MemoryEventLog({ maxRuns: 200 });
  const orchestrator = new ReliableOrchestrator({
    events,
    reliabilityConfig: { maxRetries: 0, idempotencyTtlMs: 100 },
  });
  const ask = new PromptBundleTool({ name: "ask", model: "simulated:?error=0.3", prompt: "{{text}}" });
  const echo = defineTool({ name: "echo", execute: async (request: unknown) => ({ request }) });
  const fails = defineTool({
    name: "fails",
    execute: async () => {
      throw new Error("It fails.");
    },
  });
  const logger = { error: (data: object) => void unexpected.push((data as { err?: unknown }).err) };
  return createService({ orchestrator, events, tools: [ask, echo, fails, "consensus:simulated:?error=0.3"], logger });
}

async function answerOf(fetch: (request: Request) => Promise<Response>, request: Request) {
  const response = await fetch(request);
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  const json = isJson ? JSON.parse(text) : undefined;
  return { status: response.status, text, runId: (json?.runId ?? json?.steer?.runId) as string | undefined };
}

async function inTime<T>(answer: Promise<T>): Promise<T | undefined> {
  const { promise: tooLate, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), patienceMs);
  return Promise.race([answer, tooLate]).finally(() => clearTimeout(timer));
}

const hostileTexts = [
  "",
  " ",
  "\0",
  "__proto__",
  "constructor",
  "../../etc/passwd",
  "é".repeat(300),
  "\ud800",
  "-1",
  "1e999",
  "null",
  "%00",
  "a\r\nb",
];
const hostileValues: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1e308,
  "",
  [],
  {},
  [[]],
  { __proto__: null, constructor: 1 },
  "x".repeat(10_000),
  ...hostileTexts,
];

/** One request, drawn by a seed. */
class Draw {
  readonly #random: { next(): number };
  readonly #ids: readonly string[];

  constructor(seed: number, ids: readonly string[]) {
    this.#random = seededRandom(seed);
    this.#ids = ids;
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random.next() * from.length)] as T;
  }

  #isOne(of: number): boolean {
    return this.#random.next() < 1 / of;
  }

  request(path: string, method: string, operation: any): { request: Request; shown: string } {
    const headers: Record<string, string> = {};
    const query = new URLSearchParams();
    let filled = path;
    for (const { name, in: place, schema } of operation.parameters ?? []) {
      const isHostile = this.#isOne(6);
      if (place === "path") {
        const id = isHostile ? this.pick(hostileTexts).toWellFormed() || "x" : this.pick(this.#ids);
        filled = filled.replace(`{${name}}`, encodeURIComponent(id));
      } else if (this.#isOne(3)) {
        const drawn = isHostile ? this.pick(hostileTexts) : this.value(schema, name);
        // A drawn object may have a toString of its own.
        const value = (typeof drawn === "object" ? JSON.stringify(drawn) : String(drawn)).toWellFormed();
        if (place === "query") query.set(name, value);
        else headers[name] = value.replace(/[^\x20-\x7e]/g, "").trim();
      }
    }
    const url = `http://localhost${filled}${query.size > 0 ? `?${query}` : ""}`;
    const schema = operation.requestBody?.content["application/json"].schema;
    if (!schema) return { request: new Request(url, { method, headers }), shown: `${method} ${url}` };
    headers["content-type"] = this.#isOne(20) ? this.pick(["text/plain", "application/xml"]) : "application/json";
    const body = this.#isOne(15) ? this.pick(["", "{", "[1,", "nul", "\ufeff{}"]) : JSON.stringify(this.body(schema));
    return {
      request: new Request(url, { method, headers, body }),
      shown: `${method} ${url} ${JSON.stringify(headers)} ${body.slice(0, 500)}`,
    };
  }

  body(schema: any): unknown {
    return this.#isOne(10) ? this.pick(hostileValues) : this.value(schema, "");
  }

  /** A value that fits a schema, but for some of its parts. */
  value(schema: any, name: string): unknown {
    if (name === "toolName" || name === "model")
      return this.pick(["ask", "ask", "echo", "fails", "consensus:simulated:?error=0.3", "nothing"]);
    if (name === "request")
      return this.pick<unknown>([{ text: "hello" }, "hello", { messages: [{ role: "user", content: "hello" }] }, 17]);
    if (name === "k") return this.pick([1, 2, 3, 0, 10_001]);
    if (this.#isOne(25)) return this.pick(hostileValues);
    if ("const" in schema) return schema.const;
    if (schema.enum) return this.pick(schema.enum);
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices) return this.value(this.pick(choices), name);
    switch (schema.type) {
      case "object":
        return this.#object(schema);
      case "array":
        return Array.from({ length: Math.floor(this.#random.next() * 4) }, () => this.value(schema.items ?? {}, ""));
      case "boolean":
        return this.#isOne(2);
      case "integer":
      case "number": {
        const { minimum = 0, maximum = minimum + 100 } = schema;
        const value = minimum + this.#random.next() * Math.min(maximum - minimum, 100);
        return schema.type === "integer" ? Math.round(value) : value;
      }
      case "string":
        return this.pick(["hello", "running", "12", "data:image/png;base64,AAAA", "a-key", ...hostileTexts]);
      default:
        return this.pick(hostileValues);
    }
  }

  #object({ properties = {}, required = [], additionalProperties }: any): object {
    const object: Record<string, unknown> = {};
    for (const [name, schema] of Object.entries<any>(properties)) {
      const isThere = required.includes(name) ? !this.#isOne(30) : this.#isOne(5);
      if (isThere) object[name] = this.value(schema, name);
    }
    if (typeof additionalProperties === "object" && this.#isOne(2)) object["/a"] = this.value(additionalProperties, "");
    if (this.#isOne(30)) object[this.pick(["unknown", "__proto__", ""])] = this.pick(hostileValues);
    return object;
  }
}
