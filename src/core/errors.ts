/** Marks our errors across duplicate copies of this package, where `instanceof` cannot. */
const brand = Symbol.for("steer-llm-sdk.error");

/** Every `code` that an error of this package can carry. */
export type ErrorCode =
  | "INVALID_OPTIONS"
  | "TOOL_NOT_FOUND"
  | "TOOL_EXECUTION"
  | "PLANNING"
  | "CONFLICT"
  | "BUDGET_EXCEEDED"
  | "CANCELLED"
  | "STORE"
  | "JOB_STOPPED";

/**
 * The root of every error that a run rejects with. Each subclass has a literal `code`, its facts as fields, and a
 * message that says what happened, the value, the limit and what to do next.
 *
 * @example
 * ```ts
 * try {
 *   await orchestrator.run({ tool: triage, request: { report } });
 * } catch (error) {
 *   if (BudgetExceeded.isInstance(error)) console.error(error.limit, error.actual);
 * }
 * ```
 */
export abstract class OrchestratorError extends Error {
  abstract readonly code: ErrorCode;

  constructor(message: string, options?: { cause?: unknown }) {
    super(withoutSecrets(message), options);
    this.name = new.target.name;
    Object.defineProperty(this, brand, { value: true });
  }

  /** Like `instanceof`, and also true for the same error from another copy of this package. */
  static isInstance<E>(this: abstract new (...parameters: any[]) => E, error: unknown): error is E {
    try {
      if (error instanceof this) return true;
      if (typeof error !== "object" || error === null || !(brand in error)) return false;
      const wanted = (this as { readonly code?: ErrorCode }).code;
      return wanted === undefined || (error as { code?: unknown }).code === wanted;
    } catch {
      // Not one of ours: reading its properties threw.
      return false;
    }
  }
}

/** One fault of the caller's input. */
export interface OptionIssue {
  /** Its place, from the caller's point of view: `options.budget.tokens`. */
  readonly path: string;
  /** Value that was given there. */
  readonly given: unknown;
  /** Values that may stand there, as a phrase. */
  readonly allowed: string;
  /** The fault in words of its own, in place of "got …; allowed: …". */
  readonly message?: string | undefined;
}

/**
 * The caller's input cannot be used. Thrown before anything has run or cost anything; lists every fault at once.
 *
 * @example
 * ```ts
 * if (InvalidOptionsError.isInstance(error)) for (const { path, allowed } of error.issues) console.error(path, allowed);
 * ```
 */
export class InvalidOptionsError extends OrchestratorError {
  static readonly code = "INVALID_OPTIONS";
  readonly code = InvalidOptionsError.code;
  /** Every fault, with its place, what was given and what is allowed. */
  readonly issues: readonly OptionIssue[];

  constructor(issues: readonly OptionIssue[]) {
    super(issues.length === 1 ? describeIssue(issues[0] as OptionIssue) : listIssues(issues));
    this.issues = issues;
  }
}

/** @throws InvalidOptionsError where an input cannot be used; for functions without a declared set of options */
export function assertUsable(isUsable: boolean, path: string, given: unknown, allowed: string, message?: string): void {
  if (!isUsable) throw new InvalidOptionsError([{ path, given, allowed, message }]);
}

function listIssues(issues: readonly OptionIssue[]): string {
  return `${issues.length} options cannot be used:\n${issues.map((issue) => `  - ${describeIssue(issue)}`).join("\n")}`;
}

function describeIssue({ path, given, allowed, message }: OptionIssue): string {
  return message ?? `${path}: got ${showValue(given)}; allowed: ${allowed}`;
}

/** A value as an error message shows it: its type where that explains the fault, and never more than a line. */
export function showValue(value: unknown, maximumLength = 80): string {
  if (typeof value === "string") return shorten(withoutSecrets(JSON.stringify(value)), maximumLength);
  if (typeof value === "bigint") return `${value}n`;
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return String(value);
  try {
    return typeof value === "function" ? showFunction(value) : showObject(value, maximumLength);
  } catch {
    return `${typeof value === "function" ? "a function" : "an object"} that cannot be read`;
  }
}

function showFunction({ name }: { readonly name: unknown }): string {
  return typeof name === "string" && name !== "" ? `the function ${name}` : "a function";
}

