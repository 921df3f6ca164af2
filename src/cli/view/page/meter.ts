import { round } from "./chart.ts";
import { type Html, html } from "./html.ts";

/** A share as a bar that fills its place. */
export function meter(share: number, kind: "agreed" | "other" | "muted"): Html {
  const width = round(Math.max(0, Math.min(1, share)) * 100);
  return html`<svg class="meter" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="rail" width="100" height="10"/><rect class="${kind}" width="${width}" height="10"/></svg>`;
}
