import fc from "fast-check";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, test } from "vitest";
import {
  estimatePromptTokens,
  estimateTextTokens,
  type ModelName,
  tokenCounter,
} from "../../src/provider/prompt-tokens.ts";

const gpt: ModelName = { provider: "openai.responses", modelId: "gpt-4o" };
const claude: ModelName = { provider: "anthropic.messages", modelId: "claude-sonnet-4-5" };
const gemini: ModelName = { provider: "google.generative-ai", modelId: "gemini-2.5-flash" };
const llama: ModelName = { provider: "local.chat", modelId: "llama-3" };

const texts: [string, string][] = [
  [
    "English",
    "The invoice was paid twice, and the customer asks for the second amount back before the end of the month. ".repeat(
      5,
    ),
  ],
  [
    "German",
    "Die Rechnung wurde zweimal bezahlt, und der Kunde bittet um die Rückerstattung des zweiten Betrags. ".repeat(5),
  ],
  ["Chinese", "发票已经支付了两次，客户要求在月底之前退还第二笔款项，并且希望得到书面确认。".repeat(5)],
  [
    "code",
    "export function sum(values: readonly number[]): number {\n  return values.reduce((total, value) => total + value, 0);\n}\n".repeat(
      5,
    ),
  ],
  ["JSON", '{"id": 4711, "name": "Ada", "tags": ["a", "b"], "amountUsd": 12.5, "isPaid": true}\n'.repeat(5)],
];

describe("an estimate of a text without a tokenizer", () => {
  test.each(["x", "7", " ", "\n", "漢", "aB3/"])("ends for eight million characters without a break: %j", (piece) => {
    const text = piece.repeat(8_000_000 / piece.length);
    expect(estimateTextTokens(text)).toBeGreaterThan(1);
  });

  test.each(texts)("is within a quarter of what a tokenizer counts of %s", (_, text) => {
    const ratio = estimateTextTokens(text) / countTokens(text);
    expect(ratio).toBeGreaterThan(0.75);
    expect(ratio).toBeLessThan(1.25);
  });

  test("is a count for any text, no more than two a character, in linear time", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const tokens = estimateTextTokens(text);
        expect(tokens).toBeGreaterThanOrEqual(0);
        expect(tokens).toBeLessThanOrEqual(3 + 2.1 * text.length);
      }),
    );
    expect(estimateTextTokens("aB".repeat(500_000))).toBeGreaterThan(100_000);
    expect(estimateTextTokens(`${"f00dcafe".repeat(100_000)}`)).toBeGreaterThan(100_000);
  });
});

describe("how the texts of a prompt are counted", () => {
  test("is the user's own function, told the model", async () => {
    const count = await tokenCounter(llama, (text, modelId) => text.length + modelId.length);
    expect(count("abc")).toBe(10);
  });

  test("is an estimate where the user's own gives no number", async () => {
    const count = await tokenCounter(llama, () => Number.NaN);
    expect(count("Hello world")).toBe(estimateTextTokens("Hello world"));
  });

  test("is OpenAI's tokenizer for OpenAI's models, also of texts that name its special tokens", async () => {
    const count = await tokenCounter(gpt, undefined);
    expect(count("Hello world")).toBe(countTokens("Hello world"));
    expect(count("<|endoftext|>")).toBeGreaterThan(1);
  });

  test("has a margin for models with another tokenizer", async () => {
    const text = "Hello world, how are you today?";
    const [ofGpt, ofLlama, ofClaude] = await Promise.all(
      [gpt, llama, claude].map(async (model) => (await tokenCounter(model, undefined))(text)),
    );
    expect(ofLlama).toBeGreaterThan(ofGpt as number);
    expect(ofClaude).toBeGreaterThan(ofLlama as number);
  });
});

const ofPart = (part: any, model: ModelName, count?: (text: string) => number) =>
  estimatePromptTokens([{ role: "user", content: [part] }], undefined, model, count);
const around = estimatePromptTokens([{ role: "user", content: [] }], undefined, gpt) as number;

/** The header of a PNG of that size, and so many bytes of anything. */
function png(width: number, height: number, bytes = 100): Uint8Array {
  const file = Buffer.alloc(24 + bytes);
  file.write("\x89PNG\r\n\x1a\n", "latin1");
  file.write("IHDR", 12, "latin1");
  file.writeUInt32BE(width, 16);
  file.writeUInt32BE(height, 20);
  return file;
}

