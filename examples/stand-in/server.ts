/**
 * A server that stands in for a model, so that the tool files of the guides can be tried without a key. It speaks OpenAI's
 * chat completions and reads by rules. A seeded dice makes one answer of five wrong in one column, so that there is
 * something to vote on. It prints its port.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Random } from "steer-llm-sdk";
import { seededRandom } from "steer-llm-sdk/testing";

interface Chat {
  messages: { content: string | { text?: string }[] }[];
  seed?: number;
}

const server = createServer(async (request, response) => {
  const { messages, seed = 0 }: Chat = JSON.parse(await text(request));
  const content = JSON.stringify(answer(partsOf(messages), seededRandom(seed)));
  response.setHeader("content-type", "application/json");
  response.end(
    JSON.stringify({
      id: `rules-${seed}`,
      object: "chat.completion",
      created: 0,
      model: "rules",
      choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
      usage: { prompt_tokens: 120, completion_tokens: 40, total_tokens: 160 },
    }),
  );
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));

function partsOf(messages: Chat["messages"]): string[] {
  const parts = messages.flatMap(({ content }) => (typeof content === "string" ? [{ text: content }] : content));
  return parts.map(({ text: part = "" }) => part);
}

function answer(parts: readonly string[], random: Random): object {
  const invoice = parts.find((part) => part.includes("Total due"));
  const [read, mistakes] = invoice === undefined ? readMessage(parts.at(-1) ?? "") : readInvoice(invoice);
  const isMistaken = random.next() < 0.2;
  return isMistaken ? { ...read, ...mistakes[Math.floor(random.next() * mistakes.length)] } : read;
}

/** An invoice as columns, and mistakes that a reader might make. */
function readInvoice(invoice: string): [object, object[]] {
  const after = (label: string) => new RegExp(`${label}: *(.+)`).exec(invoice)?.[1] ?? "";
  const [amount = "", currency] = after("Total due").split(" ");
  const total = Number(amount.replaceAll(",", ""));
  const read = { supplier: invoice.split("\n")[0], number: after("Invoice"), issued: after("Date"), total, currency };
  const dayAndMonthSwapped = read.issued.replace(/-(\d\d)-(\d\d)$/, "-$2-$1");
  return [read, [{ total: total / 1.2 }, { number: read.number.slice(1) }, { issued: dayAndMonthSwapped }]];
}

/** Labels of a customer's message, and mistakes. */
function readMessage(message: string): [object, object[]] {
  const isBug = /crash|lost|error/i.test(message);
  const topic = isBug ? "bug" : /charge|invoice|refund/i.test(message) ? "billing" : "question";
  const urgent = /!|crash|twice/i.test(message);
  return [{ topic, urgent }, [{ topic: "question" }, { urgent: !urgent }]];
}
