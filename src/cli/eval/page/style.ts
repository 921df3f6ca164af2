import { html } from "./html.ts";

/** Colours for light and dark, and nothing that has to be loaded. */
export const style = html`
:root {
  color-scheme: light dark;
  --paper: light-dark(#fafaf8, #14161a);
  --ink: light-dark(#1d2025, #e7e8ea);
  --soft: light-dark(#585e68, #a2a9b3);
  --hairline: light-dark(#e2e3e0, #2c3037);
  --agreed: light-dark(#0f766e, #4fc4b6);
  --other: light-dark(#ad4d0a, #f2a05f);
}
* { box-sizing: border-box; }
body {
  margin: 0;
  background: var(--paper);
  color: var(--ink);
  font: 15px/1.5 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, Inter, sans-serif;
  font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere;
}
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1, h2, p, figure { margin: 0; }
h1 { font-size: 1.75rem; line-height: 1.2; font-weight: 640; letter-spacing: -0.015em; text-wrap: balance; }
h2 { font-size: 1rem; font-weight: 640; }
section { margin-top: 2.25rem; }
section > h2 { padding-bottom: 0.4rem; margin-bottom: 0.9rem; border-bottom: 1px solid var(--hairline); }
.eyebrow { color: var(--agreed); font-size: 0.8125rem; font-weight: 640; margin-bottom: 0.3rem; }
.notice {
  margin-top: 1rem; padding: 0.4rem 0.75rem; border-radius: 0.375rem; font-size: 0.8125rem;
  color: var(--soft); background: color-mix(in srgb, var(--soft) 9%, transparent);
}
.notice.simulated { color: var(--other); background: color-mix(in srgb, var(--other) 9%, transparent); }
table { border-collapse: collapse; width: 100%; }
td, th { padding: 0.28rem 0.75rem 0.28rem 0; text-align: left; vertical-align: baseline; font-weight: 400; }
thead th { color: var(--soft); font-size: 0.8125rem; }
tr > :last-child { padding-right: 0; }
.number { text-align: right; white-space: nowrap; }
.scroll { overflow-x: auto; }
svg { display: block; width: 100%; height: auto; font-size: 11.5px; }
figcaption { margin-top: 0.7rem; max-width: 62ch; color: var(--soft); font-size: 0.8125rem; text-wrap: pretty; }
.grid { stroke: var(--hairline); }
.tick { fill: var(--soft); }
.whisker { stroke: var(--soft); opacity: 0.6; }
.line { fill: none; stroke: var(--agreed); stroke-width: 2.25; stroke-linejoin: round; stroke-linecap: round; }
.bin { fill: color-mix(in srgb, var(--other) 65%, transparent); }
.here { fill: var(--paper); stroke: var(--ink); stroke-width: 2.5; }
`;
