import type { LanguageModelV4Prompt } from "@ai-sdk/provider";
import type { LanguageModelLike, PromptMessage } from "../contract/model.ts";

type FileData = Uint8Array | ArrayBuffer | string | URL | { readonly type: string };

/**
 * Messages in the shape that a model of the given generation reads. Beside the provider format itself it takes what
 * people write for the AI SDK: plain text as content, `image` parts, and files as bytes, base64, a data URL or a URL.
 */
export function toPrompt(
  messages: readonly PromptMessage[],
  version: LanguageModelLike["specificationVersion"],
): LanguageModelV4Prompt {
  return messages.map(({ content, ...message }) => {
    if (message.role === "system") return { ...message, content };
    const parts: any[] = typeof content === "string" ? [{ type: "text", text: content }] : content;
    return { ...message, content: parts.map((part) => toPart(part, version)) };
  }) as LanguageModelV4Prompt;
}

function toPart(part: any, version: LanguageModelLike["specificationVersion"]): unknown {
  if (part.type !== "image" && part.type !== "file") return part;
  const { image, data = image, mediaType, type, ...others } = part;
  const file = readDataUrl(data) ?? { mediaType: type === "image" ? "image/*" : undefined, data };
  return {
    ...others,
    type: "file",
    mediaType: mediaType ?? file.mediaType,
    data: version === "v3" ? asUrl(file.data) : toTagged(file.data),
  };
}

function readDataUrl(data: FileData): { mediaType: string; data: FileData } | undefined {
  const match = /^data:([^;,]+);base64,/.exec(data instanceof URL || typeof data === "string" ? String(data) : "");
  return match ? { mediaType: match[1] as string, data: String(data).slice(match[0].length) } : undefined;
}

/** The fourth generation tags what kind of data it is given. */
function toTagged(data: FileData): unknown {
  const file = asUrl(data);
  if (file instanceof URL) return { type: "url", url: file };
  return typeof file === "string" || file instanceof Uint8Array ? { type: "data", data: file } : file;
}

function asUrl(data: FileData): FileData {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return typeof data === "string" && /^https?:/i.test(data) ? new URL(data) : data;
}
