/**
 * Several methods vote: each replicate of a bundle tool guesses the language of a text by another rule. No model is
 * asked; the bundle shows where the rules disagree, and how far their majority can be trusted.
 */
import { defineBundleTool, Orchestrator, unwrap } from "steer-llm-sdk";
import { z } from "zod";

const languages = ["English", "German", "French"] as const;
type Language = (typeof languages)[number];

const commonWords: Record<Language, string[]> = {
  English: ["the", "and", "of", "to"],
  German: ["der", "und", "nicht", "das"],
  French: ["le", "et", "de", "les"],
};
const endings: Record<Language, RegExp> = {
  English: /(ing|ed|tion)\b/g,
  German: /(ung|en|lich)\b/g,
  French: /(ment|eux|ent)\b/g,
};
const letters: Record<Language, RegExp> = { English: /[wky]/g, German: /[äöüßz]/g, French: /[éèàçê]/g };

function most(score: (language: Language) => number): Language {
  return languages.toSorted((a, b) => score(b) - score(a))[0] as Language;
}

const methods = [
  (text: string) => most((language) => commonWords[language].filter((word) => text.split(/\W+/).includes(word)).length),
  (text: string) => most((language) => text.match(endings[language])?.length ?? 0),
  (text: string) => most((language) => text.match(letters[language])?.length ?? 0),
];

const guessLanguage = defineBundleTool({
  name: "guess_language",
  input: z.object({ text: z.string() }),
  schema: z.enum(languages),
  defaultOptions: { k: methods.length, stopping: "none" },
  async executeReplicate({ text }, { index }) {
    const method = methods[index % methods.length] as (text: string) => Language;
    return { data: method(text.toLowerCase()) };
  },
});

const texts = [
  "The people walked along the river and talked of nothing.",
  "Der Zug nach Wien fährt nicht am Sonntag, und das wissen alle.",
  "Les voyageurs attendent le train et regardent la pluie.",
  "The Zeitgeist of Vienna",
];

for (const text of texts) {
  const { summary } = unwrap(await new Orchestrator().run({ tool: guessLanguage, request: { text } })).evidenceBundle;
  const [votes] = summary.disagreements;
  const shown = votes?.values.map(({ value, support }) => `${support} ${value}`).join(", ") ?? "unanimous";
  console.log(`${summary.consensus} (confidence ${summary.confidence.toFixed(2)}; ${shown}): ${text}`);
}
