import { renderMermaidSVG } from "beautiful-mermaid";

const colors = {
  bg: "var(--vp-c-bg)",
  fg: "var(--vp-c-text-1)",
  accent: "var(--vp-c-brand-1)",
  line: "var(--vp-c-text-3)",
};

/** The site's own font, drawn as narrow as the renderer takes it to be; no wider than the page. */
const style = "font-family: inherit; letter-spacing: -0.02em; } svg:has(marker) { max-width: 100%; height: auto";

/** Draws a Mermaid diagram as SVG in the colours of the page around it, light or dark. It asks no other site for a font. */
export function diagramOf(mermaid: string): string {
  const svg = renderMermaidSVG(mermaid, { ...colors, transparent: true });
  return svg.replaceAll(/@import url\([^)]*\);?/g, "").replaceAll(/font-family: ?[^;}]+/g, style);
}
