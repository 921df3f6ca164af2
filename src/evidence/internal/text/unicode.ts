/** As many marks on one letter as text for people ever has (the bound of stream-safe text, Unicode Annex 15). */
const tooManyMarks = /\p{M}{31}/u;

/**
 * A normalised text. Text with long runs of combining marks stays as it is: their sorting takes time that grows with the
 * square of the run.
 */
export function normalizeUnicode(text: string, form: "NFC" | "NFD" | "NFKC"): string {
  return tooManyMarks.test(text) ? text : text.normalize(form);
}

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻";
const vulgarFractions = /[¼½¾⅐-⅞]/g;

/**
 * A text with one spelling of what is written in several: digits of any script, ligatures and wide forms, quotes, dashes,
 * spaces. Where compatibility forms (NFKC) would lose something it is written out: `x²` becomes `x^2`, `5½` becomes
 * `5 1/2`.
 */
export function unifyCharacters(raw: string): string {
  return normalizeUnicode(
    raw
      .replace(vulgarFractions, (one) => ` ${one}`)
      .replace(
        /[⁰¹²³⁴-⁹⁺⁻]+/g,
        (run) => `^${Array.from(run, (one) => "0123456789+-"[superscripts.indexOf(one)]).join("")} `,
      ),
    "NFKC",
  )
    .replace(/(?![0-9])\p{Nd}/gu, asciiDigit)
    .replace(/[\u200b\u200e\u200f\u061c\ufeff\u00ad]/g, "")
    .replace(/[“”„‟«»]/g, '"')
    .replace(/[‘’‚‛´]/g, "'")
    .replace(/[‐‑‒–—―−]/g, "-")
    .replace(/⁄/g, "/")
    .replace(/→/g, "->")
    .replace(/\r\n?/g, "\n")
    .replace(/(?<=\S)[^\S\n]+/g, " ")
    .trim();
}

/** The digits of a script stand in a row, from its zero. */
function asciiDigit(digit: string): string {
  const code = digit.codePointAt(0) as number;
  let zero = code;
  while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
  return String(code - zero);
}