function showObject(value: object, maximumLength: number): string {
  try {
    return shorten(withoutSecrets(JSON.stringify(value) ?? String(value)), maximumLength);
  } catch {
    return Array.isArray(value) ? "an array that is not JSON" : "an object that is not JSON";
  }
}

function shorten(text: string, maximumLength: number): string {
  return text.length <= maximumLength ? text : `${text.slice(0, maximumLength - 1)}…`;
}

/**
 * The message of anything that was thrown, strings and undefined included. Providers repeat the key that they refuse: it is
 * left out, as what this gives is shown, logged and kept.
 */
export function messageOf(error: unknown): string {
  try {
    if (error instanceof Error) return textOf(error.message);
  } catch {
    return "an error whose message cannot be read";
  }
  return typeof error === "string" ? withoutSecrets(error) : `a thrown ${typeof error}: ${showValue(error)}`;
}

/** An error may have anything in the place of its message. */
function textOf(message: unknown): string {
  return typeof message === "string" ? withoutSecrets(message) : showValue(message);
}

/** The kind of anything that was thrown: the name of an error, the type of what is none. */
export function kindOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return typeof error;
    const name: unknown = error.name;
    return typeof name === "string" ? name : "Error";
  } catch {
    return "Error";
  }
}

/** Names of variables that hold a secret: `OPENAI_API_KEY`, `AWS_SECRET_ACCESS_KEY`, `GITHUB_TOKEN`. */
const secretName = /(?:API_?KEY|_KEY|TOKEN|SECRET|PASSWORD)$/i;

/** The password in an address: `postgres://steer:password@db.internal/steer`. */
const passwordInAddress = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@:]*:([^/?#@]+)@/i;

/** A shorter value is as likely a word of an answer as a secret. */
const shortestSecret = 16;

let secrets: readonly string[] | undefined;

/**
 * A text without the secrets that this process was given through its environment, for whatever is shown, logged or kept.
 * The environment is read once, by the first call.
 */
export function withoutSecrets(text: string): string {
  secrets ??= secretsOf(process.env);
  let clean = text;
  for (const secret of secrets) if (clean.includes(secret)) clean = clean.replaceAll(secret, "[secret]");
  for (const [secret, pattern] of givenSecrets)
    if (clean.includes(secret)) clean = clean.replaceAll(pattern, "[secret]");
  return clean;
}

/** Least length of a secret. */
const shortestGivenSecret = 4;
/** A process that makes a model for each of its users does not keep all their keys. */
const mostGivenSecrets = 1_000;
const givenSecrets = new Map<string, RegExp | string>();

/** Hides values that a model was made with, its key for one, from whatever is shown, logged or kept. */
export function hideSecrets(values: Iterable<string>): void {
  for (const secret of [...values].flatMap(asWritten)) {
    if (secret.length < shortestGivenSecret) continue;
    givenSecrets.delete(secret);
    // A short one may be a part of any word.
    givenSecrets.set(secret, secret.length >= shortestSecret ? secret : asWholeWord(secret));
    if (givenSecrets.size > mostGivenSecrets) givenSecrets.delete(givenSecrets.keys().next().value as string);
  }
}

function asWholeWord(secret: string): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{N}])${secret.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\p{L}\\p{N}])`, "gu");
}

/** The longest first, in case one is a part of another. */
function secretsOf(environment: NodeJS.ProcessEnv): readonly string[] {
  return Object.entries(environment)
    .flatMap(([name, value = ""]) => (secretName.test(name) ? [value] : [passwordInAddress.exec(value)?.[1] ?? ""]))
    .filter((secret) => secret.length >= shortestSecret)
    .flatMap(asWritten)
    .sort((a, b) => b.length - a.length);
}

/** A secret as it is, as a part of JSON, and as a part of an address, which some APIs take a key in. */
function asWritten(secret: string): string[] {
  return [
    ...new Set([
      secret,
      JSON.stringify(secret).slice(1, -1),
      inAddress(secret, decodeURIComponent),
      inAddress(secret, encodeURIComponent),
    ]),
  ];
}

function inAddress(secret: string, write: (text: string) => string): string {
  try {
    return write(secret);
  } catch {
    // A sign of percent alone, or half of a surrogate pair.
    return secret;
  }
}
