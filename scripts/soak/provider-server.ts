import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../src/core/random.ts";
import { errorOf, type FaultKind } from "../../src/testing/faults.ts";
import { HttpFailure } from "../../src/testing/scripted-model.ts";
import { chatCompletions, type WireAnswer } from "../../test/support/openai-wire.ts";
import { answerText } from "./answers.ts";
import { below, inPercent } from "./chance.ts";
import type { Counts } from "./counts.ts";
import type { Weather } from "./weather.ts";

/** A server that speaks OpenAI's chat completions, and keeps nothing of what it is asked. */
export interface ProviderServer {
  /** With `/v1` at its end. */
  readonly baseURL: string;
  /** Requests whose answer is under way, or never comes, and whose client has not left. */
  readonly openRequests: number;
  /** Ends the connections that the client keeps for its next requests, some of which it has never used. */
  closeConnections(): void;
  close(): Promise<void>;
}

const rateLimitPercent = 5;
const longestPauseMs = 40;
const longestLatencyMs = 15;
const pieceMs = 2;

/** Starts a server on this machine that fails as the weather says, and now and then limits the rate of its callers. */
export async function startProviderServer(weather: Weather, random: Random, faults: Counts): Promise<ProviderServer> {
  let openRequests = 0;
  const server = createServer(async (request, response) => {
    openRequests++;
    response.on("close", () => openRequests--);
    const { stream, model } = (await json(request)) as { stream?: boolean; model: string };
    const answer = { id: "soak", model, text: answerText(random), usage };
    await sleep(below(longestLatencyMs, random));
    if (inPercent(rateLimitPercent, random)) {
      faults.add("server: rate_limit");
      return refuse(response, new HttpFailure(429, below(longestPauseMs, random)));
    }
    const fault = weather.draw("server");
    if (fault) faults.add(`server: ${fault}`);
    await (stream ? streamAnswer(answer, fault, response) : sendAnswer(answer, fault, response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    get openRequests() {
      return openRequests;
    },
    closeConnections: () => server.closeAllConnections(),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const usage = { input: 10, cached: 4, output: 5, reasoning: 0 };

async function sendAnswer(answer: WireAnswer, fault: FaultKind | undefined, response: ServerResponse): Promise<void> {
  if (isWhole(fault, response)) return;
  response.writeHead(200, { "content-type": "application/json" });
  const text = JSON.stringify(fault === "garbage" ? { object: "none of this" } : chatCompletions.whole(answer));
  if (fault !== "cut") return void response.end(text);
  response.write(text.slice(0, text.length / 2));
  await sleep(pieceMs);
  response.destroy();
}

async function streamAnswer(answer: WireAnswer, fault: FaultKind | undefined, response: ServerResponse): Promise<void> {
  if (isWhole(fault, response)) return;
  response.writeHead(200, { "content-type": "text/event-stream" });
  // Nothing follows, and the connection stays open: a client that cannot read this has to leave.
  if (fault === "garbage") return void response.write("data: none of this\n\n");
  const { opening, pieces, closing } = chatCompletions.stream(answer, answer.text.match(/.{1,20}/gs) ?? []);
  for (const data of [...opening, ...pieces]) {
    response.write(`data: ${JSON.stringify(data)}\n\n`);
    await sleep(pieceMs);
    if (fault === "cut" && data === pieces[1]) return void response.destroy();
  }
  for (const data of closing) response.write(`data: ${JSON.stringify(data)}\n\n`);
  response.end("data: [DONE]\n\n");
}

/** Whether a fault is all the answer that there is: an error's, or none at all. */
function isWhole(fault: FaultKind | undefined, response: ServerResponse): boolean {
  const error = fault && errorOf(fault, 0.5);
  if (error instanceof HttpFailure) refuse(response, error);
  else if (error) response.destroy();
  return error !== undefined || fault === "hang" || fault === "late";
}

function refuse(response: ServerResponse, { statusCode, responseHeaders, message }: HttpFailure): void {
  response.writeHead(statusCode, { "content-type": "application/json", ...responseHeaders });
  response.end(JSON.stringify({ error: { message } }));
}
