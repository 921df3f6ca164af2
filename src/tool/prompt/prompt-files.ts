import { open, readFile, stat } from "node:fs/promises";
import { basename, isAbsolute, join } from "node:path";
import type { FilePart, TextPart } from "../../contract/model.ts";
import { messageOf } from "../../core/errors.ts";
import { fillTemplate, type PromptFiles, templatesOf } from "./prompt-template.ts";

/** Returns the paths that a request names. A variable that stands alone may hold a list of paths. */
export function pathsOf(files: PromptFiles, request: object): string[] {
  const values = request as Record<string, unknown>;
  const from = typeof files === "object" && "from" in files ? files.from : ".";
  const paths = templatesOf(files).flatMap((template) => {
    const alone = /^\{\{([^{}]*)\}\}$/.exec(template)?.[1]?.trim();
    const value = alone !== undefined && Object.hasOwn(values, alone) ? values[alone] : undefined;
    return Array.isArray(value) ? value.map(String) : [fillTemplate(template, values)];
  });
  return paths.map((path) => (path.trim() === "" || isAbsolute(path) || from === "." ? path : join(from, path)));
}

/** Reads files as parts of a message: texts as text, images and PDFs as files. */
export function readFileParts(paths: readonly string[]): Promise<(TextPart | FilePart)[]> {
  return Promise.all(
    paths.map(async (path): Promise<TextPart | FilePart> => {
      const bytes = await readFile(path);
      const kind = kindOf(bytes);
      if (kind?.mediaType === undefined) return { type: "text", text: decode(bytes) };
      const data = bytes.toString("base64");
      return { type: "file", mediaType: kind.mediaType, data, filename: basename(path) };
    }),
  );
}

/**
 * Returns why a file cannot go with a prompt, and what to do; `undefined` for one that can.
 *
 * @param modelName the model with its provider
 */
export async function faultOfFile(path: string, modelName: string): Promise<string | undefined> {
  if (path.trim() === "") return "the path of its file is empty. Give one, or remove this input.";
  const vendor = vendorOf(modelName);
  try {
    const found = await stat(path);
    if (found.isDirectory()) return `${path} is a folder. Give the path of a file.`;
    if (found.size === 0) return `${path} is empty. Remove it, or give the file again.`;
    const kind = kindOf(await headOf(path));
    if (kind?.advice !== undefined) return `${path} is ${kind.name}, which models do not take. ${kind.advice}`;
    return tooLarge(path, found.size, kind, vendor) ?? (await untaken(path, kind, vendor));
  } catch (error) {
    return `${path} cannot be read: ${messageOf(error)}. A path is relative to the folder of the inputs.`;
  }
}

async function headOf(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(64), length: 64, position: 0 });
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

interface Kind {
  readonly name: string;
  /** Media type under which providers take it. */
  readonly mediaType?: string;
  /** Way to a file that models take. */
  readonly advice?: string;
}

const convertImage = "Convert it to PNG or JPEG.";
const toPdf = "Save it as PDF or as text.";

const kindsByStart: readonly [start: string, kind: Kind][] = [
  ["\x89PNG", { name: "a PNG image", mediaType: "image/png" }],
  ["\xff\xd8\xff", { name: "a JPEG image", mediaType: "image/jpeg" }],
  ["GIF8", { name: "a GIF image", mediaType: "image/gif" }],
  ["%PDF-", { name: "a PDF", mediaType: "application/pdf" }],
  ["BM", { name: "a BMP image", advice: convertImage }],
  ["II*\0", { name: "a TIFF image", advice: convertImage }],
  ["MM\0*", { name: "a TIFF image", advice: convertImage }],
  ["PK\x03\x04", { name: "an office document or an archive", advice: `${toPdf} An archive: unpack it.` }],
  ["\xd0\xcf\x11\xe0", { name: "an old office document", advice: toPdf }],
  ["{\\rtf", { name: "an RTF document", advice: toPdf }],
  ["\x1f\x8b", { name: "compressed by gzip", advice: "Unpack it." }],
  ["ID3", { name: "a recording (MP3)", advice: "Write it down as text." }],
  ["OggS", { name: "a recording (Ogg)", advice: "Write it down as text." }],
];

/** Kinds inside containers, by the four characters at their eighth or ninth place. */
const kindsByBrand: readonly [brand: RegExp, kind: Kind][] = [
  [/^RIFF.{4}WEBP/s, { name: "a WebP image", mediaType: "image/webp" }],
  [/^RIFF.{4}WAVE/s, { name: "a recording (WAV)", advice: "Write it down as text." }],
  [/^.{4}ftyp(heic|heix|mif1|msf1)/s, { name: "an HEIC image", advice: convertImage }],
  [/^.{4}ftypavif/s, { name: "an AVIF image", advice: convertImage }],
  [/^.{4}ftyp/s, { name: "a video", advice: "Give pictures of it." }],
];

/** Tells a file by its first bytes; `undefined` for what may be a text. The name of a file says nothing. */
function kindOf(bytes: Uint8Array): Kind | undefined {
  const start = Buffer.from(bytes.subarray(0, 64)).toString("latin1");
  const kinds: readonly Kind[] = [
    ...kindsByStart.flatMap(([prefix, kind]) => (start.startsWith(prefix) ? [kind] : [])),
    ...kindsByBrand.flatMap(([brand, kind]) => (brand.test(start) ? [kind] : [])),
  ];
  return kinds[0];
}

function vendorOf(modelName: string): string {
  if (/claude|anthropic/i.test(modelName)) return "Claude";
  return /gemini|google/i.test(modelName) ? "Gemini" : "the model";
}

const megabyte = 1_000_000;

/**
 * Largest file in bytes. A request carries files in base64, a third longer than they are.
 * https://docs.claude.com/en/docs/build-with-claude/vision: 5 MB an image, 32 MB a request.
 * https://platform.openai.com/docs/guides/pdf-files and https://ai.google.dev/gemini-api/docs/document-processing: 50 MB.
 */
function largestOf(kind: Kind | undefined, vendor: string): number {
  if (kind?.mediaType === undefined) return 20 * megabyte;
  if (vendor !== "Claude") return 50 * megabyte;
  return kind.mediaType.startsWith("image/") ? 5 * megabyte : 24 * megabyte;
}

function tooLarge(path: string, size: number, kind: Kind | undefined, vendor: string) {
  const most = largestOf(kind, vendor);
  if (size <= most) return undefined;
  const advice = kind?.mediaType?.startsWith("image/") ? "Make the picture smaller." : "Split it.";
  return `${path} has ${(size / megabyte).toFixed(1)} MB, and ${vendor} takes at most ${most / megabyte} MB. ${advice}`;
}

async function untaken(path: string, kind: Kind | undefined, vendor: string) {
  if (kind?.mediaType === "image/gif" && vendor === "Gemini")
    return `${path} is a GIF image, which Gemini does not take. ${convertImage}`;
  if (kind) return undefined;
  try {
    return decode(await readFile(path)).trim() === ""
      ? `${path} is a text of nothing but spaces. Remove it.`
      : undefined;
  } catch {
    return `${path} is not an image, a PDF, or a text in UTF-8. Convert it to one of these.`;
  }
}

/** @throws TypeError for bytes that are no text */
function decode(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
  const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  if (text.includes("\0")) throw new TypeError("a NUL character");
  return text;
}
