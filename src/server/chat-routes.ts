import type { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { wallClock } from "../core/clock.ts";
import { eventResponse } from "../orchestrate/event-stream.ts";
import { type LoggedRunStream, streamRun } from "../store/log/stream-run.ts";
import type { Caller } from "./access.ts";
import { readJson } from "./body.ts";
import { assertAnswered, type ChatHead, chunkOf, completionOf, lastChunksOf, reasoningOf } from "./chat-answer.ts";
import { asInBody, type ChatBody, fitRequest, readChatBody, requestOf, withSeeds } from "./chat-request.ts";
import type { LiveRun } from "./live-runs.ts";
import { operations } from "./openapi.ts";
import { problemOf, withOpenAIError } from "./problem.ts";
import { assertOwn, keyIn } from "./run-requests.ts";
import type { ServiceEnv, ServiceParts } from "./service.ts";

/** Adds the routes by which clients of OpenAI's chat completions get a consensus. */
export function addChatRoutes(app: Hono<ServiceEnv>, parts: ServiceParts): void {
  const startedAt = Math.floor(wallClock.now() / 1_000);

  app.get("/v1/models", describeRoute(operations.listModels), (c) => {
    const data = parts.tools
      .list(c.var.caller)
      .map(({ name }) => ({ id: name, object: "model", created: startedAt, owned_by: "steer" }));
    return c.json({ object: "list", data });
  });

  app.post("/v1/chat/completions", describeRoute(operations.complete), async (c) => {
    const body = readChatBody(await readJson(c.req.raw));
    const live = await start(parts, body, c.req.raw, c.var.caller);
    const head = { id: `chatcmpl-${live.runId}`, created: Math.floor(wallClock.now() / 1_000), model: body.model };
    if (body.stream) return streamOf(parts, { live, head, hasUsage: body.stream_options?.include_usage ?? false });
    const output = await live.output;
    assertAnswered(output);
    return c.json(completionOf(head, output));
  });
}

async function start({ tools, runs }: ServiceParts, body: ChatBody, raw: Request, caller: Caller): Promise<LiveRun> {
  try {
    const options = body.steer ?? undefined;
    assertOwn(options, undefined);
    const asked = requestOf(body);
    const tool = await tools.find(body.model, asked, caller);
    const request = await fitRequest(asked, tool, body);
    const toolOptions = withSeeds(options, tool, body);
    return await runs.start({ tool, request, toolOptions, idempotencyKey: keyIn(raw) }, caller, raw.signal);
  } catch (error) {
    throw asInBody(error);
  }
}

/** A completion that is sent while it is made. */
interface Streamed {
  readonly live: LiveRun;
  readonly head: ChatHead;
  /** True where the client asks for the usage at the end. */
  readonly hasUsage: boolean;
}

function streamOf({ events, closed, clock }: ServiceParts, streamed: Streamed): Response {
  const { live } = streamed;
  const stream = streamRun(events, live.runId, { signal: closed, clock });
  const leave = () => {
    stream.cancel("the client left");
    live.cancel("the client left");
  };
  return eventResponse(linesOf(stream, streamed), leave);
}

async function* linesOf(stream: LoggedRunStream, { live, head, hasUsage }: Streamed): AsyncGenerator<string, void> {
  yield lineOf(chunkOf(head, { role: "assistant", content: "" }));
  try {
    for await (const event of stream) {
      if (event.type === "replicate_done") yield lineOf(chunkOf(head, reasoningOf(event.replicate)));
    }
  } catch {
    // Replicates that cannot be shown end no answer.
  }
  try {
    const output = await live.output;
    assertAnswered(output);
    for (const chunk of lastChunksOf(head, output, hasUsage)) yield lineOf(chunk);
  } catch (error) {
    yield lineOf(withOpenAIError(problemOf(error).problem));
  }
  yield "data: [DONE]\n\n";
}

function lineOf(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}
