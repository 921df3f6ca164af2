import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { type Clock, schedule, systemClock } from "../core/clock.ts";
import { InvalidOptionsError, messageOf } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";
import { publicLookup } from "./public-address.ts";

const largestBytes = 2 ** 20;
const timeoutMs = 5_000;

/** How the outside is reached; a test brings its own. */
export interface SchemaTransport {
  readonly request: typeof httpsRequest;
  readonly lookup: LookupFunction;
  readonly clock: Clock;
}

/**
 * The JSON schema at a URL: from a public address, without redirects, at most 1 MiB in 5 s.
 *
 * @throws InvalidOptionsError saying what was wrong with the answer
 */
export async function fetchSchema(
  url: URL,
  transport: SchemaTransport = { request: httpsRequest, lookup: publicLookup(), clock: systemClock },
): Promise<JSONSchema> {
  try {
    if (isIP(url.hostname.replace(/[[\]]/g, ""))) throw new Error("its host is an address, not a name");
    const schema: unknown = JSON.parse(await download(url, transport));
    if (typeof schema === "object" && schema !== null && !Array.isArray(schema)) return schema as JSONSchema;
    throw new Error("it is JSON, but not an object");
  } catch (error) {
    const allowed = `the URL of a JSON schema that can be had (${messageOf(error)})`;
    throw new InvalidOptionsError([{ path: "toolOptions.schemaUri", given: url.href, allowed }]);
  }
}

function download(url: URL, { request, lookup, clock }: SchemaTransport): Promise<string> {
  const headers = { accept: "application/schema+json, application/json" };
  const call = request(url, { lookup, agent: false, headers });
  const body = new Promise<string>((resolve, reject) => {
    call.on("error", reject);
    call.on("response", (response) => readBody(response).then(resolve, reject));
  });
  const giveUp = () => call.destroy(new Error(`it did not come within ${timeoutMs} ms`));
  const cancelTimer = schedule(clock, giveUp, timeoutMs);
  call.end();
  return body.finally(() => {
    cancelTimer();
    call.destroy();
  });
}

async function readBody(response: IncomingMessage): Promise<string> {
  if (response.statusCode !== 200) throw new Error(`the server answered with status ${response.statusCode}`);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += chunk.length;
    if (bytes > largestBytes) throw new Error(`it is larger than ${largestBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
