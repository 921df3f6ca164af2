import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { Readable, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { onAbort } from "../core/signal.ts";

/** Milliseconds after which an idle connection is probed, so that no router on the way forgets it while a model thinks. */
const probeAfterMs = 30_000;

/**
 * A fetch for models that are named by text. Node's own gives up on an answer after 300 s of silence; this one waits as long as
 * its caller, keeps connections open between calls, and goes through the proxies of `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`
 * (Node 22.21, 24.5, and later). It follows a redirect only where it leads to the same host.
 */
export function createModelFetch(environment: NodeJS.ProcessEnv = process.env): typeof globalThis.fetch {
  const options = { keepAlive: true, keepAliveMsecs: probeAfterMs, proxyEnv: environment };
  const lines = {
    "http:": { request: httpRequest, agent: new HttpAgent(options) },
    "https:": { request: httpsRequest, agent: new HttpsAgent(options) },
  };
  return async (input, init) => {
    const asked = new Request(input, init);
    const body = Buffer.from(await asked.arrayBuffer());
    const headers = { ...Object.fromEntries(asked.headers), "content-length": String(body.length) };
    const { method, signal } = asked;
    for (let url = new URL(asked.url), redirects = 0; ; redirects++) {
      const { request, agent } = lines[url.protocol as keyof typeof lines];
      const ask = (isSecondTry: boolean): Promise<IncomingMessage> =>
        send(request, url, { method, headers, agent }, body, signal).catch((error: SendError) => {
          // The server had closed the connection while nothing was on it, as it may; the request never reached it.
          if (error.isStale && !isSecondTry) return ask(true);
          throw error;
        });
      const answer = await ask(false);
      const target = redirects < mostRedirects ? sameHostTarget(answer, url) : undefined;
      if (!target) return toResponse(answer, signal);
      answer.resume();
      url = target;
    }
  };
}

const mostRedirects = 3;

type SendError = Error & { isStale?: boolean };

function send(
  request: typeof httpRequest,
  url: URL,
  options: RequestOptions,
  body: Buffer,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const sent = request(url, options, (answer) => {
      stopListening();
      resolve(answer);
    });
    const stopListening = onAbort(signal, () => {
      reject(signal.reason);
      sent.destroy();
    });
    sent.on("error", (error: NodeJS.ErrnoException) => {
      stopListening();
      reject(Object.assign(error, { isStale: sent.reusedSocket && error.code === "ECONNRESET" }));
    });
    sent.end(body);
  });
}

/** Method and body are kept by these statuses, and so is the key, which another host may not see. */
function sameHostTarget({ statusCode, headers }: IncomingMessage, from: URL): URL | undefined {
  if ((statusCode !== 307 && statusCode !== 308) || !headers.location) return undefined;
  const target = URL.parse(headers.location, from.href);
  const isDowngrade = from.protocol === "https:" && target?.protocol !== "https:";
  return target && target.hostname === from.hostname && !isDowngrade ? target : undefined;
}

function toResponse(answer: IncomingMessage, signal: AbortSignal): Response {
  const { statusCode = 500, statusMessage = "" } = answer;
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headersDistinct))
    for (const one of value ?? []) headers.append(name, one);
  const decoder = decoderOf(headers.get("content-encoding"));
  if (decoder) {
    headers.delete("content-encoding");
    headers.delete("content-length");
  }
  const stopListening = onAbort(signal, () => answer.destroy(signal.reason));
  answer.once("close", stopListening);
  const init = { status: statusCode, statusText: redirectOf(answer) ?? statusMessage, headers };
  if (statusCode === 204 || statusCode === 205 || statusCode === 304) {
    answer.resume();
    return new Response(null, init);
  }
  const body = decoder ? decoded(answer, decoder) : answer;
  return new Response(Readable.toWeb(body) as ReadableStream<Uint8Array>, init);
}

/** Says where a redirect leads that is not followed, as packages show the text of a status. An address may hold a secret behind its path. */
function redirectOf({ statusCode = 0, headers }: IncomingMessage): string | undefined {
  if (statusCode < 301 || statusCode > 308 || !headers.location) return undefined;
  const [address = ""] = headers.location.replace(/[^\x20-\x7e]/g, "").split(/[?#]/);
  return `The server redirects to ${address.slice(0, 200)}. Check the base URL and the proxies on the way.`;
}

/** Nothing is asked to be compressed; some servers compress all the same. */
function decoderOf(encoding: string | null): Transform | undefined {
  switch (encoding?.trim().toLowerCase()) {
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    default:
      return undefined;
  }
}

function decoded(answer: IncomingMessage, decoder: Transform): Readable {
  answer.on("error", (error) => decoder.destroy(error));
  decoder.on("close", () => answer.destroy());
  return answer.pipe(decoder);
}
