import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { PromptBundleTool, ReliableOrchestrator, unwrap } from "../../src/index.ts";
import { type Api, startServer } from "../support/vendor-server.ts";

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const pdf = Buffer.from("%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n%%EOF\n");

function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), "steer-files-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

/** Parts of the user's message as each API has them: the text of the prompt, a text file, an image, a PDF. */
const onTheWire: Readonly<Record<Api, (body: any) => unknown[]>> = {
  "openai-chat": (body) =>
    body.messages[0].content.map((part: any) => part.text ?? part.image_url?.url ?? part.file?.file_data),
  "openai-compatible": (body) =>
    body.messages[0].content.map((part: any) => part.text ?? part.image_url?.url ?? part.file?.file_data),
  "openai-responses": (body) => body.input[0].content.map((part: any) => part.text ?? part.image_url ?? part.file_data),
  anthropic: (body) =>
    body.messages[0].content.map(
      (part: any) => part.text ?? `data:${part.source.media_type};base64,${part.source.data}`,
    ),
  google: (body) =>
    body.contents[0].parts.map(
      (part: any) => part.text ?? `data:${part.inlineData.mimeType};base64,${part.inlineData.data}`,
    ),
  mistral: (body) =>
    body.messages[0].content.map(
      (part: any) => part.text ?? part.image_url?.url ?? part.image_url ?? part.document_url,
    ),
};

describe("files of a prompt", () => {
  test.each(Object.keys(onTheWire) as Api[])(
    "reach %s as the parts that its own package makes of them",
    async (api) => {
      await using server = await startServer(() => ({ text: "yes" }));
      const folder = folderWith({ "a.txt": "\ufeffSome text", "b.png": png, "c.pdf": pdf });
      const tool = new PromptBundleTool({
        name: "read",
        model: server.model(api),
        prompt: "Is {{what}} there?",
        files: { paths: ["{{first}}", "{{others}}"], from: folder },
        defaultOptions: { k: 2 },
      });
      const request = { what: "it", first: "a.txt", others: ["b.png", join(folder, "c.pdf")] };
      const output = await new ReliableOrchestrator().run({ tool, request });
      expect(unwrap(output).evidenceBundle.summary.consensus).toBe("yes");
      const [image, document] = [png, pdf].map((bytes) => bytes.toString("base64"));
      const wanted = [
        "Is it there?",
        "Some text",
        `data:image/png;base64,${image}`,
        `data:application/pdf;base64,${document}`,
      ];
      for (const { body } of server.seen) expect(onTheWire[api](body)).toEqual(wanted);
      expect(server.seen.length).toBeGreaterThan(1);
    },
  );

  test.each([
    ["a file that is not there", "gone.png", /gone\.png cannot be read: ENOENT.*relative to the folder of the inputs/],
    ["an empty file", "empty.pdf", /empty\.pdf is empty\. Remove it/],
    ["a folder", ".", /is a folder\. Give the path of a file/],
    ["a text of spaces", "spaces.txt", /nothing but spaces/],
    ["an office document", "a.docx", /a\.docx is an office document or an archive, .*Save it as PDF/],
    ["an image that is no image for a model", "a.tiff", /a\.tiff is a TIFF image, which models do not take\. Convert/],
    ["a name that says PNG over a HEIC", "b.png", /b\.png is an HEIC image/],
    ["a recording", "a.wav", /a\.wav is a recording/],
    ["a text in Windows-1252", "latin.txt", /latin\.txt is not an image, a PDF, or a text in UTF-8/],
    ["an empty path", " ", /the path of its file is empty/],
    [
      "an image too large for Claude",
      "large.png",
      /large\.png has 6\.0 MB, and Claude takes at most 5 MB\. Make the picture smaller/,
    ],
  ])("%s is refused before the model is asked, and named", async (_, path, fault) => {
    await using server = await startServer(() => ({ text: "yes" }));
    const folder = folderWith({
      "empty.pdf": "",
      "spaces.txt": " \n",
      "a.docx": "PK\x03\x04",
      "a.tiff": "II*\0....",
      "b.png": "\0\0\0\x18ftypheic....",
      "a.wav": "RIFF....WAVEfmt ",
      "latin.txt": Buffer.from("K\xe4se", "latin1"),
      "large.png": png,
    });
    truncateSync(join(folder, "large.png"), 6_000_000);
    const tool = new PromptBundleTool({
      name: "read",
      model: server.model("anthropic"),
      input: z.object({ path: z.string() }),
      prompt: "What is it?",
      files: { paths: "{{path}}", from: folder },
    });
    await expect(new ReliableOrchestrator().run({ tool, request: { path } })).rejects.toThrow(fault);
    expect(server.seen).toEqual([]);
  });

  test("a request without the variable of its files is refused, and a text stands for the only variable", async () => {
    await using server = await startServer(() => ({ text: "yes" }));
    const folder = folderWith({ "a.txt": "Some text" });
    const files = { paths: "{{path}}", from: folder };
    const tool = new PromptBundleTool({
      name: "read",
      model: server.model("openai-chat"),
      prompt: "What is it?",
      files,
    });
    const run = (request: object) => new ReliableOrchestrator().run({ tool, request });
    await expect(run({ file: "a.txt" })).rejects.toThrow(/request\.path .*\{\{path\}\}/);
    await run("a.txt" as never);
    expect(onTheWire["openai-chat"](server.seen[0]!.body)).toEqual(["What is it?", "Some text"]);
  });

  test.each([[[]], [""], [{ from: "." }], [7]])("%j is not a way to name files", (files) => {
    expect(() => new PromptBundleTool({ name: "t", model: "simulated:", prompt: "x", files: files as never })).toThrow(
      /PromptBundleTool\(…\)\.files: got .*allowed: a path such as/,
    );
  });
});
