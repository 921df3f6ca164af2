import { html } from "./html.ts";

/** Colours for light and dark, type that reads well, and nothing that has to be loaded. */
export const style = html`
:root {
  color-scheme: light dark;
  --paper: light-dark(#fbfbf9, #14161a);
  --raised: light-dark(#ffffff, #1b1e23);
  --ink: light-dark(#1d2025, #e7e8ea);
  --soft: light-dark(#5d636d, #9aa1ab);
  --hairline: light-dark(#e3e4e1, #2c3037);
  --agreed: light-dark(#0f766e, #4fc4b6);
  --other: light-dark(#ad4d0a, #f2a05f);
  --heat: light-dark(#b8500a, #dd8d50);
  --bad: light-dark(#b4232f, #ff8f8f);
}
* { box-sizing: border-box; }
body {
  margin: 0;
  background: var(--paper);
  color: var(--ink);
  font: 16px/1.55 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, Inter, sans-serif;
  font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere;
}
main { max-width: 60rem; margin: 0 auto; padding: 3.5rem 1.5rem 5rem; }
h1, h2, h3, p, dl, dd, figure, pre { margin: 0; }
h1 { font-size: 2.4rem; line-height: 1.15; font-weight: 650; letter-spacing: -0.025em; text-wrap: balance; }
h2 { font-size: 1.05rem; font-weight: 650; letter-spacing: -0.005em; }
h3 { font-size: 1rem; font-weight: 600; display: flex; flex-wrap: wrap; gap: 0 0.75rem; align-items: baseline; }
section { margin-top: 3rem; }
section > h2 { padding-bottom: 0.55rem; margin-bottom: 1.1rem; border-bottom: 1px solid var(--hairline); }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.875em; }
pre { white-space: pre-wrap; }
small { font-size: 0.5em; font-weight: 500; color: var(--soft); letter-spacing: 0; }
.eyebrow { color: var(--agreed); font-size: 0.8rem; font-weight: 650; letter-spacing: 0.04em; margin-bottom: 0.4rem; }
.model, .facts, .more, figcaption { color: var(--soft); }
.facts, .more, figcaption { font-size: 0.85rem; font-weight: 400; line-height: 1.5; }
.model { margin-top: 0.35rem; }
.bad { color: var(--bad); }
.notice {
  margin-top: 1.1rem; padding: 0.55rem 0.9rem; border-radius: 0.5rem; font-size: 0.9rem;
  color: var(--soft); background: color-mix(in srgb, var(--soft) 9%, transparent);
}
.notice.simulated { color: var(--other); background: color-mix(in srgb, var(--other) 9%, transparent); }
.input { margin-top: 1.1rem; font-size: 0.9rem; }
p.input { color: var(--soft); }
.input pre { margin-top: 0.6rem; color: var(--soft); }
.verdict { margin-top: 2rem; display: grid; gap: 1.75rem 2.5rem; }
.consensus { padding: 1.3rem 1.5rem; background: var(--raised); border: 1px solid var(--hairline); border-radius: 0.75rem; }
.consensus h2 { color: var(--soft); font-size: 0.8rem; margin-bottom: 0.5rem; }
.consensus pre { max-height: 30rem; overflow: auto; }
.consensus .prose { font: 500 1.35rem/1.45 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, Inter, sans-serif; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: 1.5rem; }
.figures dt { color: var(--soft); font-size: 0.85rem; }
.figures dd:not(.facts) { font-size: 1.75rem; line-height: 1.3; white-space: nowrap; font-weight: 600; letter-spacing: -0.02em; }
.figures .meter { margin: 0.35rem 0 0.5rem; height: 4px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 0 3rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.925rem; }
td, th { padding: 0.3rem 0.75rem 0.3rem 0; text-align: left; vertical-align: baseline; font-weight: 400; }
thead th { color: var(--soft); font-size: 0.8rem; }
tr > :last-child { padding-right: 0; }
.number { text-align: right; white-space: nowrap; }
tbody th { white-space: nowrap; }
.votes { table-layout: fixed; }
.votes .number { width: 3.5rem; }
.wide { width: 34%; vertical-align: top; }
.wide .meter { margin-top: 0.45rem; }
.said { unicode-bidi: isolate; }
q { quotes: none; }
.ids { color: var(--soft); font-size: 0.85rem; width: 30%; }
.field + .field, .field + table { margin-top: 1.6rem; }
.agreed-fields tbody th { white-space: normal; }
.agreed-fields tbody tr { border-top: 1px solid var(--hairline); }
.more { margin-top: 0.5rem; }
svg { display: block; width: 100%; height: auto; font-size: 11.5px; }
.pair svg { max-width: 27rem; }
.beside { display: grid; grid-template-columns: minmax(0, 30rem) minmax(12rem, 1fr); gap: 1rem 2.5rem; }
figcaption p + p { margin-top: 0.7rem; }
figcaption { margin-top: 0.8rem; max-width: 62ch; text-wrap: pretty; }
.meter { height: 9px; border-radius: 2px; overflow: hidden; }
.rail { fill: var(--hairline); }
.agreed { fill: var(--agreed); }
.other { fill: var(--other); }
.muted { fill: color-mix(in srgb, var(--soft) 55%, transparent); }
.grid { stroke: var(--hairline); }
.tick { fill: var(--soft); }
.value { fill: var(--ink); font-weight: 600; font-size: 13px; }
.scroll { overflow-x: auto; }
.whisker { stroke: var(--soft); stroke-width: 1; opacity: .6; }
.line { fill: none; stroke: var(--agreed); stroke-width: 2.25; stroke-linejoin: round; stroke-linecap: round; }
.dot { fill: var(--agreed); stroke: var(--paper); stroke-width: 2; }
.dot.invalid { fill: var(--paper); stroke: var(--bad); }
.unused { fill: color-mix(in srgb, var(--soft) 9%, transparent); }
.cell { fill: var(--heat); }
.missing { fill: none; stroke: var(--hairline); }
.diagonal { stroke: var(--soft); stroke-dasharray: 4 5; }
.bin { fill: color-mix(in srgb, var(--other) 65%, transparent); }
.here { fill: var(--paper); stroke: var(--ink); stroke-width: 2.5; }
.answers { border-bottom: 1px solid var(--hairline); }
details > summary { cursor: pointer; }
.answers details + details { border-top: 1px solid var(--hairline); }
.answers summary {
  display: grid; grid-template-columns: 3.2rem minmax(0, 1fr) auto; gap: 0 0.75rem; align-items: baseline;
  padding: 0.5rem 0; list-style: none;
}
.answers summary::-webkit-details-marker { display: none; }
.answers summary:hover { background: color-mix(in srgb, var(--soft) 7%, transparent); }
.answers pre, .answers ul { margin: 0 0 0.9rem 3.95rem; max-height: 24rem; overflow: auto; }
.answers ul { padding-left: 1.1rem; color: var(--soft); font-size: 0.875rem; }
.answers i { color: var(--soft); }
.origin div { display: grid; grid-template-columns: 11rem minmax(0, 1fr); gap: 0 1rem; padding: 0.3rem 0; font-size: 0.925rem; }
.origin dt { color: var(--soft); }
:focus-visible { outline: 2px solid var(--agreed); outline-offset: 3px; border-radius: 2px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.contested tbody th { white-space: normal; }
.asked { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
[open] > summary .asked { -webkit-line-clamp: none; }
.said > .facts { display: block; margin-top: 0.15rem; }
.failed, .answers .unsure summary { display: grid; grid-template-columns: 7.2rem minmax(0, 1fr) 5rem; gap: 0 0.75rem; align-items: baseline; }
.failed { padding: 0.5rem 0; }
.failed + .failed { border-top: 1px solid var(--hairline); }
.failed .said { grid-column: 2 / 4; }
.unsure summary b::before { content: "▸ " / ""; color: var(--soft); }
.unsure[open] summary b::before { content: "▾ " / ""; }
.unsure > div { margin: 0.25rem 0 1.5rem 7.95rem; }
.unsure .field { margin-top: 1rem; }
.unsure > div > .facts { margin-top: 0.8rem; }
.sure { text-align: right; font-weight: 600; }
.sure .meter { height: 4px; margin-top: 0.25rem; }
nav { display: flex; flex-wrap: wrap; gap: 0.75rem; align-items: center; margin-top: 0.9rem; font-size: 0.9rem; }
nav[hidden] { display: none; }
button, nav input {
  font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--hairline); border-radius: 0.4rem; padding: 0.25rem 0.7rem;
}
nav input { width: 5.5rem; }
button { cursor: pointer; }
button[aria-disabled="true"] { color: var(--soft); cursor: default; opacity: 0.6; }
@media (max-width: 40rem) {
  .beside { grid-template-columns: 1fr; }
  main { padding: 2rem 1.1rem 3rem; }
  h1 { font-size: 1.9rem; }
  .answers summary { grid-template-columns: 3.2rem minmax(0, 1fr); }
  .answers summary .facts { grid-column: 2; }
  .ids, .contested .wide { display: none; }
  .failed, .answers .unsure summary { grid-template-columns: minmax(0, 1fr) 5rem; }
  .failed .said, .answers .unsure .said { grid-column: 1 / 3; grid-row: 2; }
  .unsure > div { margin-left: 0; }
  .origin div { grid-template-columns: 1fr; }
}
@media print { .answers details, .field { break-inside: avoid; } }
`;
