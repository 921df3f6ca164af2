import type { Hono } from "hono";
import { type DescribeRouteOptions, generateSpecs, resolver } from "hono-openapi";
import * as v from "valibot";
import { bundleOptions } from "../contract/bundle-options.ts";
import { orchestrationConfig } from "../contract/config.ts";
import { packageVersion } from "../core/package-root.ts";
import { loggedStatuses } from "../store/log/event-log.ts";
import { chatBody } from "./chat-request.ts";
import { longestKey, mostListed } from "./run-requests.ts";
import type { ServiceEnv } from "./service.ts";

/** Writes a schema for the document; checks that JSON schema cannot say are left to the server. */
function written(schema: v.GenericSchema) {
  return resolver(schema, { errorMode: "ignore" });
}

function json(schema: v.GenericSchema, description: string) {
  return { description, content: { "application/json": { schema: written(schema) } } };
}

const problem = v.looseObject({
  type: v.literal("about:blank"),
  title: v.string(),
  status: v.number(),
  code: v.string(),
  detail: v.string(),
  runId: v.optional(v.string()),
  spent: v.optional(v.looseObject({})),
  issues: v.optional(v.array(v.object({ path: v.string(), given: v.string(), allowed: v.string() }))),
});

function problems(...statuses: (keyof typeof meanings)[]) {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: meanings[status], content: { "application/problem+json": { schema: written(problem) } } },
    ]),
  );
}

const meanings = {
  400: "The request cannot be used: every fault is in `issues`.",
  401: "The key is missing or not known.",
  403: "Called by another name than localhost, or from a page of another site, without keys.",
  404: "No tool or run of the caller's has this name.",
  409: "A run of this key goes on, or the run is not in the state that this takes.",
  413: "The body is too long.",
  415: "The body is not of the type application/json.",
  422: "The key is taken by another request, or the run's budget does not cover it.",
  429: "As many runs go on as the service takes. Ask again after the seconds of Retry-After.",
  502: "The model gave no valid answer, after all retries.",
  503: "The service is about to end, or its store cannot be reached.",
} as const;

const run = v.looseObject({
  runId: v.string(),
  status: v.picklist(loggedStatuses),
});
const listedRun = v.looseObject({
  ...run.entries,
  requestId: v.string(),
  traceId: v.string(),
  toolName: v.string(),
  startedMs: v.number(),
  lastSeq: v.number(),
  key: v.optional(v.string()),
  endedMs: v.optional(v.number()),
  confidence: v.optional(v.number()),
  costUsd: v.optional(v.nullable(v.number())),
});

const { schema: _schema, escalate: _escalate, ...toolOptions } = bundleOptions.entries;
const { idempotencyKey: _key, requestId: _id, redact: _redact, ...options } = orchestrationConfig.entries;

const runBody = v.strictObject({
  toolName: v.pipe(v.string(), v.minLength(1)),
  request: v.optional(v.unknown()),
  toolOptions: v.optional(v.looseObject(toolOptions)),
  options: v.optional(v.strictObject(options)),
  fallbackTools: v.optional(v.array(v.pipe(v.string(), v.minLength(1)))),
});

const inPath = { name: "id", in: "path", required: true, schema: { type: "string" } } as const;
const key = {
  name: "Idempotency-Key",
  in: "header",
  description: "One execution a key, however often it is sent: what was paid for is not paid for again.",
  schema: { type: "string", minLength: 1, maxLength: longestKey },
} as const;

function inQuery(name: string, schema: object, description: string) {
  return { name, in: "query" as const, required: false, schema, description };
}

function body(schema: v.GenericSchema) {
  return { required: true, content: { "application/json": { schema: written(schema) } } };
}

const events = {
  description: "Events, numbered by `id`.",
  content: { "text/event-stream": { schema: { type: "string" as const } } },
};

