import { lookup as systemLookup } from "node:dns";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";
import { type Clock, schedule, systemClock } from "../core/clock.ts";
import { InvalidOptionsError, messageOf } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";

/** Longer schemas are not loaded. */
export const largestSchema = 2 ** 20;
const timeoutMs = 5_000;

/** Access to the network; a test brings its own. */
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
    if (bytes > largestSchema) throw new Error(`it is larger than ${largestSchema} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The one block of IPv6 that public addresses are given from. */
const allocatedIPv6 = ipaddr.parseCIDR("2000::/3");

/** Returns true for an address of the public internet: not of this machine or its network, and no tunnel to them. */
export function isPublicAddress(address: string): boolean {
  if (!isIP(address)) return false;
  const parsed = ipaddr.parse(address);
  return parsed.range() === "unicast" && (parsed.kind() === "ipv4" || parsed.match(allocatedIPv6));
}

/**
 * A DNS lookup for a connection that finds only public addresses. The check and the connection see the same answer, so that a
 * name cannot change its address in between.
 */
export function publicLookup(lookup: typeof systemLookup = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, "");
      const hidden = addresses.find(({ address }) => !isPublicAddress(address));
      if (hidden) return callback(new Error(`${hostname} has the address ${hidden.address}, which is not public`), "");
      const [first] = addresses;
      if (options.all || !first) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };
}
