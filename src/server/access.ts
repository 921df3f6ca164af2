import { hash, timingSafeEqual } from "node:crypto";
import * as v from "valibot";
import { hideSecrets, InvalidOptionsError, type OptionIssue, showValue } from "../core/errors.ts";
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

const serviceKey = v.strictObject({
  name: v.pipe(v.string(), v.regex(callerName)),
  key: v.pipe(v.string(), v.minLength(shortestKey)),
  tools: v.optional(v.array(v.string())),
});

/** Content of each part of a key, for refusals. */
const partsOfKey: Readonly<Record<string, string>> = {
  name: 'a name of 1 to 64 letters, digits, "-" and "_"',
  key: `a text of ${shortestKey} characters or more`,
  tools: "a list of names of tools",
};

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
  const issues = faultsIn(keys);
  if (issues.length > 0) throw new InvalidOptionsError(issues);
  const known = keys as readonly ServiceKey[];
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

/** Names each entry that cannot be used. What stands in it is not shown: a key may stand in any place. */
function faultsIn(keys: unknown): OptionIssue[] {
  const issue = (path: string, fault: string, allowed: string): OptionIssue => ({
    path,
    given: "not shown",
    allowed,
    message: `${path} ${fault}. Give ${allowed}.`,
  });
  const list = "a list of { name, key, tools? }, one or more";
  if (!Array.isArray(keys)) return [issue("keys", "is not a list", list)];
  if (keys.length === 0) return [issue("keys", "is empty", list)];
  return keys.flatMap((entry, at) => {
    const { issues = [] } = v.safeParse(serviceKey, entry);
    const ofEntry = issues.map((fault) => {
      const part = v.getDotPath(fault)?.split(".")[0];
      const allowed = part === undefined ? undefined : partsOfKey[part];
      if (allowed !== undefined) return issue(`keys[${at}].${part}`, "cannot be used", allowed);
      const known = Object.keys(partsOfKey).join(", ");
      return part === undefined
        ? issue(`keys[${at}]`, "is not an object", "{ name, key, tools? }")
        : issue(`keys[${at}].${showPart(part)}`, "is no part of a key", `only ${known}`);
    });
    const twin = (part: "name" | "key") => keys.findIndex((other) => other?.[part] === entry?.[part]);
    const shared = (["name", "key"] as const).filter((part) => typeof entry?.[part] === "string" && twin(part) < at);
    return [
      ...ofEntry,
      ...shared.map((part) => issue(`keys[${at}].${part}`, `is that of keys[${twin(part)}]`, `a ${part} of its own`)),
    ];
  });
}

/** A key may have been written where a name of a part belongs. */
function showPart(part: string): string {
  return part.length < shortestKey ? part : "…";
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
