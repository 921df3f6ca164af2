import type { CountTokens, ModelName } from "./prompt-tokens.ts";

/**
 * Estimates the tokens of an image or a file by its provider's published rule: from the dimensions of an image, the pages
 * of a document, the length of a recording. The size in bytes says nothing.
 *
 * @returns tokens; `undefined` for a file behind a URL that is not an image
 */
export function tokensOfFile(part: object, model: ModelName, count: CountTokens): number | undefined {
  const { type, mediaType: given = "", providerOptions } = part as FilePart;
  const { bytes, text, mediaType = given } = contentOf(part as FilePart);
  if (text !== undefined) return count(text);
  const kind = type === "image" ? "image" : mediaType.split("/")[0];
  if (kind === "image") return tokensOfImage(bytes && sizeOf(bytes), model, isOfLowDetail(providerOptions));
  if (!bytes) return undefined;
  if (mediaType === "application/pdf") return countPages(bytes) * (familyOf(model) === "google" ? 258 : 3_000);
  if (kind === "audio") return Math.ceil(32 * secondsOf(bytes, 16_000));
  if (kind === "video") return Math.ceil(300 * secondsOf(bytes, 125_000));
  return count(new TextDecoder().decode(bytes));
}

interface FilePart {
  readonly type: "image" | "file";
  readonly mediaType?: string;
  readonly data?: unknown;
  readonly image?: unknown;
  readonly providerOptions?: Record<string, Record<string, unknown>>;
}

interface Content {
  readonly bytes?: Uint8Array | undefined;
  readonly text?: string | undefined;
  readonly mediaType?: string | undefined;
}

/** Bytes, base64, a data URL, or one of these under the AI SDK's tag; nothing for what lies elsewhere. */
function contentOf({ data, image }: FilePart): Content {
  const content = data ?? image;
  if (content instanceof Uint8Array) return { bytes: content };
  if (content instanceof ArrayBuffer) return { bytes: new Uint8Array(content) };
  if (content instanceof URL || typeof content === "string") return contentOfText(String(content));
  const { data: inner, text } = (content ?? {}) as { data?: unknown; text?: unknown };
  if (typeof text === "string") return { text };
  return inner === undefined ? {} : contentOf({ type: "file", data: inner });
}

function contentOfText(text: string): Content {
  if (/^https?:/i.test(text)) return {};
  const [, mediaType, base64 = text] = /^data:([^;,]+);base64,(.*)$/s.exec(text) ?? [];
  return { bytes: Buffer.from(base64, "base64"), mediaType };
}

type Family = "openai" | "anthropic" | "google" | "other";

