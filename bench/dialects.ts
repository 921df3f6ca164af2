/**
 * Gives the answers of real servers to three clients and prints what each of them hands over: this package, the AI SDK's
 * `generateText` and `streamText`, and LangChain's `ChatOpenAI`, which is installed into a temporary folder for it. Each has its own
 * retries on. The table says what was observed, and nothing more.
 *
 *     node bench/dialects.ts [part of an id]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { generateText, streamText } from "ai";
import { PromptBundleTool, ReliableOrchestrator } from "../src/orchestration.ts";
import { ReliabilityState } from "../src/reliability.ts";
import { type Row, readRows } from "../test/provider/dialects/rows.ts";
import { modelOf } from "../test/provider/dialects/run-row.ts";
import { serve } from "../test/provider/dialects/server.ts";

/** Kinds that ask nothing of a client but a prompt. */
const kinds = new Set([
  "finish_reason",
  "in_stream_error",
  "error_in_200",
  "transport",
  "stream_form",
  "stream_end",
  "endless",
  "error_body",
]);
const patienceMs = 15_000;

/** A client has not come to an end in time. */
class NoEnd extends Error {}

type Client = (row: Row, url: string, isStreamed: boolean, signal: AbortSignal) => Promise<string>;

const part = process.argv[2] ?? "";
const rows = [...readRows("public-reports"), ...readRows("siblings")].filter(
  ({ id, kind }) => kinds.has(kind) && id.includes(part),
);
const langChain = await installLangChain();
const clients: Record<string, Client> = {
  "this package": askOurs,
  "AI SDK": askAiSdk,
  ...(langChain && { "LangChain ChatOpenAI": langChain.ask }),
};

const lines = await inParallel(rows, 6, async (row) => [
  row.id,
  row.given.ask?.streaming || (row.given.body === undefined && !row.given.endless) ? "streamed" : "whole",
  ...(await Promise.all(
    Object.entries(clients).map(([name, client]) => (speaks(name, row) ? observe(client, row) : "—")),
  )),
]);
const head = ["answer", "asked", ...Object.keys(clients)];
console.log(tableOf([head, head.map(() => "---"), ...lines]));
console.log(`\n${summaryOf(lines)}`);
langChain?.remove();
process.exit(0);

/** ChatOpenAI is a client of OpenAI's APIs and of no other. */
function speaks(client: string, { api }: Row): boolean {
  return client !== "LangChain ChatOpenAI" || (api !== "anthropic" && api !== "google");
}

/** Text that the client handed over, or its error; and how many requests it made. */
async function observe(client: Client, row: Row): Promise<string> {
  await using server = await serve(row);
  const isStreamed = row.given.ask?.streaming ?? (row.given.body === undefined && !row.given.endless);
  const signal = AbortSignal.timeout(patienceMs);
  const end = new Promise<never>((_, reject) =>
    signal.addEventListener("abort", () => reject(new NoEnd()), { once: true }),
  );
  const outcome = await Promise.race([client(row, server.url, isStreamed, signal), end]).then(
    (text) => (text === "" ? "an empty text" : `text ${short(text)}`),
    (error: unknown) =>
      error instanceof NoEnd ? `no end in ${patienceMs / 1000} s` : `error ${short(messageIn(error))}`,
  );
  return `${outcome}, ${server.calls.length}×`;
}

async function askOurs(row: Row, url: string, streaming: boolean, signal: AbortSignal): Promise<string> {
  const tool = new PromptBundleTool({
    name: "t",
    model: modelOf(row.api, url, row.given.ask?.model),
    prompt: "How much?",
    ...limitOf(row),
    defaultOptions: { k: 1 },
  });
  const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
  const output = await orchestrator.run({ tool, request: {}, signal, options: { streaming } });
  if (output.status !== "completed") throw new Error(output.errors?.["t"]?.message ?? output.status);
  return String(output.content?.evidenceBundle.summary.consensus);
}

async function askAiSdk(row: Row, url: string, isStreamed: boolean, abortSignal: AbortSignal): Promise<string> {
  const model = modelOf(row.api, url, row.given.ask?.model) as any;
  const call = { model, prompt: "How much?", abortSignal, ...limitOf(row) };
  if (!isStreamed) return (await generateText(call)).text;
  let thrown: unknown;
  const result = streamText({
    ...call,
    onError: ({ error }) => {
      thrown = error;
    },
  });
  let text = "";
  for await (const delta of result.textStream) text += delta;
  if (thrown) throw thrown;
  return text;
}

function limitOf({ given }: Row): { maxOutputTokens?: number } {
  return given.ask?.maxOutputTokens === undefined ? {} : { maxOutputTokens: given.ask.maxOutputTokens };
}

/** @returns `undefined` where it cannot be installed */
async function installLangChain(): Promise<{ ask: Client; remove: () => void } | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "steer-dialects-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const install = [
      "install",
      "--prefix",
      folder,
      "--no-audit",
      "--no-fund",
      "--silent",
      "@langchain/openai",
      "@langchain/core",
    ];
    execFileSync("npm", install, { stdio: ["ignore", "ignore", "inherit"], timeout: 240_000 });
    const path = createRequire(join(folder, "index.js")).resolve("@langchain/openai");
    const { ChatOpenAI } = await import(pathToFileURL(path).href);
    return { remove, ask: (...call) => askLangChain(ChatOpenAI, ...call) };
  } catch (error) {
    console.error(`LangChain is left out: ${messageIn(error)}`);
    remove();
    return undefined;
  }
}

async function askLangChain(
  ChatOpenAI: any,
  { api, given }: Row,
  url: string,
  isStreamed: boolean,
  signal: AbortSignal,
): Promise<string> {
  const model = new ChatOpenAI({
    model: given.ask?.model ?? "m",
    apiKey: "k",
    configuration: { baseURL: `${url}/v1` },
    useResponsesApi: api === "openai-responses",
    ...(given.ask?.maxOutputTokens !== undefined && { maxTokens: given.ask.maxOutputTokens }),
    maxRetries: 2,
  });
  if (!isStreamed) return textOf((await model.invoke("How much?", { signal })).content);
  let text = "";
  for await (const chunk of await model.stream("How much?", { signal })) text += textOf(chunk.content);
  return text;
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? content.map((item) => item?.text ?? "").join("") : "";
}

/** Counts what each client handed over. */
function summaryOf(observed: readonly (readonly string[])[]): string {
  const names = Object.keys(clients);
  const head = ["handed over", ...names];
  const kindsOfOutcome = ["text", "an empty text", "error", "no end"];
  const counts = kindsOfOutcome.map((start) => [
    start === "text" ? "a text" : start === "error" ? "an error" : start,
    ...names.map((_, index) => String(observed.filter((line) => line[index + 2]?.startsWith(start)).length)),
  ]);
  return tableOf([head, head.map(() => "---"), ...counts]);
}

function tableOf(table: readonly (readonly string[])[]): string {
  return table.map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`).join("\n");
}

function messageIn(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function short(text: string): string {
  const line = text
    .replace(/\s+/g, " ")
    .replaceAll("`", "'")
    .replace(/127\.0\.0\.1:\d+/g, "server");
  return `\`${line.length > 70 ? `${line.slice(0, 69)}…` : line}\``;
}

async function inParallel<T, R>(items: readonly T[], width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}
