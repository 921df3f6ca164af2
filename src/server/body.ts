import { InvalidOptionsError, messageOf, showValue } from "../core/errors.ts";
import { RequestFault } from "./problem.ts";

/** Longest body of a request, in bytes: a document of a million tokens. */
const longestBody = 8 * 1024 * 1024;
/** Most objects and lists inside each other. */
const deepest = 100;

/**
 * Reads the JSON object of a request.
 *
 * @throws RequestFault for a body that is too long, or is not of the type JSON; InvalidOptionsError for JSON that is broken, too
 * deep, or no object
 */
export async function readJson(request: Request): Promise<unknown> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  // Browsers send no other site's request of this type without asking first.
  if (type !== "application/json" && !/^application\/[\w.-]+\+json$/.test(type)) {
    const detail = `The body is ${type === "" ? "of no type" : `of type ${type}`}. Send content-type: application/json.`;
    throw new RequestFault(415, "UNSUPPORTED_MEDIA_TYPE", detail);
  }
  const text = new TextDecoder().decode(await readBytes(request));
  if (text.trim() === "") throw badBody("is empty", text);
  assertShallow(text);
  const value = parse(text);
  if (Array.isArray(value)) throw badBody("is a list", text);
  if (typeof value !== "object" || value === null) throw badBody(`is ${showValue(value)}`, text);
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badBody(`is not JSON: ${messageOf(error)}`, text);
  }
}

async function readBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > longestBody) throw tooLong();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.byteLength;
    if (length > longestBody) throw tooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function tooLong(): RequestFault {
  const detail = `The body is longer than ${longestBody} bytes. Send less in one request.`;
  // The rest of it is not read.
  return new RequestFault(413, "TOO_LARGE", detail, { connection: "close" });
}

/** Refuses what would exhaust the stack of code that goes down into it. */
function assertShallow(text: string): void {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (isText) {
      if (char === backslash) at++;
      else if (char === quote) isText = false;
    } else if (char === quote) isText = true;
    else if (char === openBrace || char === openBracket) {
      if (++depth > deepest) throw badBody(`has more than ${deepest} objects and lists inside each other`, text);
    } else if (char === closeBrace || char === closeBracket) depth--;
  }
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = Array.from('"\\{}[]', (char) =>
  char.charCodeAt(0),
) as [number, number, number, number, number, number];

function badBody(fault: string, given: string): InvalidOptionsError {
  const message = `The body ${fault}. Send one JSON object.`;
  return new InvalidOptionsError([{ path: "body", given, allowed: "a JSON object", message }]);
}
