/** Words of one meaning: in one form of an answer one of them stands, in another form another. */

const list = (words: string): string[] => words.match(/\S+/g) ?? [];

/** Numbers for words in their order; `|` between words for one number. */
const numbered = (words: string, first: number): [name: string, value: number][] =>
  list(words).flatMap((names, at) => names.split("|").map((name): [string, number] => [name, at + first]));

export const numberWords = new Map([
  ...numbered("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen", 0),
  ...numbered("sixteen seventeen eighteen nineteen", 16),
  ...numbered("twenty thirty forty fifty sixty seventy eighty ninety", 2).map(
    ([name, tens]) => [name, 10 * tens] as const,
  ),
]);
export const powersOfTen = new Map(list("thousand million billion trillion").map((name, at) => [name, 3 * at + 3]));
export const ordinals = new Map(numbered("first second third fourth fifth sixth seventh eighth ninth tenth", 1));
export const denominators = new Map(
  numbered("half|halves third|thirds quarter|quarters|fourth|fourths fifth|fifths sixth|sixths", 2),
);

/** English, German, French, Spanish, Italian, Portuguese. */
const months = new Map(
  numbered(
    `january|jan|januar|janvier|enero|gennaio|janeiro february|feb|februar|février|febrero|febbraio|fevereiro
    march|mar|märz|mars|marzo|março april|apr|avril|abril|aprile may|mai|mayo|maggio|maio
    june|jun|juni|juin|junio|giugno|junho july|jul|juli|juillet|julio|luglio|julho
    august|aug|août|agosto september|sep|sept|septembre|septiembre|settembre|setembro
    october|oct|oktober|okt|octobre|octubre|ottobre|outubro november|nov|novembre|noviembre|novembro
    december|dec|dezember|dez|décembre|diciembre|dicembre|dezembro`,
    1,
  ),
);
export const monthOf = (name: string): number | undefined => months.get(name.toLowerCase());
/** From Sunday. */
export const weekdays = list("sunday monday tuesday wednesday thursday friday saturday");

/** Each with its other names, which have `-` for a space. Signs keep their case: `mW` is not `MW`, `$` is US dollars. */
const units = `%|percent|per-cent|prozent °C|degrees-celsius|°-C|celsius °F|degrees-fahrenheit|°-F|fahrenheit °|degree|degrees
  kg|kilo|kilos t|tonne|tonnes lb|lbs oz|ounce|ounces min|mins|minute|minutes|minuten h|hr|hrs|hour|hours|stunde|stunden
  s|sec|secs|sekunde|sekunden day|days week|weeks|wk|wks month|months year|years|yr|yrs ft|foot|feet inch|inches
  yd|yard|yards mi|mile|miles mph|mi/h km/h|kph|kmh tsp|teaspoon|teaspoons tbsp|tablespoon|tablespoons l|L ml|mL μg|mcg
  m^2|square-meters|square-metres|sq-m km^2|square-kilometers|square-kilometres am|AM|a.m|A.M pm|PM|p.m|P.M
  USD|dollar|dollars|us-dollar|us-dollars|$|US$ EUR|euro|euros|€ GBP|pound|pounds|£ JPY|yen|¥ INR|rupee|rupees|₹
  RUB|ruble|rubles|rouble|roubles|₽ KRW|won|₩ CHF|swiss-franc|swiss-francs CAD|canadian-dollar|canadian-dollars|C$|CA$
  AUD|australian-dollar|australian-dollars|A$|AU$ NZD|NZ$ SEK|swedish-krona|swedish-kronor CNY|yuan MXN BRL PLN NOK DKK`;
const prefixes = "| kilo|k mega|M giga|G tera|T centi|c milli|m micro|μ nano|n deci|d hecto|h";
const bases = `gram|g gramme|g meter|m metre|m liter|l litre|l second|s watt|W volt|V ampere|A amp|A hertz|Hz joule|J newton|N
  pascal|Pa byte|B bit|bit calorie|cal ohm|Ω mole|mol`;

