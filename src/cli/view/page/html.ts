/** Text that is HTML, or SVG, already: only `html` makes it. */
class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type { Html };

/** What may stand in a template: nothing of it is taken for HTML unless `html` made it. */
export type Insertion = Html | string | number | false | undefined | readonly Insertion[];

/** A template whose insertions are escaped, so that whatever a model wrote is shown as text. */
export function html(literals: TemplateStringsArray, ...insertions: readonly Insertion[]): Html {
  return new Html(literals.reduce((text, literal, index) => text + toHtml(insertions[index - 1]) + literal));
}

function toHtml(insertion: Insertion): string {
  if (insertion instanceof Html) return insertion.text;
  if (insertion === undefined || insertion === false) return "";
  return Array.isArray(insertion) ? insertion.map(toHtml).join("") : escapeHtml(String(insertion));
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Control characters but for line breaks and tabs, and those that turn the direction of the text around them. */
const unfit = /[^\P{Cc}\t\n]|[\u202a-\u202e\u2066-\u2069]/gu;

function escapeHtml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[&<>"']/g, (character) => entities[character] as string)
    .replace(unfit, "\ufffd");
}
