import { fingerprint } from "../core/canonical.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";

/** What makes two runs of one idempotency key the same run. */
export interface FingerprintedRun {
  readonly request: unknown;
  readonly toolName: string | undefined;
  readonly toolOptions: unknown;
  readonly agents: unknown;
}

/**
 * SHA-256 of the canonical JSON of what the caller asked for. The order of keys never matters; schemas enter as their
 * JSON schema, dates as ISO strings.
 *
 * @throws InvalidOptionsError naming what has no canonical form: a function, a BigInt, NaN, a Map, a cycle
 */
export function fingerprintRun(run: FingerprintedRun): string {
  const issues: OptionIssue[] = [];
  const plain = Object.fromEntries(
    Object.entries(run).map(([name, value]) => [name, toPlain(value, name, [], issues)]),
  );
  if (issues.length > 0) throw new InvalidOptionsError(issues);
  return fingerprint(plain);
}

function toPlain(value: unknown, path: string, ancestors: readonly object[], issues: OptionIssue[]): unknown {
  const jsonSchema = jsonSchemaOf(value);
  if (jsonSchema !== undefined) return jsonSchema;
  if (hasNoCanonicalForm(value)) return refuse(value, path, issues);
  if (typeof value !== "object" || value === null) return value;
  if (ancestors.includes(value)) return refuse("a value that contains itself", path, issues);
  const around = [...ancestors, value];
  if (Array.isArray(value)) return value.map((item, index) => toPlain(item, `${path}[${index}]`, around, issues));
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("base64") };
  if (hasToJson(value)) return toPlain(value.toJSON(), path, around, issues);
  if (hidesItsState(value))
    return refuse(`a ${value.constructor?.name ?? "object"} that shows nothing of itself`, path, issues);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, toPlain(item, `${path}.${key}`, around, issues)]),
  );
}

function hasNoCanonicalForm(value: unknown): boolean {
  return (
    ["bigint", "function", "symbol"].includes(typeof value) || (typeof value === "number" && !Number.isFinite(value))
  );
}

/** Dates, URLs and the like say themselves what they are as JSON. */
function hasToJson(value: object): value is { toJSON(): unknown } {
  return typeof (value as { toJSON?: unknown }).toJSON === "function";
}

/** Whether it is a Map, a Set or another object that would look like any other of its class. */
function hidesItsState(value: object): boolean {
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(value));
  return !isPlain && Object.keys(value).length === 0;
}

function refuse(given: unknown, path: string, issues: OptionIssue[]): undefined {
  const allowed = "JSON data together with options.idempotencyKey, so that equal requests can be told from others";
  issues.push({ path, given, allowed });
}

/** The JSON schema of a Standard Schema that can give one; its vendor tells the others apart from no schema at all. */
function jsonSchemaOf(value: unknown): unknown {
  const standard = (value as { "~standard"?: any } | null | undefined)?.["~standard"];
  if (!standard) return undefined;
  return standard.jsonSchema?.input({ target: "draft-2020-12" }) ?? undefined;
}
