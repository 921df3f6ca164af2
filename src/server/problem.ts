import { STATUS_CODES } from "node:http";
import type { AnyOrchestratorError, PartialRun } from "../contract/errors.ts";
import { isOrchestratorError } from "../contract/errors.ts";
import type { OutputError } from "../contract/output.ts";
import { InvalidOptionsError, type OptionIssue, showValue } from "../core/errors.ts";

/** Codes of faults that only a server knows; all others are those of the package's errors. */
export type ServerCode =
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "TOO_LARGE"
  | "UNSUPPORTED_MEDIA_TYPE"
  | "BUSY"
  | "CLOSING"
  | "UPSTREAM"
  | "INTERNAL";

/** A request that is answered by a problem. */
export class RequestFault extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: ServerCode | string,
    detail: string,
    headers: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(detail, options);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** A fault as RFC 9457 has it. */
export interface Problem {
  /** `about:blank`: the status says what kind of problem it is, and `code` which. */
  readonly type: "about:blank";
  /** The status in words. */
  readonly title: string;
  readonly status: number;
  /** Code of the package's error, or of the server's own. */
  readonly code: string;
  /** Tells what is wrong, and what to do. */
  readonly detail: string;
  /** Every fault of a request that cannot be used. */
  readonly issues?: readonly { readonly path: string; readonly given: string; readonly allowed: string }[];
  /** Run that was accepted, and ended so. */
  readonly runId?: string;
  /** Tokens and dollars that it had used. */
  readonly spent?: Pick<PartialRun, "usage" | "costUsd">;
}

/** Returns the problem that an error is to a client. Of an error that is not known, nothing is told. */
export function problemOf(error: unknown): {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
} {
  if (error instanceof RequestFault) return asProblem(error.status, error.code, error.message, error.headers);
  if (!isOrchestratorError(error)) {
    return asProblem(500, "INTERNAL", "The service met a fault of its own. Its log says which.");
  }
  if (error.code === "INVALID_OPTIONS") {
    const { message, issues } = new InvalidOptionsError(error.issues.map(overHttp));
    const shown = issues.map(({ path, given, allowed }) => ({ path, given: showValue(given), allowed }));
    const { problem, headers } = asProblem(statusOf(error), error.code, message);
    return { problem: { ...problem, issues: shown }, headers };
  }
  const { retryAfterMs } = error as { readonly retryAfterMs?: number };
  const wait =
    retryAfterMs === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) };
  const { problem, headers } = asProblem(statusOf(error), error.code, error.message, wait);
  const { usage, costUsd } = ("partial" in error && error.partial) || {};
  if (usage && costUsd !== undefined) return { problem: { ...problem, spent: { usage, costUsd } }, headers };
  return { problem, headers };
}

/** Options that a program writes and a client does not. */
const ofService = [
  "options.idempotencyKey",
  "options.requestId",
  "options.redact",
  "toolOptions.schema",
  "toolOptions.escalate",
];

/** Returns the fault of an option as a client can mend it, who has fewer places to write options in than a program. */
function overHttp({ path, given, allowed, message }: OptionIssue): OptionIssue {
  const [place = ""] = path.split(".");
  const isTaken = (name: string) => !ofService.includes(`${place}.${name}`);
  const told = (text: string) =>
    text
      .replace(
        /(Known: |one of )(\w+(?:, \w+)+)/,
        (_, lead, names) => lead + names.split(", ").filter(isTaken).join(", "),
      )
      .replace(/(?:Move it to|Give) options\.idempotencyKey(?:, "auto" say)?\./, "Send the header Idempotency-Key.")
      .replace(/Move it to (\w+\.\w+)\.$/, (advice, there) =>
        there.startsWith("reliabilityConfig.") || ofService.includes(there)
          ? "The service decides it: leave it out."
          : advice,
      )
      .replace(/without idempotencyKey$/, "without Idempotency-Key");
  return { path, given, allowed: told(allowed), message: message && told(message) };
}

function asProblem(status: number, code: string, detail: string, headers: Readonly<Record<string, string>> = {}) {
  const problem: Problem = { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status, code, detail };
  return { problem, headers };
}

function statusOf(error: AnyOrchestratorError): number {
  if (error.code === "CONFLICT") return error.reason === "fingerprint" ? 422 : 409;
  return statusByCode[error.code];
}

const statusByCode: Readonly<Record<Exclude<AnyOrchestratorError["code"], "CONFLICT">, number>> = {
  INVALID_OPTIONS: 400,
  TOOL_NOT_FOUND: 404,
  PLANNING: 422,
  BUDGET_EXCEEDED: 422,
  CANCELLED: 409,
  TOOL_EXECUTION: 502,
  JOB_STOPPED: 502,
  STORE: 503,
};

/** Returns the fault that another process has met in a run; `undefined` for a failure of the tool. */
export function faultElsewhere({ code, message }: OutputError): RequestFault | undefined {
  const status = code === "CONFLICT" ? 422 : statusByCode[code as keyof typeof statusByCode];
  return status === undefined ? undefined : new RequestFault(status, code, message);
}

/** Writes a fault as a response, with further facts of it. */
export function respondWithProblem(error: unknown, facts: Pick<Problem, "runId"> = {}): Response {
  const { problem, headers } = problemOf(error);
  return respond({ ...problem, ...facts }, headers);
}

/**
 * Writes a fault as clients of OpenAI's API read it: the problem, with an `error` beside. Its `type` is the one that they know
 * for the status.
 */
export function respondToOpenAI(error: unknown): Response {
  const { problem, headers } = problemOf(error);
  return respond(withOpenAIError(problem), headers);
}

/** Returns a problem with the `error` that clients of OpenAI's API read. */
export function withOpenAIError(problem: Problem): Problem & { readonly error: object } {
  const { status, code, detail, issues } = problem;
  const type = status === 429 ? "rate_limit_error" : status < 500 ? "invalid_request_error" : "server_error";
  const param = code === "TOOL_NOT_FOUND" ? "model" : (issues?.[0]?.path ?? null);
  return { ...problem, error: { message: detail, type, code, param } };
}

function respond(body: Problem, headers: Readonly<Record<string, string>>): Response {
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: { "content-type": "application/problem+json; charset=utf-8", ...headers },
  });
}