function familyOf({ provider, modelId }: ModelName): Family {
  const name = `${provider} ${modelId}`.toLowerCase();
  if (/claude|anthropic/.test(name)) return "anthropic";
  if (/gemini|google/.test(name)) return "google";
  return /gpt|openai\b(?!-compatible)|\bo\d/.test(name) ? "openai" : "other";
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Assumed of an image that cannot be measured: as large as most providers look at. */
const unknownSize: Size = { width: 1_536, height: 1_536 };

function tokensOfImage(size: Size = unknownSize, model: ModelName, isLowDetail: boolean): number {
  const { width, height } = size;
  switch (familyOf(model)) {
    // https://docs.claude.com/en/docs/build-with-claude/vision: width * height / 750, of at most 1568 pixels a side.
    case "anthropic": {
      const scaled = scaleWithin(size, 1_568);
      return Math.min(1_600, Math.ceil((scaled.width * scaled.height) / 750));
    }
    // https://ai.google.dev/gemini-api/docs/image-understanding: 258 for a small image, or for each tile of a larger one.
    case "google": {
      if (width <= 384 && height <= 384) return 258;
      const unit = Math.max(256, Math.floor(Math.min(width, height) / 1.5));
      return 258 * Math.ceil(width / unit) * Math.ceil(height / unit);
    }
    case "openai":
      return tokensOfOpenAIImage(size, model.modelId, isLowDetail);
    default:
      return Math.min(4_096, Math.max(85, Math.ceil((width * height) / 750)));
  }
}

/** https://platform.openai.com/docs/guides/images-vision: patches of 32 pixels, or tiles of 512. */
function tokensOfOpenAIImage(size: Size, modelId: string, isLowDetail: boolean): number {
  const perPatch = patchModels.find(([name]) => name.test(modelId))?.[1];
  if (perPatch !== undefined) {
    const patches = Math.ceil(size.width / 32) * Math.ceil(size.height / 32);
    return Math.ceil(Math.min(patches, 1_536) * perPatch);
  }
  const [base, perTile] = tileModels.find(([name]) => name.test(modelId))?.[1] ?? [85, 170];
  if (isLowDetail) return base;
  const { width, height } = scaleWithin(size, 2_048);
  const factor = Math.min(1, 768 / Math.min(width, height));
  return base + perTile * Math.ceil((width * factor) / 512) * Math.ceil((height * factor) / 512);
}

const patchModels: readonly [RegExp, number][] = [
  [/gpt-(5|4\.1)[\w.]*-mini/, 1.62],
  [/gpt-(5|4\.1)[\w.]*-nano/, 2.46],
  [/o4-mini/, 1.72],
];

const tileModels: readonly [RegExp, readonly [number, number]][] = [
  [/gpt-4o-mini/, [2_833, 5_667]],
  [/gpt-5/, [70, 140]],
  [/^o\d/, [75, 150]],
];

function scaleWithin({ width, height }: Size, longest: number): Size {
  const factor = Math.min(1, longest / Math.max(width, height));
  return { width: width * factor, height: height * factor };
}

function isOfLowDetail(providerOptions: FilePart["providerOptions"]): boolean {
  return Object.values(providerOptions ?? {}).some((options) => options?.["imageDetail"] === "low");
}

/** Width and height from the header of a PNG, JPEG, GIF, WebP or BMP; `undefined` where it is none of them, or broken. */
function sizeOf(bytes: Uint8Array): Size | undefined {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const size = readSize(view, Buffer.from(bytes.subarray(0, 30)).toString("latin1"));
    return size && size.width > 0 && size.height > 0 ? size : undefined;
  } catch {
    return undefined;
  }
}

function readSize(view: DataView, head: string): Size | undefined {
  if (head.startsWith("\x89PNG")) return { width: view.getUint32(16), height: view.getUint32(20) };
  if (head.startsWith("GIF8")) return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  if (head.startsWith("BM")) return { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) };
  if (head.startsWith("\xff\xd8")) return sizeOfJpeg(view);
  return head.startsWith("RIFF") && head.startsWith("WEBP", 8) ? sizeOfWebP(view, head.slice(12, 16)) : undefined;
}

/** Skips the segments before the start of frame, of which an EXIF preview may hold one of its own. */
function sizeOfJpeg(view: DataView): Size | undefined {
  for (let at = 2; at < view.byteLength; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
  }
  return undefined;
}

function sizeOfWebP(view: DataView, format: string): Size | undefined {
  const uint24 = (at: number) => view.getUint16(at, true) + (view.getUint8(at + 2) << 16);
  switch (format) {
    case "VP8X":
      return { width: 1 + uint24(24), height: 1 + uint24(27) };
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >> 14) & 0x3fff) };
    }
    case "VP8 ":
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    default:
      return undefined;
  }
}

/** Page objects of a PDF, or the count of its page tree; of one that is compressed, a page for each 50 kB. */
function countPages(bytes: Uint8Array): number {
  const text = Buffer.from(bytes).toString("latin1");
  const pages = text.match(/\/Type\s*\/Page(?![a-zA-Z])/g)?.length ?? 0;
  const counts = Array.from(text.matchAll(/\/Count\s+(\d+)/g), ([, count]) => Number(count));
  return Math.max(1, pages, ...counts) > 1 || pages === 1
    ? Math.max(pages, ...counts)
    : Math.ceil(bytes.length / 50_000);
}

/** Seconds of a recording: of a WAV by its header, else by a usual number of bytes a second. */
function secondsOf(bytes: Uint8Array, usualBytesPerSecond: number): number {
  const isWav = bytes.length > 32 && Buffer.from(bytes.subarray(8, 12)).toString("latin1") === "WAVE";
  const perSecond = isWav ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(28, true) : 0;
  return bytes.length / (perSecond || usualBytesPerSecond);
}
