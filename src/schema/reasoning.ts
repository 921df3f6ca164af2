import type { Pace } from "../core/pace.ts";
import { JsonScanner, type JsonWhole } from "./find-json.ts";

/**
 * Job: part a model's text into its answer and the reasoning before it, in time linear in the text.
 * Boundary: knows the marks that models and servers use; reads no answer.
 * Invariants:
 * 1. A mark inside a string of JSON, in code or in quotes is data.
 * 2. Thoughts that never end leave no answer.
 */

/** An answer, and what the model thought before it. */
export interface ParsedText {
  readonly answer: string;
  /** The text inside the marks; absent if there were none. */
  readonly reasoning?: string | undefined;
  /** True if the thoughts never end: `answer` is not an answer. */
  readonly isUnfinished: boolean;
}

/**
 * Removes the reasoning from a model's text.
 *
 * @param isJson the answer is JSON, so that prose in it is none of the answer
 */
export async function withoutReasoning(text: string, isJson: boolean, pace: Pace): Promise<ParsedText> {
  for (const part of [partByChannels, partByPhrases, partByBlock]) {
    const parted = await part(text, pace);
    if (parted) return parted;
  }
  const marks = await paired(text, await marksIn(text, pace), pace);
  return marks.length === 0 ? { answer: text, isUnfinished: false } : partByMarks(text, marks, isJson, pace);
}

// ---- marks

interface Mark {
  readonly start: number;
  readonly end: number;
  readonly isClosing: boolean;
  /** Names such as <analysis>, in which an answer may stand too. */
  readonly isSoft: boolean;
  /** The mark that closes this one. */
  closing?: Mark | undefined;
}

/** A word between brackets of any kind: `<think>`, `[/THINK]`, `◁think▷`, `<|begin_of_thought|>`, `<seed:think>`. */
const bracketed =
  /[<＜◁〈⟨《【[]([|｜]?) ?([/／]?) ?([^<>＜＞◁▷〈〉⟨⟩《》【】[\]|｜\n/／]{1,60}) ?([|｜]?)[>＞▷〉⟩》】\]]/gu;
const thought =
  /(?:think(?:ing|s)?|thoughts?|reason(?:ing|ings)?|scratchpads?|monologue|cot|(?:思考|思索|思维|思維|推理|想法|考え)(?:过程|過程|プロセス)?|생각|추론|размышлени[ея]|мысли|рассуждени[ея]|рассуждение|denken|gedanken(?:gang)?|überlegung(?:en)?|pensées?|réflexion|raisonnement|pensamientos?|razonamiento|pensamentos?|raciocínio|pensier[oi]|ragionamento)$/u;
const softThought = /^(?:analysis|analyse|reflections?|rationale|planning|plan|deliberation|brainstorm(?:ing)?)$/;
const side = /^(?:begin|start|end|stop|finish|of|the|my|internal|inner|process|content|block|tag)$/;
const ending = /^(?:end|stop|finish)$/;

/** Title of the thoughts that a page folds in. */
const thoughtSummary =
  /^\s{0,20}<summary>[^<\p{L}]{0,20}(?:think|thought|reason|chain of thought|my thought)[^<]{0,60}<\/summary>/iu;

/** The meaning of what stands between brackets. */
type Kind = "none" | "thought" | "soft" | "channel" | "details";

/** Steps of a look at a mark, beside those of its characters. */
const stepsOfMark = 30;