function jpeg(width: number, height: number): Uint8Array {
  const exif = Buffer.from([0xff, 0xe1, 0x00, 0x08, 1, 2, 3, 4, 5, 6]);
  const frame = Buffer.from([0xff, 0xc0, 0x00, 0x11, 8, height >> 8, height & 255, width >> 8, width & 255]);
  return Buffer.concat([Buffer.from([0xff, 0xd8]), exif, frame, Buffer.alloc(20)]);
}

function gif(width: number, height: number): Uint8Array {
  const file = Buffer.alloc(20);
  file.write("GIF89a", "latin1");
  file.writeUInt16LE(width, 6);
  file.writeUInt16LE(height, 8);
  return file;
}

function webp(width: number, height: number): Uint8Array {
  const file = Buffer.alloc(40);
  file.write("RIFF\0\0\0\0WEBPVP8X", "latin1");
  file.writeUIntLE(width - 1, 24, 3);
  file.writeUIntLE(height - 1, 27, 3);
  return file;
}

describe("an image", () => {
  /** By the rules that the providers publish. */
  const rules: [string, ModelName, number, number, number][] = [
    ["OpenAI: 85, and 170 a tile of 512 pixels of the image scaled to 768", gpt, 1024, 1024, 85 + 4 * 170],
    ["OpenAI: a long one is scaled to 2048 first", gpt, 2048, 4096, 85 + 6 * 170],
    ["Anthropic: a token for 750 pixels", claude, 1000, 750, 1000],
    ["Anthropic: no more than 1600", claude, 8000, 8000, 1600],
    ["Google: 258 for a small one", gemini, 384, 384, 258],
    ["Google: 258 a tile", gemini, 960, 540, 6 * 258],
  ];

  test.each(rules)("counts by the rule of %s", (_, model, width, height, tokens) => {
    for (const image of [png(width, height), jpeg(width, height), gif(width, height), webp(width, height)]) {
      expect(ofPart({ type: "image", image }, model)).toBe(around + tokens);
    }
  });

  test("counts the same whatever its bytes, and in whatever form it is given", () => {
    const small = ofPart({ type: "image", image: png(512, 512) }, gpt);
    const base64 = Buffer.from(png(512, 512)).toString("base64");
    for (const part of [
      { type: "image", image: png(512, 512, 3_000_000) },
      { type: "image", image: base64 },
      { type: "image", image: `data:image/png;base64,${base64}` },
      { type: "file", mediaType: "image/png", data: png(512, 512) },
      { type: "file", mediaType: "image/png", data: { type: "data", data: png(512, 512) } },
    ])
      expect(ofPart(part, gpt)).toBe(small);
  });

  test("counts as a large one where it lies behind a URL, or cannot be measured", () => {
    const large = ofPart({ type: "image", image: png(1536, 1536) }, gpt);
    expect(ofPart({ type: "image", image: new URL("https://example.com/a.png") }, gpt)).toBe(large);
    expect(ofPart({ type: "image", image: Buffer.from("\xff\xd8\xff", "latin1") }, gpt)).toBe(large);
    expect(ofPart({ type: "image", image: Buffer.from("no image") }, gpt)).toBe(large);
  });
});

describe("a file", () => {
  const pdf = (pages: number) =>
    Buffer.from(`%PDF-1.4\n<< /Type /Pages /Count ${pages} >>\n${"<< /Type /Page >>\n".repeat(pages)}`);

  test("counts a document by its pages", () => {
    const part = (pages: number) => ({ type: "file", mediaType: "application/pdf", data: pdf(pages) });
    expect(ofPart(part(3), gemini)).toBe(around + 3 * 258);
    expect(ofPart(part(3), claude)).toBe(3 * (ofPart(part(1), claude) as number) - 2 * around);
  });

  test("counts a text by its tokens", () => {
    const data = Buffer.from("word ".repeat(100));
    expect(ofPart({ type: "file", mediaType: "text/plain", data }, gpt, (text) => text.length)).toBe(around + 500);
  });

  test("is not known where it lies behind a URL", () => {
    const data = new URL("https://example.com/a.pdf");
    expect(ofPart({ type: "file", mediaType: "application/pdf", data }, gpt)).toBeUndefined();
  });
});
