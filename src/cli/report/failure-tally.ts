import type { ErrorCategory } from "../../contract/error-category.ts";
import type { OutputError } from "../../contract/output.ts";
import type { OutputLine } from "../output/output-line.ts";
import { cut, showOnLine } from "../progress/format.ts";
import { copyOf } from "./excerpt.ts";
import { MostFrequent } from "./tallies.ts";

/** Inputs without an answer, of one category. */
export interface FailureKind {
  readonly category: string;
  readonly count: number;
  /** Advice, as sentences. */
  readonly advice: string;
  /** The commonest messages, which differ in more than their numbers, each with the first line that has it. */
  readonly messages: readonly { readonly message: string; readonly count: number; readonly line: number }[];
}

/** Flag of the command that wrote the file. */
const again = "--retry-failed asks again.";

/** Advice about inputs that failed, by category. */
const advices = {
  rate_limit: `The provider was asked too often. Lower --concurrency; ${again}`,
  quota_exhausted: `The account has no credit left. Add some; ${again}`,
  overloaded: `The provider had no room. Later, ${again}`,
  server_error: `The provider failed. Later, ${again}`,
  timeout: `The answer took too long. Raise --timeout-ms, or lower --concurrency; ${again}`,
  network: `The provider was not reached. Check the network and the address; ${again}`,
  invalid_request: "The provider refused the request. Mend the tool file or the input, as the message says.",
  context_length: "The input is too long for the model. Shorten it, or name a model that takes more.",
  content_filter: "The provider's filter refused the input or the answer. Look at these inputs, or ask another model.",
  authentication: `The key was refused. Check it; ${again}`,
  invalid_output: `No answer fitted the schema. Make prompt and schema say the same, or ask a stronger model; ${again}`,
  cancelled: "The run was stopped. The same command with --retry-failed asks again.",
  budget: `The run's own budget or deadline was too small. Raise it; ${again}`,
  circuit_open: `Calls were held back because the provider kept failing. Later, ${again}`,
  unknown: "Look at the message. If it comes from a tool of yours, mend that.",
} as const satisfies Record<ErrorCategory, string>;

const mostMessages = 3;
/** Classifiers of the user's own may name any number of categories; further ones are counted as `unknown`. */
const mostKinds = 100;
const longestMessage = 300;

/** Inputs without an answer, by category. */
export class FailureTally {
  readonly #byCategory = new Map<string, Kind>();

  add(line: OutputLine, place: number): void {
    const error = errorOf(line);
    const category = this.#categoryOf(error.category);
    const kind = this.#kindOf(category);
    const shown = cut(showOnLine(error.message), longestMessage);
    kind.count++;
    kind.messages.add(shown.replace(/\d+/g, "#"), () => copyOf({ message: shown, line: place }));
  }

  get kinds(): readonly FailureKind[] {
    return [...this.#byCategory]
      .sort(([, a], [, b]) => b.count - a.count)
      .map(([category, { count, messages }]) => ({
        category,
        count,
        advice: adviceFor(category),
        messages: messages.top(mostMessages).map(({ value, count }) => ({ ...value, count })),
      }));
  }

  #categoryOf(category = "unknown"): string {
    return this.#byCategory.has(category) || this.#byCategory.size < mostKinds ? category : "unknown";
  }

  #kindOf(category: string): Kind {
    const known = this.#byCategory.get(category);
    if (known) return known;
    const kind = { count: 0, messages: new MostFrequent<Message>() };
    this.#byCategory.set(category, kind);
    return kind;
  }
}

interface Kind {
  count: number;
  readonly messages: MostFrequent<Message>;
}

type Message = Pick<FailureKind["messages"][number], "message" | "line">;

/** The error that ended a run: of several tools, the last one's. */
function errorOf(line: OutputLine): { readonly category?: string | undefined; readonly message: string } {
  if (line.status === "rejected") return { category: "budget", message: line.error?.message ?? "" };
  const errors = Object.values(line.output.errors ?? {}) as readonly OutputError[];
  return errors.at(-1) ?? { message: "" };
}

/** A classifier of the user's own may make up categories. */
function adviceFor(category: string): string {
  return Object.hasOwn(advices, category) ? advices[category as ErrorCategory] : advices.unknown;
}
