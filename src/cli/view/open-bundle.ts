import type { EvidenceBundle } from "../../contract/bundle.ts";
import { snapshot } from "../../core/canonical.ts";
import { CommandError } from "../command-error.ts";
import { readLines } from "../input/lines.ts";
import { readBytes } from "../input/read-bytes.ts";
import { parseJson } from "../parse-json.ts";
import { bundleFault } from "./bundle-shape.ts";
import { chooseDocument } from "./choose-document.ts";

/** A bundle out of a file. */
export interface OpenedBundle {
  readonly bundle: EvidenceBundle;
  /** Where it stood, for people. */
  readonly place: string;
  /** What was asked, where the file says so. */
  readonly input?: unknown;
}

/**
 * The bundle in a file: a bundle, an output that holds one, or something with such an output in it, as a line of
 * `steer run` and a key of `steer store show --json` have.
 *
 * @param file a path, or `-` for standard input
 * @param line from 1, of a file with more than one
 * @throws CommandError where there is none
 */
export async function openBundle(file: string, line?: number | undefined): Promise<OpenedBundle> {
  const name = file === "-" ? "stdin" : file;
  const chunks: AsyncIterable<Uint8Array> = file === "-" ? process.stdin : readBytes(file);
  const { text, firstLine, isOneOfMany } = await chooseDocument(readLines(chunks, name), name, line);
  const place = isOneOfMany ? `${name}:${firstLine}` : name;
  return { place, ...bundleIn(parseJson(text, name, { firstLine }), place) };
}

function bundleIn(value: unknown, place: string): { bundle: EvidenceBundle; input?: unknown } {
  const holder = value as Partial<Record<string, any>> | null;
  const contents = [holder?.["output"]?.content, holder?.["content"]];
  const candidates = [...contents.map((content) => content?.evidenceBundle), holder];
  const found = candidates.find((candidate) => Array.isArray(candidate?.replicates));
  if (found === undefined) throw new CommandError(`${place} holds no evidence bundle${reasonIn(holder)}.`);
  const bundle = snapshot(found, place);
  const fault = bundleFault(bundle);
  if (fault !== undefined) throw new CommandError(`${place} holds no whole evidence bundle: ${fault}.`);
  return {
    bundle: bundle as EvidenceBundle,
    ...(holder !== found && holder?.["input"] !== undefined && { input: holder["input"] }),
  };
}

/** Why a line of an output file has none, where it says so. */
function reasonIn(holder: Partial<Record<string, any>> | null): string {
  const { type, message } = holder?.["error"] ?? Object.values(holder?.["output"]?.errors ?? {})[0] ?? {};
  return typeof message === "string" ? `: the run ended with ${type}: ${message}` : "";
}
