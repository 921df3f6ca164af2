import { describe, expect, test } from "vitest";
import { toPrompt } from "../../src/provider/model-call.ts";

const bytes = new Uint8Array([1, 2, 3]);
const url = "https://example.com/a.png";
const inUser = (part: any) => [{ role: "user" as const, content: [part] }];
const partOf = (part: object, version: "v3" | "v4") => (toPrompt(inUser(part), version)[0] as any).content[0];

describe("toPrompt", () => {
  test("makes text of the user and the assistant into parts, and leaves the system's as it is", () => {
    const messages = (["system", "user", "assistant"] as const).map((role) => ({ role, content: "Hi" }));
    expect(toPrompt(messages, "v4").map(({ content }) => content)).toEqual([
      "Hi",
      [{ type: "text", text: "Hi" }],
      [{ type: "text", text: "Hi" }],
    ]);
  });

  test.each([
    ["an image of bytes", { type: "image", image: bytes }, "image/*", bytes, { type: "data", data: bytes }],
    [
      "a file of base64",
      { type: "file", data: "AQID", mediaType: "a/b" },
      "a/b",
      "AQID",
      { type: "data", data: "AQID" },
    ],
    [
      "a data URL",
      { type: "image", image: "data:image/png;base64,AQID" },
      "image/png",
      "AQID",
      { type: "data", data: "AQID" },
    ],
    ["an address", { type: "image", image: url }, "image/*", new URL(url), { type: "url", url: new URL(url) }],
    [
      "a URL",
      { type: "file", data: new URL(url), mediaType: "a/b" },
      "a/b",
      new URL(url),
      { type: "url", url: new URL(url) },
    ],
    ["a buffer", { type: "image", image: bytes.buffer }, "image/*", bytes, { type: "data", data: bytes }],
  ])("gives %s to models of both generations, each in its form", (_, part, mediaType, v3, v4) => {
    expect(partOf(part, "v3")).toEqual({ type: "file", mediaType, data: v3 });
    expect(partOf(part, "v4")).toEqual({ type: "file", mediaType, data: v4 });
  });

  test("changes nothing in a prompt that is one already", () => {
    const part = {
      type: "file",
      mediaType: "a/b",
      data: { type: "data", data: bytes },
      providerOptions: { x: { y: 1 } },
    };
    expect(partOf(part, "v4")).toEqual(part);
    expect(partOf(partOf({ type: "image", image: url }, "v4"), "v4")).toEqual(
      partOf({ type: "image", image: url }, "v4"),
    );
  });
});
