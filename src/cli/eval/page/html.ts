/** Text that is HTML, or SVG, already: only `html` and `markup` make it. */
class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type { Html };

/** Value in a template. Only values made by `html` and `markup` are taken for HTML. */
export type Insertion = Html | string | number | false | undefined | readonly Insertion[];

/** A template whose insertions are escaped, so that whatever a model wrote is shown as text. */
export function html(literals: TemplateStringsArray, ...insertions: readonly Insertion[]): Html {
  return new Html(literals.reduce((text, literal, index) => text + toHtml(insertions[index - 1]) + literal));
}

/** Marks a text of this package as HTML already: never one from outside. */
export function markup(text: string): Html {
  return new Html(text);
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

/** A drawing area in units of about a pixel, with room for labels around it. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export type Scale = (value: number) => number;

/** Maps values of a range to places in a frame. */
export function horizontal({ left, right, width }: Frame, from: number, to: number): Scale {
  return linear(from, to, left, width - right);
}

export function vertical({ top, bottom, height }: Frame, from: number, to: number): Scale {
  return linear(from, to, height - bottom, top);
}

function linear(from: number, to: number, start: number, end: number): Scale {
  return (value) => round(start + ((value - from) / (to - from || 1)) * (end - start));
}

/** A tenth of a unit is finer than a screen, and short to write. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export function chart({ width, height }: Frame, label: string, ...parts: readonly Insertion[]): Html {
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${parts}</svg>`;
}

/** Labels under a chart, each in its place, and what they count. */
export function bottomAxis(frame: Frame, x: Scale, ticks: readonly number[], title: string): Html {
  const y = frame.height - frame.bottom + 18;
  return html`${ticks.map((tick) => html`<text class="tick" x="${x(tick)}" y="${y}" text-anchor="middle">${tick}</text>`)}<text class="tick" x="${(frame.left + frame.width - frame.right) / 2}" y="${y + 20}" text-anchor="middle">${title}</text>`;
}

export function path(points: readonly (readonly [x: number, y: number])[]): string {
  return points.map(([x, y], index) => `${index === 0 ? "M" : "L"}${x} ${y}`).join("");
}
