/** VitePress's configuration of the site. `scripts/docs-site.ts` copies it beside the pages, with `sidebar.json`. */
import { readFileSync } from "node:fs";
import { defineConfig } from "vitepress";
import { slugOf } from "../../scripts/rules/anchors.ts";
import { diagramOf } from "../../scripts/site/diagram.ts";

export default defineConfig({
  title: "steer-llm-sdk",
  description: "LLM work that has to be right, on a budget, on providers that fail.",
  lang: "en",
  outDir: "./.vitepress/dist",
  cacheDir: "./.vitepress/cache",
  // Every link is checked once the site is built, with its anchor.
  ignoreDeadLinks: true,
  // HTML in a page is a type parameter or a placeholder.
  markdown: {
    html: false,
    anchor: { slugify: slugOf },
    // `{{report}}` is what a reader is to see, not a variable of the page.
    config(markdown) {
      const { escapeHtml } = markdown.utils;
      markdown.renderer.rules["code_inline"] = (tokens, index) =>
        `<code v-pre>${escapeHtml(tokens[index]?.content ?? "")}</code>`;
      const { fence } = markdown.renderer.rules;
      markdown.renderer.rules.fence = (tokens, index, ...others) => {
        const { info, content } = tokens[index] ?? {};
        if (info !== "mermaid") return fence?.(tokens, index, ...others) ?? "";
        // A page's template may hold no style, so the picture comes in as a value.
        return `<div v-html="${escapeHtml(JSON.stringify(diagramOf(content ?? "")))}"></div>`;
      };
    },
  },
  themeConfig: {
    search: { provider: "local" },
    sidebar: JSON.parse(readFileSync(new URL("sidebar.json", import.meta.url), "utf8")),
    nav: [
      { text: "Guide", link: "/docs/guide/" },
      { text: "Reference", link: "/docs/reference/" },
      { text: "Evidence", link: "/docs/evidence" },
      { text: "Examples", link: "/examples/" },
    ],
    outline: [2, 3],
  },
});
