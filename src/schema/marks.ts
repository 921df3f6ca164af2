/** Facts about the place of a value in a text. */
export interface Context {
  /** 2: marked as the final answer; 1: marked as an answer; 0: not marked; -1: given as an example, a draft, or what is wrong. */
  readonly mark: number;
  /** It stands alone in its paragraph or its code fence, and no prose follows. */
  readonly isAlone: boolean;
  readonly isFenced: boolean;
  readonly isSurrounded: boolean;
  /** Text beside it that makes it a part of a larger value. */
  readonly isPart: boolean;
  readonly hasStrayBrackets: boolean;
  /** The word with a colon before the value, which may be a key; empty if there is none. */
  readonly label: string;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** So many characters before a value may be its label. */
const longestLabel = 200;
/** So many characters around a value are looked at for its neighbours. */
const neighbourhood = 1_000;

/**
 * Describes the place of a value, from the text around it.
 *
 * @param previousEnd index after the value before it, which labels nothing
 */
export function contextOf(text: string, { start, end }: Span, previousEnd: number): Context {
  const before = text.slice(Math.max(0, start - neighbourhood), start);
  const label = text.slice(Math.max(previousEnd, start - longestLabel), start);
  const after = text.slice(end, end + neighbourhood);
  const stray = /^[\s]{0,100}[}\]][\s}\]]{0,200}/.exec(after)?.[0] ?? "";
  const rest = after.slice(stray.length);
  const opening = /(?:^|\n)[ \t>]{0,20}(?:```|~~~)[^\n`]{0,40}\n?\s{0,100}$/.test(before);
  const closing = /^\s{0,100}(?:```|~~~)/.test(rest);
  const isFenced = opening && closing;
  const outside = isFenced ? rest.replace(/^\s{0,100}(?:```|~~~)[ \t]{0,20}/, "") : rest;
  const isLast =
    /^[\s*_`~.]{0,1000}(?:<\/[^<>\n]{1,40}>\s{0,100})?$/.test(outside) && end + neighbourhood >= text.length;
  const isFirst = start <= neighbourhood && before.trim() === "";
  return {
    mark: markOf(label),
    isAlone: isLast && (opening || isFirst || /\n[ \t]{0,20}\r?\n[ \t]{0,20}$/.test(before)),
    isFenced,
    isSurrounded: !isFirst || after.slice(stray.length).trim() !== "",
    isPart: isPartBy(before, stray, rest) || isAfterOpenBrace(label),
    hasStrayBrackets: stray !== "",
    label: /([\p{L}_$][\p{L}\p{N}_$-]{0,60})\s{0,20}:\s{0,100}$/u.exec(before.slice(-longestLabel))?.[1] ?? "",
  };
}

/** Tells links and their footnotes, such as `[1](…)` and `[1]: …`. */
export function isLink(text: string, { start, end }: Span): boolean {
  return text[start] === "[" && (text[end] === "(" || text[end] === ":");
}

/** Tells whether the neighbours of a value belong to a larger one: a key before it, a comma and a member after it. */
function isPartBy(before: string, stray: string, rest: string): boolean {
  if (/["'”’}\]]$/.test(before)) return true;
  if (/["'”’}\]]\s{0,20}:\s{0,100}$/.test(before) || /["'”’\d}\]]\s{0,20},\s{0,100}$/.test(before)) return true;
  if (/["'”’\d}\]]\s{0,20},\s{0,20}[\w$]{1,40}\s{0,20}:\s{0,100}$/.test(before)) return true;
  if (/^\s{0,100},\s{0,100}["'“{[\d]/.test(rest) || /^(?:\s{0,20}:|["'“{[\p{L}\p{N}])/u.test(rest)) return true;
  if (/^\s{0,100},\s{0,100}[\w$]{1,40}\s{0,20}:/.test(rest)) return true;
  if (/^\s{0,100}(?:"[^"\n]{0,100}"|'[^'\n]{0,100}'|“[^”\n]{0,100}”)\s{0,20}:/.test(rest)) return true;
  return stray !== "" && /^\s{0,100}["',:{[“]/.test(rest);
}

/** Tells whether a brace before a value on its line is still open. A brace right before it is a doubled one. */
function isAfterOpenBrace(label: string): boolean {
  let open = 0;
  for (const { 0: sign } of label
    .slice(label.lastIndexOf("\n") + 1)
    .replace(/\{\s*$/, "")
    .matchAll(/[{}]/g))
    open = Math.max(0, open + (sign === "{" ? 1 : -1));
  return open > 0;
}

const words = (list: string) => new RegExp(`(?<![\\p{L}\\p{N}])(?:${list})(?![\\p{L}\\p{N}])`, "u");
const rejecting = words(
  "not|never|isn['’]t|wrong|incorrect|invalid|bad|instead of|rather than|examples?|e\\.g|for instance|drafts?|(?:first|second|earlier|previous|initial) (?:attempt|try|guess|version)|attempt|compar\\p{L}*|counter-?examples?|hypothetical\\p{L}*|alternative(?:ly)?|rejected|discarded|beispiel|entwurf|falsch|nicht|exemple|brouillon|ejemplo|borrador|esempio|bozza|exemplo|пример|черновик",
);
const rejectingSigns = /例|草稿|예시/;
const final = words(
  "final(?:ly)?|conclusions?|verdict|endg[üu]ltig\\p{L}*|schließlich|d[ée]finitive(?:ment)?|finale?|definitiv[ao]|итог\\p{L}*|окончательн\\p{L}*",
);
const finalSigns = /最终|最終|最后|最後|최종/;
const answering = words(
  "answers?|results?|outputs?|response|reply|solution|correct(?:ed|ion)?|revised?|revision|updated?|actual(?:ly)?|reflection|therefore|thus|hence|antwort|ergebnis|lösung|korrigiert|réponse|résultat|corrigée?|respuesta|resultado|corregid[ao]|risposta|risultato|resposta|antwoord|resultaat|svar|odpowiedź|wynik|ответ|результат",
);
const answeringSigns = /答案|结果|結果|回答|答え|답|결과/;
/** A label that speaks of the form of an answer gives none. */
const formal = words("format|form|formatted|shape|template|schema|structure|like|such as|looks?|should|must|would");

/** Reads the mark of a value off its label: the end of the line before it, or of the line above. */
function markOf(before: string): number {
  const text = before.replace(/(?:```|~~~)[^\n`]{0,40}\s{0,50}$/, "");
  const lines = text.split("\n");
  let line = lines.pop() ?? "";
  let above = 0;
  for (; line.trim() === "" && lines.length > 0; above++) line = lines.pop() ?? "";
  // Past an empty line, only a heading or a colon speaks of the value.
  if (above > 1 && !/[:：]\s*[*_]*\s*$|^\s*(?:#|\*\*)/.test(line)) return 0;
  const label = line
    .replace(/\S*\w(?:[/@]|\.\w)\w\S*/g, "")
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[*_#`>~|\\]/g, (sign) => (sign === "_" || sign === ">" ? " " : ""))
    .trim();
  if (/<\/[^<]*$/.test(label)) return 0;
  const clause = (
    label
      .replace(/[\s.:!=→⇒\-{("“]+$/, "")
      .split(/[.!?;。！？；]\s+|[。！？；]/)
      .at(-1) ?? ""
  ).trim();
  if (rejecting.test(clause) || rejectingSigns.test(clause)) return -1;
  const isLabel = /[:=→⇒{：]\s*$|(?:^|\s)(?:is|are|ist|est|es|è)$/.test(label) || clause.split(/\s+/).length <= 8;
  if (!isLabel || formal.test(clause)) return 0;
  if (final.test(clause) || finalSigns.test(clause) || label.endsWith("boxed{")) return 2;
  return answering.test(clause) || answeringSigns.test(clause) ? 1 : 0;
}
