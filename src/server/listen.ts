import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener, RequestError } from "@hono/node-server";
import { schedule, systemClock } from "../core/clock.ts";
import { RequestFault, respondWithProblem } from "./problem.ts";

/** Longest time for the headers of a request, and for all of it: a client that sends a byte now and then is cut off. */
const longestTimes = { headersMs: 10_000, requestMs: 30_000 };
/** Longest headers, in bytes, and most of them. */
const longestHeaders = 16_384;
const mostHeaders = 100;

/** A server that listens. */
export interface Listening {
  /** Address of the service, such as `http://127.0.0.1:4242`. */
  readonly url: string;
  /** Takes no more connections, and ends those that are there: with their answers, or after a second. */
  end(): Promise<void>;
}

/**
 * Lets a service listen.
 *
 * @throws the error of an address that cannot be had
 */
export async function listen(
  fetch: (request: Request) => Promise<Response>,
  { host, port, times = longestTimes }: { host: string; port: number; times?: typeof longestTimes },
): Promise<Listening> {
  const limits = {
    headersTimeout: times.headersMs,
    requestTimeout: times.requestMs,
    connectionsCheckingInterval: times.headersMs / 4,
    maxHeaderSize: longestHeaders,
  };
  const answer = getRequestListener(fetch, { overrideGlobalObjects: false, errorHandler: answerFault });
  const server = createServer(limits, (incoming, outgoing) => void answer(incoming, outgoing));
  server.maxHeadersCount = mostHeaders;
  await listening(server, host, port);
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${taken}`,
    end: () => endServer(server),
  };
}

/** Answers that are under way have this long to go out. */
const leaveMs = 1_000;
const lookMs = 20;

function endServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    let stopLooking = () => {};
    const closeIdle = () => {
      server.closeIdleConnections();
      stopLooking = schedule(systemClock, closeIdle, lookMs);
    };
    const stop = schedule(systemClock, () => server.closeAllConnections(), leaveMs);
    server.close(() => {
      stop();
      stopLooking();
      resolve();
    });
    closeIdle();
  });
}

/** A request whose address or Host is none never reaches the service. */
function answerFault(error: unknown): Response {
  const detail =
    "The address or the Host of the request cannot be read. Send a path, and the name of the service as Host.";
  return respondWithProblem(error instanceof RequestError ? new RequestFault(400, "INVALID_OPTIONS", detail) : error);
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