/** Description of each route. */
export const operations = {
  startRun: {
    operationId: "startRun",
    summary: "Run a tool",
    description:
      "Answers with the output, with the events where `Accept: text/event-stream` asks for them, or at once with `Prefer: respond-async`.",
    parameters: [
      key,
      { name: "Prefer", in: "header", schema: { type: "string", enum: ["respond-async"] } },
      { name: "Accept", in: "header", schema: { type: "string", enum: ["application/json", "text/event-stream"] } },
    ],
    requestBody: body(runBody),
    responses: {
      200: {
        ...json(v.looseObject({ ...run.entries, output: v.looseObject({}) }), "The run has ended."),
        content: {
          ...json(v.looseObject({ ...run.entries, output: v.looseObject({}) }), "").content,
          ...events.content,
        },
      },
      202: json(run, "The run goes on; its address is in Location."),
      ...problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
    },
  },
  listRuns: {
    operationId: "listRuns",
    summary: "List runs, the latest first",
    parameters: [
      inQuery("toolName", { type: "string" }, "Only runs of this tool."),
      inQuery(
        "status",
        { type: "string", examples: ["running,retrying"] },
        `Only runs of these states, with commas between: ${loggedStatuses.join(", ")}.`,
      ),
      inQuery("key", { type: "string" }, "Only runs of this Idempotency-Key."),
      inQuery("atLeast", { type: "number", minimum: 0, maximum: 1 }, "Only runs of at least this confidence."),
      inQuery("below", { type: "number", minimum: 0, maximum: 1 }, "Only runs below this confidence."),
      inQuery("limit", { type: "integer", minimum: 1, maximum: mostListed }, "Most runs in the page. Default: 100."),
      inQuery("cursor", { type: "string" }, "`cursor` of the page before."),
    ],
    responses: {
      200: json(v.object({ runs: v.array(listedRun), cursor: v.optional(v.string()) }), "Runs of the caller."),
      ...problems(400, 401, 403, 503),
    },
  },
  getRun: {
    operationId: "getRun",
    summary: "Get a run, with its request and its output",
    parameters: [inPath],
    responses: {
      200: json(
        v.looseObject({ ...listedRun.entries, request: v.optional(v.unknown()), output: v.optional(v.unknown()) }),
        "The run.",
      ),
      ...problems(401, 403, 404, 503),
    },
  },
  followRun: {
    operationId: "followRun",
    summary: "Follow a run: its events so far, and those to come",
    description: "A client that reconnects sends `Last-Event-ID` and misses none.",
    parameters: [
      inPath,
      { name: "Last-Event-ID", in: "header", schema: { type: "string", pattern: "^[0-9]{1,15}$" } },
      inQuery("after", { type: "string", pattern: "^[0-9]{1,15}$" }, "The same, for clients that set no headers."),
    ],
    responses: {
      200: events,
      204: { description: "The run has ended, and the client has its last event." },
      ...problems(400, 401, 403, 404, 503),
    },
  },
  cancelRun: {
    operationId: "cancelRun",
    summary: "Cancel a run",
    parameters: [inPath],
    responses: { 200: json(listedRun, "The run, of which nothing goes on."), ...problems(401, 403, 404, 409, 503) },
  },
  giveFeedback: {
    operationId: "giveFeedback",
    summary: "Say if a run's consensus is right",
    parameters: [inPath],
    requestBody: body(v.strictObject({ correct: v.union([v.boolean(), v.record(v.string(), v.boolean())]) })),
    responses: { 204: { description: "It counts from now on." }, ...problems(400, 401, 403, 404, 409, 413, 415, 503) },
  },
  resolveRun: {
    operationId: "resolveRun",
    summary: "Decide a run that waits for a person",
    parameters: [inPath],
    requestBody: body(v.union([v.strictObject({ accept: v.literal(true) }), v.strictObject({ consensus: v.any() })])),
    responses: {
      200: json(v.looseObject({ runId: v.string(), status: v.string() }), "The run, completed."),
      ...problems(400, 401, 403, 404, 409, 413, 415, 503),
    },
  },
  listTools: {
    operationId: "listTools",
    summary: "List the tools",
    responses: {
      200: json(
        v.object({ tools: v.array(v.looseObject({ name: v.string(), version: v.string(), description: v.string() })) }),
        "Tools that the caller may use.",
      ),
      ...problems(401, 403),
    },
  },
  listProviders: {
    operationId: "listProviders",
    summary: "List the providers that this process has called, their circuits and their pauses",
    responses: {
      200: json(
        v.object({
          providers: v.array(
            v.object({
              name: v.string(),
              circuit: v.picklist(["closed", "open", "half_open"]),
              pausedMs: v.optional(v.number()),
            }),
          ),
        }),
        "The providers; none for a key of certain tools.",
      ),
      ...problems(401, 403),
    },
  },
  listModels: {
    operationId: "listModels",
    summary: "List the tools, as OpenAI's clients know models",
    responses: {
      200: json(
        v.object({ object: v.literal("list"), data: v.array(v.looseObject({ id: v.string() })) }),
        "Tools that the caller may use.",
      ),
      ...problems(401, 403),
    },
  },
  complete: {
    operationId: "createChatCompletion",
    summary: "Ask by OpenAI's chat completions: the answer is a consensus",
    parameters: [key],
    requestBody: body(chatBody),
    responses: {
      200: {
        description: "The consensus as the content, the evidence in `steer`.",
        content: {
          "application/json": {
            schema: written(
              v.looseObject({
                id: v.string(),
                object: v.literal("chat.completion"),
                choices: v.array(
                  v.looseObject({ message: v.looseObject({ role: v.literal("assistant"), content: v.string() }) }),
                ),
                usage: v.looseObject({}),
                steer: v.looseObject({ runId: v.string() }),
              }),
            ),
          },
          ...events.content,
        },
      },
      ...problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 502, 503),
    },
  },
  health: {
    operationId: "health",
    summary: "Tell that the process answers",
    responses: { 200: json(v.object({ status: v.literal("ok") }), "It answers.") },
  },
  readiness: {
    operationId: "readiness",
    summary: "Tell that runs are taken and the event log can be read",
    responses: { 200: json(v.object({ status: v.literal("ready") }), "Runs are taken."), ...problems(503) },
  },
} satisfies Record<string, DescribeRouteOptions>;

/** Writes the OpenAPI document of the service's routes. */
export function describeService(app: Hono<ServiceEnv>): Promise<object> {
  return generateSpecs(app, {
    documentation: {
      info: {
        title: "steer-llm-sdk",
        version: packageVersion(),
        description: "Runs of tools whose answers are a consensus with its evidence.",
      },
      components: { securitySchemes: { key: { type: "http", scheme: "bearer" } } },
      security: [{ key: [] }, {}],
    },
  });
}
