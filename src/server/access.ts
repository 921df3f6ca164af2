import { hash, timingSafeEqual } from "node:crypto";
import * as v from "valibot";
import { hideSecrets, InvalidOptionsError, showValue } from "../core/errors.ts";
import { RequestFault } from "./problem.ts";

/** Key of a client. */
export interface ServiceKey {
  /** Name of the client: its runs are seen by its key alone. */
  readonly name: string;
  /** Sent as `Authorization: Bearer …`; 16 characters or more. */
  readonly key: string;
  /** Names of the tools that it may use. Default: all. */
  readonly tools?: readonly string[] | undefined;
}

/** A client that was let in. */
export interface Caller {
  /** Name of its key: letters, digits, "-" and "_". A client of the name `""` sees all runs. */
  readonly name: string;
  readonly tools?: readonly string[] | undefined;
}

/** Says who sends a request, by a name of 1 to 64 letters, digits, `-` and `_`; `undefined` where it is not let in. */
export type Authenticate = (request: Request) => Caller | undefined | Promise<Caller | undefined>;

const shortestKey = 16;
/** A name begins the ids of a client's runs, and ends at a dot. */
const callerName = /^[\w-]{1,64}$/;

const serviceKeys = v.array(
  v.strictObject({
    name: v.pipe(v.string(), v.regex(callerName)),
    key: v.pipe(v.string(), v.minLength(shortestKey)),
    tools: v.optional(v.array(v.string())),
  }),
);

const allowedKeys = `a list of { name, key, tools? }: names of letters, digits, "-" and "_", keys of ${shortestKey} characters or more`;

/**
 * Returns who is let in: the holders of keys; without keys, programs of this machine.
 *
 * @throws InvalidOptionsError for keys that cannot be used; it shows none of them
 */
export function authenticateBy(
  keys: readonly ServiceKey[] | Authenticate | undefined,
  origins: readonly string[],
): Authenticate {
  if (typeof keys === "function") return async (request) => checked(await keys(request));
  if (keys === undefined) return (request) => letInFromHere(request, origins);
  const { success, output: known = [] } = v.safeParse(serviceKeys, keys) as { success: boolean; output: ServiceKey[] };
  const isShared = (part: "name" | "key") => new Set(known.map((one) => one[part])).size < known.length;
  if (!success || known.length === 0 || isShared("name") || isShared("key")) {
    const message = `keys has to be ${allowedKeys}, one or more, no two with the same name or the same key.`;
    throw new InvalidOptionsError([{ path: "keys", given: "keys, not shown here", allowed: allowedKeys, message }]);
  }
  hideSecrets(known.map(({ key }) => key));
  const digests = known.map(({ key, ...caller }) => ({ digest: digestOf(key), caller }));
  return (request) => {
    const [, given] = /^Bearer +(\S+) *$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    const digest = digestOf(given ?? "");
    // Every key is compared, and by its digest: the time tells neither a length nor a place.
    const found = digests.filter((one) => timingSafeEqual(one.digest, digest));
    return given === undefined ? undefined : found[0]?.caller;
  };
}

/** @throws TypeError for a client without a name, or with one that could reach into another client's runs */
function checked(caller: Caller | undefined): Caller | undefined {
  if (caller === undefined || caller === null) return undefined;
  const { name } = Object(caller) as Partial<Caller>;
  // Without a name it would be taken for the owner of the service.
  if (typeof name === "string" && callerName.test(name)) return caller;
  throw new TypeError(`${showValue(name)} is no name of a client. Use 1 to 64 letters, digits, "-" and "_".`);
}

function digestOf(key: string): Buffer {
  return hash("sha256", key, "buffer");
}

const anyone: Caller = { name: "" };
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Lets in what was sent to this machine by its own name. A page of another site can have its name lead here (DNS
 * rebinding), or send a form here; its Host and its Origin tell.
 */
function letInFromHere(request: Request, origins: readonly string[]): Caller {
  const { hostname, host } = new URL(request.url);
  const named = request.headers.get("host") ?? host;
  if (!loopback.test(hostname) || !loopback.test(named.replace(/:\d+$/, ""))) {
    const detail = `Without keys, the service answers to localhost alone, and was called ${JSON.stringify(named)}. Give it keys.`;
    throw new RequestFault(403, "FORBIDDEN", detail);
  }
  // A proxy or a tunnel often calls the service by its own name, wherever the request came from.
  const forwarded = ["forwarded", "x-forwarded-for", "x-real-ip"].find((header) => request.headers.has(header));
  if (forwarded !== undefined) {
    const detail = `Without keys, the service answers to programs of this machine, and ${forwarded} tells of a proxy. Give it keys.`;
    throw new RequestFault(403, "FORBIDDEN", detail);
  }
  const origin = request.headers.get("origin");
  if (origin !== null && URL.parse(origin)?.host !== named && !origins.includes(origin)) {
    const detail = `Pages of ${JSON.stringify(origin)} may not use this service. Name it among the origins that may.`;
    throw new RequestFault(403, "FORBIDDEN", detail);
  }
  return anyone;
}
