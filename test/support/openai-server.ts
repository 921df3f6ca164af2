import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text as readAll } from "node:stream/consumers";
import { chatCompletions, responses, type Wire, type WireAnswer } from "./openai-wire.ts";

/** What the server does with one request. */
export type Script =
  | (Partial<WireAnswer> & {
      /** A stream waits here before each piece of the text but the first. */
      readonly beforePiece?: (() => Promise<void>) | undefined;
      /** A stream breaks after so many pieces: the socket is destroyed, or the stream just ends. */
      readonly cutAfter?: number | undefined;
      readonly cut?: "destroy" | "end" | undefined;
    })
  | {
      readonly status: number;
      readonly headers?: Record<string, string> | undefined;
      readonly error?: object | undefined;
    }
  /** Never answers. */
  | { readonly hang: true }
  /** Answers 200 with something that is none of the protocol. */
  | { readonly garbage: string; readonly type?: string };

/** What the server does with the request that it is shown. */
export type ScriptFor = (call: ServerCall) => Script | Promise<Script>;

/** A request as it came in. */
export interface ServerCall {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: any;
  /** Resolves once the connection is over: `"aborted"` where the client closed it before the answer was whole. */
  readonly over: Promise<"answered" | "aborted">;
}

export interface OpenAIServer extends AsyncDisposable {
  /** With `/v1` at its end. */
  readonly baseURL: string;
  readonly calls: readonly ServerCall[];
  /** The next request that comes in, or the first that nobody has waited for yet. */
  nextCall(): Promise<ServerCall>;
}

const wires: Record<string, Wire> = { "/v1/chat/completions": chatCompletions, "/v1/responses": responses };

/**
 * A small OpenAI-compatible server on this machine: chat completions, responses, embeddings. It plays the scripts in turn,
 * and the last one for all further requests.
 */
export async function startOpenAIServer(...scripts: readonly (Script | ScriptFor)[]): Promise<OpenAIServer> {
  const calls: ServerCall[] = [];
  const arrivals: ((call: ServerCall) => void)[] = [];
  let seen = 0;
  const server = createServer(async (request, response) => {
    const script = scripts[Math.min(calls.length, scripts.length - 1)] as Script | ScriptFor;
    const over = outcome(response);
    const body = JSON.parse((await readAll(request)) || "null");
    const call = { path: request.url ?? "", headers: request.headers, body, over };
    calls.push(call);
    arrivals.shift()?.(call);
    const number = calls.length;
    await play(typeof script === "function" ? await script(call) : script, call, response, number);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseURL: `http://127.0.0.1:${port}/v1`,
    calls,
    nextCall() {
      const call = calls[seen++];
      return call ? Promise.resolve(call) : new Promise((resolve) => arrivals.push(resolve));
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function outcome(response: ServerResponse): Promise<"answered" | "aborted"> {
  return new Promise((resolve) => {
    response.on("close", () => resolve(response.writableFinished ? "answered" : "aborted"));
  });
}

async function play(script: Script, call: ServerCall, response: ServerResponse, number: number): Promise<void> {
  if ("hang" in script) return;
  if ("status" in script)
    return send(response, script.status, { error: { message: "scripted", ...script.error } }, script.headers);
  if ("garbage" in script) {
    const type = script.type ?? (call.body.stream ? "text/event-stream" : "application/json");
    response.writeHead(200, { "content-type": type });
    return void response.end(script.garbage);
  }
  if (call.path === "/v1/embeddings") return send(response, 200, embeddings(call.body.input));
  const wire = wires[call.path];
  if (!wire) return send(response, 404, { error: { message: `no such path: ${call.path}` } });
  const usage = { input: 10, cached: 4, output: 5, reasoning: 2 };
  const answer: WireAnswer = {
    id: `answer-${number}`,
    model: call.body.model,
    text: "Hello",
    usage,
    ...script,
  };
  if (!call.body.stream) return send(response, 200, wire.whole(answer));
  await streamAnswer(wire, answer, script, response);
}

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

async function streamAnswer(
  wire: Wire,
  answer: WireAnswer,
  script: Exclude<Script, { hang: true } | { status: number } | { garbage: string }>,
  response: ServerResponse,
): Promise<void> {
  const { opening, pieces, closing } = wire.stream(answer, answer.text.match(/\S+\s*/g) ?? []);
  const write = (event: object) =>
    new Promise((resolve) => response.write(`data: ${JSON.stringify(event)}\n\n`, resolve));
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of opening) await write(event);
  for (const [index, event] of pieces.entries()) {
    if (index === script.cutAfter) return script.cut === "end" ? void response.end() : void response.destroy();
    if (index > 0) await script.beforePiece?.();
    await write(event);
  }
  for (const event of closing) await write(event);
  response.end("data: [DONE]\n\n");
}

/** Each text as the counts of its letters: equal texts are equal, and texts without a letter in common are orthogonal. */
function embeddings(texts: readonly string[]): object {
  const vector = (text: string) =>
    Array.from("abcdefghijklmnopqrstuvwxyz", (letter) => text.toLowerCase().split(letter).length - 1);
  return {
    object: "list",
    model: "letters",
    data: texts.map((text, index) => ({ object: "embedding", index, embedding: vector(text) })),
    usage: { prompt_tokens: texts.length, total_tokens: texts.length },
  };
}