async function marksIn(text: string, pace: Pace): Promise<Mark[]> {
  const marks: Mark[] = [];
  let areDetailsOpen = false;
  let spent = 0;
  const kinds = new Map<string, { readonly kind: Kind; readonly isEnd: boolean }>();
  for (const { 0: whole, 1: bar, 2: slash, 3: written = "", 4: barAfter, index } of text.matchAll(bracketed)) {
    if (pace.spend(stepsOfMark + index + whole.length - spent)) await pace.turn();
    spent = index + whole.length;
    let known = kinds.get(written);
    if (!known) {
      known = kindOf(written);
      if (kinds.size < 1_000) kinds.set(written, known);
    }
    const { kind, isEnd } = known;
    const [start, end] = [index, index + whole.length];
    if (kind === "none") continue;
    if (kind === "details") {
      // A page shows thoughts folded in; other details are text.
      const isClosing = slash !== "";
      const holdsThoughts =
        !isClosing && (/type=["']?reasoning/i.test(written) || thoughtSummary.test(text.slice(end, end + 200)));
      if (isClosing ? areDetailsOpen : holdsThoughts) marks.push({ start, end, isClosing, isSoft: false });
      areDetailsOpen = holdsThoughts;
      continue;
    }
    if (kind !== "channel") {
      marks.push({ start, end, isClosing: slash !== "" || isEnd, isSoft: kind === "soft" });
      continue;
    }
    // Gemma opens a channel with <|channel> and closes it with <channel|>.
    if (bar !== barAfter && (bar === "" || /^(?:thought|think|analysis)\s/.test(text.slice(end, end + 20))))
      marks.push({ start, end, isClosing: bar === "", isSoft: false });
  }
  return marks;
}

function kindOf(written: string): { readonly kind: Kind; readonly isEnd: boolean } {
  if (!/\p{L}{2}/u.test(written)) return { kind: "none", isEnd: false };
  const [tag = "", ...attributes] = written.normalize("NFKC").toLowerCase().trim().split(/\s+/);
  if (tag === "channel") return { kind: "channel", isEnd: false };
  // MedGemma thinks between two tokens that have no name.
  if (/^unused9[45]$/.test(tag)) return { kind: "thought", isEnd: tag === "unused95" };
  if (tag === "details") return { kind: "details", isEnd: false };
  const steps = tag.split(/[_:.▁-]+/);
  const words = steps.filter((word) => !side.test(word));
  const isEnd = steps.some((word) => ending.test(word));
  if (words.length === 0 || words.length > 3 || (attributes[0] && !/^(?:process|[\p{L}_-]+=)/u.test(attributes[0])))
    return { kind: "none", isEnd };
  if (words.length === 1 && softThought.test(words[0] as string)) return { kind: "soft", isEnd };
  const isThought = thought.test(words.at(-1) as string) || thought.test(words.join(""));
  return { kind: isThought ? "thought" : "none", isEnd };
}

/** Parts a text at its marks, from the first to the last. */
async function partByMarks(text: string, marks: readonly Mark[], isJson: boolean, pace: Pace): Promise<ParsedText> {
  const scanner = new JsonScanner(text, pace);
  const kept: string[] = [];
  const thoughts: string[] = [];
  let from = 0;
  let whole: JsonWhole | undefined;
  let scanned = 0;
  const fences = isJson ? [] : Array.from(text.matchAll(/^[ \t]{0,20}(?:```|~~~)/gm), ({ index }) => index);
  let fence = 0;
  for (const mark of marks) {
    if (pace.spend(stepsOfMark)) await pace.turn();
    while (fence < fences.length && (fences[fence] as number) < mark.start) fence++;
    if (mark.start < from) continue;
    while (scanned <= mark.start && (!whole || whole.end <= mark.start)) {
      whole = await scanner.next(scanned);
      scanned = whole ? whole.end : text.length + 1;
    }
    const isInJson =
      whole && whole.start >= from && whole.start < mark.start && mark.start < whole.end && whole.fault === undefined;
    if (isInJson || fence % 2 === 1 || isQuoted(text, mark)) continue;
    if (mark.isClosing) {
      if (mark.isSoft || !isLoneClosing(text, mark, isJson)) continue;
      // Its opening mark stood in the prompt: all before it is thought.
      thoughts.push([...kept.splice(0), text.slice(from, mark.start)].join(""));
      from = mark.end;
      continue;
    }
    const { closing } = mark;
    if (!isJson && !isOpening(text, mark)) continue;
    if (!closing) {
      if (mark.isSoft) continue;
      return { answer: "", reasoning: joined([...thoughts, text.slice(mark.end)]), isUnfinished: true };
    }
    if (
      mark.isSoft &&
      text.slice(closing.end).trim() === "" &&
      [...kept, text.slice(from, mark.start)].join("").trim() === ""
    )
      continue;
    kept.push(text.slice(from, mark.start));
    thoughts.push(text.slice(mark.end, closing.start));
    from = closing.end;
    [whole, scanned] = [undefined, from];
  }
  if (thoughts.length === 0) return { answer: text, isUnfinished: false };
  const answer = [...kept, text.slice(from)].join("").trim();
  return { answer: withoutWrapper(answer), reasoning: joined(thoughts), isUnfinished: answer === "" };
}

/** Pairs each opening mark with its closing one. Two opening marks in a row are one: the prompt may have opened it too. */
async function paired(text: string, marks: Mark[], pace: Pace): Promise<readonly Mark[]> {
  const open: Mark[] = [];
  for (const mark of marks) {
    if (pace.spend(stepsOfMark)) await pace.turn();
    const before = open.at(-1);
    if (mark.isClosing) {
      const opening = open.pop();
      if (opening) opening.closing = mark;
    } else if (
      !before ||
      text.slice(before.end, Math.min(mark.start, before.end + 64)).trim() !== "" ||
      mark.start > before.end + 64
    )
      open.push(mark);
  }
  return marks;
}

/** Code and quotes show a mark. */
function isQuoted(text: string, { start, end }: Mark): boolean {
  const [before, after] = [text[start - 1] ?? "", text[end] ?? ""];
  return (before === "`" && after === "`") || (/["'“”‘’«»]/.test(before) && /["'“”‘’«»]/.test(after));
}

/** In a text, an opening mark within a line is spoken of, unless its thoughts end with a line or right before the answer. */
function isOpening(text: string, { start, closing }: Mark): boolean {
  if (/(?:^|\n)[\s*_>]*$/.test(start < 64 ? text.slice(0, start) : `.${text.slice(start - 64, start)}`)) return true;
  return closing !== undefined && /^(?:[ \t]{0,20}\r?\n|[^\s.,;:!?])/.test(text.slice(closing.end, closing.end + 30));
}

/** In a text, a closing mark with a space on both sides is spoken of. */
function isLoneClosing(text: string, { start, end }: Mark, isJson: boolean): boolean {
  return isJson || !/[ \t]/.test(text[start - 1] ?? "\n") || /^[ \t]{0,20}(?:\r?\n|$)/.test(text.slice(end, end + 30));
}

const wrapper = /^<(answer|response|final_answer|final|solution|output)>([\s\S]*)<\/\1>$/i;

/** Takes a text out of the mark that some models put around the answer after their reasoning. */
function withoutWrapper(answer: string): string {
  return wrapper.exec(answer)?.[2]?.trim() ?? answer;
}

function joined(thoughts: readonly string[]): string | undefined {
  const text = thoughts
    .map((each) => each.trim())
    .filter((each) => each !== "")
    .join("\n\n");
  return text === "" ? undefined : text;
}

// ---- channels and phrases

const channel = /<\|channel\|>([^<]{0,200})(?:<\|constrain\|>[^<]{0,100})?<\|message\|>/g;
const channelEnd = /<\|(?:end|return|start|call|channel)\|>/g;

/** A channel begins the text, or follows another token. */
const channelStart = /(?:^|<\|(?:start|im_start)\|>\w{0,20}|<\|(?:end|return|call)\|>)$/;

/** Parts the channels of gpt-oss, with their tokens or without. */
async function partByChannels(text: string, pace: Pace): Promise<ParsedText | undefined> {
  if (!text.includes("<|message|>")) return partByBareChannels(text);
  const first = text.search(channel);
  const before = text.slice(0, Math.max(0, first)).trim();
  if (!channelStart.test(before.slice(-40)) || (before !== "" && (await isInJson(text, first, pace)))) return undefined;
  // The prompt may have opened the first channel.
  const thoughts = [before.replace(/<\|[^<>]{1,40}\|>\w{0,20}/g, "")];
  let answer: string | undefined;
  let end = 0;
  for (const { 0: token, 1: name = "", index } of text.matchAll(channel)) {
    if (index < end) continue;
    const start = index + token.length;
    channelEnd.lastIndex = start;
    end = channelEnd.exec(text)?.index ?? text.length;
    if (/^\s*final\b/i.test(name)) answer = text.slice(start, end);
    else thoughts.push(text.slice(start, end));
  }
  if (end === 0) return undefined;
  return { answer: answer?.trim() ?? "", reasoning: joined(thoughts), isUnfinished: !answer?.trim() };
}

async function isInJson(text: string, at: number, pace: Pace): Promise<boolean> {
  const scanner = new JsonScanner(text, pace);
  let whole = await scanner.next(0);
  while (whole && whole.end <= at) whole = await scanner.next(whole.end);
  return whole !== undefined && whole.start < at && whole.fault === undefined;
}

/** Servers that drop special tokens leave the names of the channels. */
function partByBareChannels(text: string): ParsedText | undefined {
  const final = text.lastIndexOf("assistantfinal");
  if (!/^\s*analysis/.test(text) || final < 0) return undefined;
  const answer = text.slice(final + "assistantfinal".length).trim();
  return {
    answer,
    reasoning: joined([text.slice(text.indexOf("analysis") + "analysis".length, final)]),
    isUnfinished: answer === "",
  };
}

const phrases = /^\s*Here(?:'s| is| are) my (?:(?:thought|thinking|reasoning) process|reasoning steps|reasoning):/i;
const endPhrases = /(?:Here(?:'s| is) my (?:response|answer):|\[BEGIN FINAL RESPONSE\])/i;

/** Parts the phrases by which Granite and Apriel part their thoughts from their answers. */
function partByPhrases(text: string): ParsedText | undefined {
  const opening = phrases.exec(text)?.[0];
  if (opening === undefined) return undefined;
  const closing = endPhrases.exec(text);
  if (!closing) return undefined;
  const answer = text
    .slice(closing.index + closing[0].length)
    .replace(/\[END FINAL RESPONSE\]\s*$/i, "")
    .trim();
  return { answer, reasoning: joined([text.slice(opening.length, closing.index)]), isUnfinished: answer === "" };
}

const thoughtFence = /^\s*(`{3,}|~{3,})[ \t]?(?:think(?:ing)?|thoughts?|reasoning|scratchpad)[ \t]*\r?\n/i;
const thoughtQuote =
  /^\s*>?[ \t]{0,8}[*_]{0,3}(?:💭 ?)?(?:thinking|thoughts?|thought process|reasoning)(?:\.{3}|…|:)?[*_]{0,3}:?[ \t]*\r?\n(?=\s{0,8}>)/iu;

/** Parts a block before the answer whose title says that it holds thoughts: a code fence, or a quotation. */
function partByBlock(text: string): ParsedText | undefined {
  const fence = thoughtFence.exec(text);
  const [opening = ""] = fence ?? thoughtQuote.exec(text) ?? [];
  if (opening === "") return undefined;
  const lines = text.slice(opening.length).split("\n");
  const isEnd = (line: string) =>
    fence ? line.trim() === fence[1] : line.trim() !== "" && !line.trimStart().startsWith(">");
  const end = lines.findIndex(isEnd);
  const answer =
    end < 0
      ? ""
      : lines
          .slice(fence ? end + 1 : end)
          .join("\n")
          .trim();
  if (answer === "" && !fence) return undefined;
  const reasoning = joined([lines.slice(0, end < 0 ? lines.length : end).join("\n")]);
  return { answer, reasoning, isUnfinished: answer === "" };
}