const pairs = (words: string) => list(words).map((pair) => pair.split("|") as [name: string, sign: string]);
const unitNames = new Map([
  ...pairs(prefixes).flatMap(([prefix, sign]) =>
    pairs(bases).flatMap(([base, symbol]) =>
      [prefix + base, `${prefix}${base}s`, sign + symbol].map((name): [string, string] => [name, sign + symbol]),
    ),
  ),
  ...list(units).flatMap((names) =>
    names.split("|").map((name, _, [unit]): [string, string] => [name.replaceAll("-", " "), unit as string]),
  ),
]);

/** The canonical name of a unit or currency; undefined of other words. Short names keep their case. */
export function unitOf(name: string): string | undefined {
  return unitNames.get(name) ?? (name.length < 5 ? undefined : unitNames.get(name.toLowerCase()));
}

/** The code of a currency by its sign or code. */
export function currencyOf(name: string): string | undefined {
  const unit = unitOf(name.toUpperCase());
  return unit !== undefined && /^[A-Z]{3}$/.test(unit) ? unit : undefined;
}

/** Nouns that an answer may name before itself: it repeats what was asked for. None of them changes what is said. */
const labels = `answer|final answer|correct answer|result|final result|solution|output|response|category|label|class|
  classification|severity|priority|urgency|status|sentiment|topic|intent|verdict|decision|conclusion|total|choice|option|
  correct option|correct choice|language|rating|score|grade|value|final value|
  antwort|endergebnis|ergebnis|lösung|réponse|résultat|respuesta|resultado|risposta|risultato|resposta|antwoord|
  odpowiedź|wynik|ответ|результат|відповідь|svar|cevap|答案|回答|答え|정답|답|الجواب|الإجابة|उत्तर`.replace(
  /\n\s+/g,
  "",
);

/** Words that stand before, or around, an answer in the languages of its sentences. */
export const wrappers: readonly (readonly [pattern: RegExp, replacement: string, reason: string])[] = [
  [
    new RegExp(`^\\*{0,2}(?:the )?(?:${labels})(?:\\*{0,2} ?:\\*{0,2}| -(?= (?:\\p{L}{2}|[A-H]$))) ?(?=\\S)`, "iu"),
    "",
    "a label",
  ],
  [new RegExp(`^(?:the|my) (?:final |correct |right |best )?(?:${labels}) is:? (?=\\S)`, "i"), "", "English"],
  [/^(?:final |correct )?answer is:? (?=\S)/i, "", "English"],
  [/^(?:die (?:richtige )?(?:antwort|lösung)|das (?:end)?ergebnis) (?:ist|lautet):? (?=\S)/i, "", "German"],
  [/^(?:la (?:bonne )?(?:réponse|solution)(?: finale)?|le résultat) est:? (?=\S)/i, "", "French"],
  [/^(?:la (?:respuesta|solución)(?: correcta| final)?|el resultado) es:? (?=\S)/i, "", "Spanish"],
  [/^(?:la (?:risposta|soluzione)(?: corretta| finale)?|il risultato) è:? (?=\S)/i, "", "Italian"],
  [/^(?:a resposta(?: correta| final)?|o resultado) é:? (?=\S)/i, "", "Portuguese"],
  [/^(?:het (?:juiste )?antwoord|de oplossing) is:? (?=\S)/i, "", "Dutch"],
  [/^(?:odpowiedź|odpowiedzią|wynik) (?:to|jest):? (?=\S)/i, "", "Polish"],
  [/^(?:правильный )?(?:ответ|результат) -(?= )/i, "", "Russian"],
  [/^(?:正确|正確|最终|最終)?(?:答案|结果|結果)(?:是|为|為) ?:? ?(?=\S)/, "", "Chinese"],
  [/^(?:答え|答|回答|正解)は ?(.{1,200})です$/s, "$1", "Japanese"],
  [/^(?:정답|답)[은는] ?(.{1,200})입니다$/s, "$1", "Korean"],
  [/^(?:الجواب|الإجابة|الاجابة)(?: الصحيحة| الصحيح| النهائية)? (?:هو|هي):? (?=\S)/, "", "Arabic"],
];
