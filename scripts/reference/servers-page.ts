import { endingWords } from "../../src/provider/endings.ts";
import { type Expected, type Given, type Row, readRows } from "../../test/provider/dialects/rows.ts";
import { tableOf } from "./table.ts";

const preface = `# Servers that behave differently

Model servers end answers in many words, put errors into successes, count tokens in many places and refuse parameters. This page says
what was seen, and what happens here. Each line is a test: an answer of that shape goes through the real provider package.

In short:

- **Only a complete answer votes.** The server's own word decides, by [the table below](#words-that-end-an-answer). An answer that a limit
  cut off votes as text, with a warning; broken JSON of it is asked for again and never mended.
- **An error is an error wherever it stands**: in a status, beside an answer, inside a stream or a page. It is judged by its code.
- **A stream ends where its protocol ends**, whether or not the connection closes. One without an end is ended.
- **Usage is what the server states**, wherever it states it. What it leaves out is estimated, and marked \`estimated\`.

[What three clients make of the same answers](../measured/dialects.md): this package, the AI SDK and LangChain, by one command.`;

/** `docs/guide/servers.md`: a table for each vendor, from the rows that the tests run. */
export function serversPage(): string {
  const rows = [...readRows("public-reports"), ...readRows("siblings")];
  const byVendor = [...Map.groupBy(rows, vendorOf)].sort(([a], [b]) => rankOf(a) - rankOf(b) || a.localeCompare(b));
  const sections = byVendor.map(
    ([vendor, ofVendor]) =>
      `## ${vendor}\n\n${tableOf(["what was seen", "what happens here", "why"], ofVendor.map(cellsOf))}`,
  );
  const words = endingWords.map(({ ending, words: names, source }) => [
    ending.replace("_", " "),
    names
      .split(" ")
      .map((name) => `\`${name}\``)
      .join(" "),
    source,
  ]);
  const table = `## Words that end an answer

Letters' case and the marks between words do not count. A word that is not in the table does not vote: the call is made once more, no
circuit breaker counts it, and the error names the word. Chat completions without any word are complete when they come in one piece.
Where a gateway names the native word too, the worse of the two decides.

${tableOf(["meaning", "words", "where they are listed"], words)}`;
  return `${[preface, ...sections, table].join("\n\n")}\n`;
}

const clients = "Clients inside a tool";
const others = "Gateways, proxies and small servers";

/** Vendors first, then what has no name of its own. */
function rankOf(vendor: string): number {
  return [others, clients].indexOf(vendor);
}

function vendorOf({ server, given }: Row): string {
  if (given.thrown) return clients;
  const [name = ""] = server.split(/, | \(/);
  const known = /^(OpenAI|Google|Anthropic|Azure|Mistral|Ollama)/.exec(name)?.[1];
  return known ?? (/^[A-Z]|^(?:vLLM|xAI|z\.ai|llama\.cpp)/.test(name) ? name : others);
}

function cellsOf(row: Row): string[] {
  const said = seen(row);
  return [said ?? row.why, outcome(row.expected), said === undefined ? "" : row.why];
}

/** @returns `undefined` where only the reason of the row tells what was seen */
function seen({ kind, given }: Row): string | undefined {
  const { thrown, refuses, status } = given;
  if (thrown) return `throws ${code(`${thrown.name ?? thrown.class ?? "Error"}: ${thrown.message ?? ""}`)}`;
  if (refuses) return `refuses ${code(refuses.field)}: ${refuses.status} ${code(messageIn(refuses.body))}`;
  if (kind === "finish_reason") return `ends its answer with ${wordIn(given)}`;
  if (kind === "usage") return `states its usage as ${code(usageIn(given.body ?? given.events))}`;
  if (kind === "in_stream_error") return `sends inside a stream: ${code(given.raw ?? lastErrorIn(given.events ?? []))}`;
  if (kind === "error_in_200") return `answers 200 with ${given.body === "" ? "nothing" : code(given.body)}`;
  if (kind === "stream_end" && given.open) return "leaves the connection open after its answer";
  if (kind === "stream_end" && given.gapMs) return "sends its usage late";
  if (kind === "endless") return `never ends its answer (${given.endless?.type})`;
  if (kind === "retry_after") return `answers ${status} with ${code(given.headers ?? messageIn(given.body))}`;
  if (status !== undefined && status >= 300) return `answers ${status}: ${code(messageIn(given.body))}`;
  return undefined;
}

function outcome(expected: Expected): string {
  const { category, isRetryable, fallback, valid, calls, usage, value, retryAfterMs, later } = expected;
  const parts: string[] = [];
  if (category) parts.push([category].flat().map(code).join(" or "));
  if (valid === true) parts.push("it votes");
  if (valid === false) parts.push("it does not vote");
  if (isRetryable === true) parts.push("asked again");
  if (isRetryable === false) parts.push("not asked again");
  if (fallback === true) parts.push("a fallback takes over");
  if (fallback === false) parts.push("no fallback");
  if (retryAfterMs !== undefined) parts.push(`waits ${retryAfterMs} ms`);
  if (later) parts.push("later runs ask as ever");
  if (usage) parts.push(`counted as ${code(usage)}`);
  if (parts.length === 0 && value !== undefined) parts.push(`the answer is ${code(value)}`);
  if (parts.length === 0 && expected.status) parts.push(`the run is ${[expected.status].flat().join(" or ")}`);
  if (parts.length === 0 && calls !== undefined) parts.push(`${calls} call${calls === 1 ? "" : "s"}`);
  return parts.length > 0 ? parts.join("; ") : (expected.note ?? "");
}

function wordIn({ body, events }: Given): string {
  const text = JSON.stringify([body, events]);
  const native = /"native_finish_reason":"([^"]+)"/.exec(text)?.[1];
  const word = /"(?:finish_reason|finishReason|stop_reason|reason|blockReason)":"([^"]+)"/.exec(text)?.[1];
  const status = /"status":"(failed|in_progress|cancelled|incomplete)"/.exec(text)?.[1];
  const names = [word ?? status, native].filter((name) => name !== undefined).map(code);
  return names.length > 0 ? names.join(", natively ") : "no word";
}

/** The field in which most bodies have their message. */
function messageIn(body: unknown): unknown {
  return /"(?:message|msg|status_msg|error|detail)":"((?:[^"\\]|\\.)+)"/.exec(JSON.stringify(body) ?? "")?.[1] ?? body;
}

function usageIn(body: unknown): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const usage = /"(?:usage|usageMetadata)": ?(\{(?:[^{}]|\{[^{}]*\})*\})/.exec(text)?.[1];
  return usage ?? "nothing";
}

function lastErrorIn(events: readonly unknown[]): unknown {
  return events.findLast((event) => /"error":(?!null)|choices":null/.test(JSON.stringify(event))) ?? events.at(-1);
}

const longestPiece = 110;

function code(value: unknown): string {
  const text = (typeof value === "string" ? value : (JSON.stringify(value) ?? ""))
    .replaceAll("`", "'")
    .replaceAll("{asked}", "N");
  const short = text.length > longestPiece ? `${text.slice(0, longestPiece - 1)}…` : text;
  return `\`${short}\``;
}
