import { lookup as systemLookup } from "node:dns";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { BlockList, isIP, isIPv4, type LookupFunction } from "node:net";
import { type Clock, schedule, systemClock } from "../core/clock.ts";
import { InvalidOptionsError, messageOf } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";

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

/** What no public server has (IANA special-purpose registries, RFC 6890). */
const specialIPv4 = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const)
  specialIPv4.addSubnet(network, prefix, "ipv4");

const globalIPv6 = new BlockList();
globalIPv6.addSubnet("2000::", 3, "ipv6");

/** Documentation, and the tunnels through which an IPv4 address hides in an IPv6 one. */
const specialIPv6 = new BlockList();
for (const [network, prefix] of [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const)
  specialIPv6.addSubnet(network, prefix, "ipv6");

/** Whether an IP address is one of the public internet: not of this machine, not of its network. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !specialIPv4.check(address, "ipv4");
  return globalIPv6.check(address, "ipv6") && !specialIPv6.check(address, "ipv6");
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
