import type { AnyTool } from "../../contract/tool.ts";
import { fingerprint } from "../../core/canonical.ts";
import { InvalidOptionsError, messageOf, type OptionIssue, showValue } from "../../core/errors.ts";

/** Facts that two runs of one idempotency key must share to be the same run. */
export interface FingerprintedRun {
  readonly request: unknown;
  readonly toolName: string | undefined;
  readonly toolOptions: unknown;
  readonly agents: unknown;
}

/**
 * SHA-256 of the canonical JSON of what the caller asked for. The order of keys never matters; schemas enter as their
 * JSON schema, dates as ISO strings. What JSON cannot say, and has a form here, is told from all that JSON can say.
 *
 * @throws InvalidOptionsError naming what has no canonical form: a function, a BigInt, NaN, a Map, a cycle
 */
export function fingerprintRun(run: FingerprintedRun): string {
  const issues: OptionIssue[] = [];
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(run)) {
    if (value !== undefined) plain[name] = toPlain(value, name, [], issues);
  }
  if (issues.length > 0) throw new InvalidOptionsError(issues);
  return fingerprint(plain);
}

/** Facts that a tool itself adds to what a run asks: a prompt tool has all of them. */
type AskingTool = Pick<AnyTool, "name" | "version" | "provider" | "defaultOptions"> & {
  readonly modelId?: unknown;
  readonly promptIdentity?: unknown;
};

/**
 * Returns the key of a run that is known by what it asks. What its tool is made of counts: with an edited prompt, another
 * model or another schema it is another question. Code of a tool cannot be seen; its version stands for it.
 */
export function keyByFingerprint(fingerprintOfRun: string, tool: AskingTool | undefined): string {
  const { version, provider, modelId, promptIdentity, defaultOptions } = tool ?? {};
  const facts = { version, provider, modelId, promptIdentity };
  // A function among the options, such as a comparison, has no form here: the version stands for it, too.
  const options = Object.entries(defaultOptions ?? {}).flatMap(([name, value]) => {
    const issues: OptionIssue[] = [];
    const plain = toPlain(value, name, [], issues);
    return issues.length > 0 ? [] : [[name, plain]];
  });
  return `auto:${fingerprint({ run: fingerprintOfRun, facts: toPlain(facts, "tool", [], []), options })}`;
}

function toPlain(value: unknown, path: string, ancestors: readonly object[], issues: OptionIssue[]): unknown {
  if (typeof value === "string") return value.isWellFormed() ? value : tagged("text", JSON.stringify(value));
  if (value === undefined) return tagged("undefined", "");
  if (Object(value) !== value) return isCanonical(value) ? value : refuse(value, path, issues);
  return objectToPlain(value as object, path, ancestors, issues);
}

function objectToPlain(value: object, path: string, ancestors: readonly object[], issues: OptionIssue[]): unknown {
  if (ancestors.includes(value)) return refuse("a value that contains itself", path, issues);
  const around = [...ancestors, value];
  if (Array.isArray(value))
    return Array.from(value, (item, index) => toPlain(item, `${path}[${index}]`, around, issues));
  if (ArrayBuffer.isView(value)) return bytesOf(value);
  try {
    const schema = jsonSchemaOf(value);
    if (schema !== undefined) return schema;
    if (saysWhatItIs(value)) return toPlain(value.toJSON(), path, around, issues);
  } catch (error) {
    return refuse(`a value that cannot be written as JSON (${messageOf(error)})`, path, issues);
  }
  if (typeof value === "function") return refuse(value, path, issues);
  if (!isPlain(value)) return refuse(`a ${value.constructor?.name ?? "value of a class"}`, path, issues);
  const fields: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) fields[plainKey(key)] = toPlain(item, `${path}.${key}`, around, issues);
  }
  return fields;
}

/** Represents a value without JSON form as an object that no JSON data becomes here. */
function tagged(type: string, text: string): object {
  return { [`\0${type}`]: text };
}

function plainKey(key: string): string {
  if (!key.isWellFormed()) return `\0${JSON.stringify(key)}`;
  return key.startsWith("\0") ? `\0${key}` : key;
}

function bytesOf(view: ArrayBufferView): object {
  const type = view instanceof Uint8Array ? "bytes" : Object.prototype.toString.call(view);
  return tagged(type, Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("base64"));
}

function isCanonical(primitive: unknown): boolean {
  if (typeof primitive === "number") return Number.isFinite(primitive);
  return primitive === null || typeof primitive === "boolean";
}

/** The JSON schema of a Standard Schema that can give one. */
function jsonSchemaOf(value: object): unknown {
  const standard = (value as { "~standard"?: any })["~standard"];
  return standard?.jsonSchema?.input?.({ target: "draft-2020-12" });
}

/** Dates, URLs and the like say what they are as JSON. An invalid date says null, as others do. */
function saysWhatItIs(value: object): value is { toJSON(): unknown } {
  if (value instanceof Date && Number.isNaN(value.getTime())) return false;
  return typeof value === "object" && typeof (value as { toJSON?: unknown }).toJSON === "function";
}

/** An object of another class may look like one that it is not equal to: a Map, or what keeps its state to itself. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.hasOwn(prototype, "isPrototypeOf");
}

function refuse(given: unknown, path: string, issues: OptionIssue[]): undefined {
  const shown = typeof given === "string" ? given : showValue(given);
  const message = `${path} is ${shown}. With an idempotencyKey it must be JSON (or have toJSON), so that equal requests can be recognised.`;
  issues.push({ path, given, allowed: "JSON data, or a value with toJSON", message });
}
