/** Facts about the place of a value in a text. */
export interface Context {
  /**
   * 2: marked as the final answer; 1: marked as an answer; 0: not marked; -1: perhaps of another case; -2: given as an
   * example, a draft, or what is wrong.
   */
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
    label: keyBefore(before.slice(-longestLabel)),
  };
}

/** The word with a colon at the end of a text, unless it ends a sentence: `this is the invoice:`. */
function keyBefore(before: string): string {
  const found = /([\p{L}_$][\p{L}\p{N}_$-]{0,60})\s{0,20}:\s{0,100}$/u.exec(before);
  if (!found) return "";
  const line = before.slice(0, found.index).split("\n").at(-1) ?? "";
  return /^[^:"'{}[\]=]*[\p{L}\p{N}][ \t]+$/u.test(line) ? "" : (found[1] as string);
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

/** Finds one of the words, which `|` parts, in a label; line ends between them count for nothing. */
const words = (list: string, before = "(?<![\\p{L}\\p{N}])") =>
  new RegExp(`${before}(?:${oneLine(list)})(?![\\p{L}\\p{M}\\p{N}])`, "u");

function oneLine(list: string): string {
  return list.replace(/\n\s*/g, "");
}

const example =
  oneLine(`(?:counter-?)?examples?|drafts?|attempts?|(?:first|second|earlier|previous|initial) (?:try|guess|version)|
  beispiele?|entwurf|exemples?|brouillon|ejemplos?|borrador|esemp(?:io|i)|bozza|exemplos?|rascunho|voorbeeld(?:en)?|
  przykład\\p{L}*|пример\\p{L}*|приклад\\p{L}*|черновик|exempel|eksempel|örnek|contoh|ví dụ|مثال|उदाहरण`);
const wrong = oneLine(`wrong|incorrect\\p{L}*|invalid|bad|rejected|discarded|falsch\\p{L}*|mauvaise?|fausse?|faux|
  sbagliat[ao]|errad[ao]|equivocad[ao]|onjuist|błędn\\p{L}*|неправильн\\p{L}*|неверн\\p{L}*|yanlış`);
const answer =
  oneLine(`answers?|results?|outputs?|responses?|reply|solutions?|antwort|ergebnis|lösung|réponses?|résultat|
  respuesta|resultado|risposta|risultato|resposta|antwoord|resultaat|svar|odpowiedź|wynik|ответ|результат|відповідь|
  cevap|jawaban|đáp án|vastaus|الجواب|الإجابة|उत्तर`);

/** A label that names what follows as no answer: `Example output:`, `My first attempt:`, `For comparison,`. */
const naming = words(
  example,
  "^(?:(?:an?|the|my|your|one|another|this is|here is|here's|ein|un|une|uma?|een) )*(?:(?!of |in )\\p{L}+ )?",
);
const forInstance =
  words(`e\\.g|for (?:instance|example|comparison)|alternatively|counter-?examples?|hypothetical\\p{L}*|
  zum beispiel|par exemple|por ejemplo|per esempio|por exemplo|bijvoorbeeld|например`);
/** A label that turns down what follows: `Wrong answer:`, `Respuesta incorrecta:`, `do not return`, `rather than`. */
const rejecting = new RegExp(
  oneLine(`^(?:\\S+ ){0,3}(?:${wrong})$|(?<![\\p{L}\\p{N}])(?:
    (?:${wrong}) (?:${answer}|one|json|object|value|label|${example})|(?:${answer}) (?:${wrong})|
    (?:not|never|isn['’]t) (?:(?:yet|really|quite|an?|the|my|your|final|correct|right|valid|best|actual|intended|expected) )*(?:${answer}|final)|
    (?:is|are|['’]s|as|was) (?:an?|my|one|another|the|only) (?:\\S+ )?(?:${example})|
    (?:not|never|don['’]t|didn['’]t) (?:return|output|use|choose|give|answer|write|say|this|that)|
    not|never|isn['’]t|instead of|rather than|unlike|nicht)(?: (?:is|are|would be|ist|est|es|è))?$`),
  "u",
);
const rejectingSigns = /(?<![比条案判事先慣惯])例(?![外行])|草稿|예시|错误答案|錯誤答案/;
/** A label that takes back what stands before it. */
const correcting = words(
  `wait|oops|hold on|correction|let me (?:correct|fix|redo|revise|rephrase)|on (?:second thought|reflection)|
  (?:actually|hmm?|no|non|nein|não|нет|sorry),? (?:that|this|it|the above|das|es|c['’]est|ceci|eso|isso|questo|это)(?:['’]s)?`,
  "^",
);
const correctingSigns = /更正|修正|訂正|정정/;
/** A label that speaks of another case. */
const conditional = words(`would|could|might|had|wäre|hätte|würde|serait|aurait|sería|habría|hubiera|sarebbe|avrebbe|
  fosse|seria|teria|zou|бы`);
const conditionalSigns = /如果|假如|假设|假設|もし|仮に|만약/;
/** Words of a label that may speak of another value, or of this one. */
const doubtful =
  words(`${example}|${wrong}|not|never|isn['’]t|instead|compar\\p{L}*|contrast|unlike|alternatives?|if|unless|
  otherwise|suppos\\p{L}*|assum\\p{L}*|previous|earlier|prior|other|another|input|reference|original|like|such as|
  nicht|kein\\p{L}*|wenn|falls|sonst|pas|si|sinon|no|não|non|se|niet|als|nie|jeśli|не|если`);
const doubtfulSigns = /不|لو|另外|其余|続き|对于/;
/** A label that names one value of several: `Bridge 2:`, `For the second bridge:`, `And the rest:`. */
const numbering = /^(?:\p{L}+ ){1,3}(?:#|no\. ?|nr\. ?)?(?:\d{1,3}|\p{L})$/u;
const oneOfSeveral = words(
  `for|für|pour|para|per|voor|для|and|also|additional(?:ly)?|plus|rest|remaining|continu\\p{L}*|optional|excluded|omitted|
  und|außerdem|et|aussi|suite|y|también|además|e|anche|inoltre|também|i|także|и|также`,
  "^(?:\\p{L}+ )?",
);
/** Names of what is no answer, which an answer may be told from too. */
const another = words(`${example}|${wrong}`);
/** `The correct answer`, `la respuesta correcta`. */
const righting =
  words(`(?:right|correct(?:ed)?|revised|updated|actual|true|proper|richtige|korrigierte|bonne) (?:${answer})|
  (?:${answer}) (?:correcta|corretta|corrigée?|corregid[ao])`);
const final = words(`final(?:ly)?|conclusions?|verdict|endg[üu]ltig\\p{L}*|schließlich|d[ée]finitive(?:ment)?|finale?|
  definitiv[ao]|итог\\p{L}*|окончательн\\p{L}*`);
const finalSigns = /最终|最終|最后|最後|최종/;
const answering =
  words(`${answer}|correct(?:ed|ion)?|revised?|revision|updated?|actual(?:ly)?|reflection|therefore|thus|hence|
  korrigiert\\p{L}*|corrigée?|corregid[ao]`);
const answeringSigns = /答案|结果|結果|回答|答え|답|결과/;
/** A label that speaks of the form of an answer gives none. */
const formal = words("format|form|formatted|shape|template|schema|structure|like|such as|should|must|would");

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
  )
    .replace(/^[\s<([{"'“-]+/, "")
    .trim();
  if (correcting.test(clause) || correctingSigns.test(clause)) return 1;
  const isAnother =
    naming.test(clause) || forInstance.test(clause) || rejecting.test(clause) || rejectingSigns.test(clause);
  if (isAnother) return -2;
  const isFinal = final.test(clause) || finalSigns.test(clause) || label.endsWith("boxed{");
  if ((conditional.test(clause) || conditionalSigns.test(clause)) && !isFinal) return -1;
  const isLabel = /[:=→⇒{：]\s*$|(?:^|\s)(?:is|are|ist|est|es|è)$/.test(label) || clause.split(/\s+/).length <= 8;
  if (isLabel && !formal.test(clause) && (righting.test(clause) || !another.test(clause))) {
    if (isFinal) return 2;
    if (answering.test(clause) || answeringSigns.test(clause)) return 1;
  }
  const isDoubtful = doubtful.test(clause) || doubtfulSigns.test(clause);
  return isDoubtful || numbering.test(clause) || oneOfSeveral.test(clause) ? -1 : 0;
}
