import type { EvidenceSource } from "../../../contract/model.ts";
import { cut, sourceNotices } from "../../progress/format.ts";
import { generator } from "../../view/page-file.ts";
import { type Html, html, markup } from "./html.ts";
import { style } from "./style.ts";

/** Contents of a page. */
export interface Document {
  readonly title: string;
  readonly body: Html;
}

const longestTitle = 200;

/** One page of HTML that needs nothing else. Markup that escaped the templates would still load and run nothing. */
export function renderDocument({ title, body }: Document): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
${markup(generator)}
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${cut(title, longestTitle)}</title>
<style>${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
  return page.text;
}

export function section(title: string, content: Html): Html {
  return html`<section><h2>${title}</h2>${content}</section>`;
}

/** Says where answers come from that no model was asked for now. */
export function sourceNotice(source: EvidenceSource): Html | false {
  const notice = sourceNotices[source];
  return notice !== undefined && html`<p class="notice ${source}">${notice}</p>`;
}
