import { type Html, html, markup } from "./html.ts";

/** A list of which a page shows a part at a time. */
export interface PagedList {
  /** Says what is listed: "the least sure". */
  readonly name: string;
  /** Rows that the document holds. */
  readonly rows: readonly Html[];
  readonly perPage: number;
}

/**
 * The first rows of a list, and the others as data: a list of ten thousand rows opens as fast as one of fifty. Without its
 * script a page shows the first rows alone.
 */
export function pagedList({ name, rows, perPage }: PagedList): Html {
  const pages = Array.from({ length: Math.ceil(rows.length / perPage) }, (_, page) =>
    rows.slice(page * perPage, (page + 1) * perPage),
  );
  if (pages.length < 2) return html`<div class="answers">${rows}</div>`;
  return html`<div data-paged>
<div class="answers" data-rows>${pages[0]}</div>
<nav aria-label="Pages of ${name}" hidden>
<button type="button" data-step="-1">Back</button>
<label>Page <input type="number" min="1" max="${pages.length}" value="1"> of ${pages.length}</label>
<button type="button" data-step="1">Next</button>
<span role="status" class="facts"></span>
</nav>
<noscript><p class="more">… and ${rows.length - perPage} more, which take a script to be shown.</p></noscript>
${pages.slice(1).map(
  (page) => html`<script type="application/json">${dataOf(page)}</script>
`,
)}</div>`;
}

/** Markup as JSON in a script element: nothing in it can end the element, or begin a comment that hides its end. */
function dataOf(rows: readonly Html[]): Html {
  return markup(JSON.stringify(html`${rows}`.text).replaceAll("</", "<\\/").replaceAll("<!", "\\u003c!"));
}

/** Turns the pages of all lists. The markup that it puts in was escaped by the templates. */
export const pagingScript = `
for (const list of document.querySelectorAll("[data-paged]")) {
  const rows = list.querySelector("[data-rows]");
  const pages = [rows.innerHTML, ...list.querySelectorAll("script")];
  const nav = list.querySelector("nav");
  const field = nav.querySelector("input");
  const status = nav.querySelector("[role=status]");
  const show = (wanted) => {
    const page = Math.min(pages.length, Math.max(1, Math.round(wanted) || 1));
    const content = pages[page - 1];
    rows.innerHTML = typeof content === "string" ? content : JSON.parse(content.textContent);
    field.value = page;
    status.textContent = "Page " + page + " of " + pages.length;
    for (const button of nav.querySelectorAll("button"))
      button.setAttribute("aria-disabled", String(page + Number(button.dataset.step) < 1 || page + Number(button.dataset.step) > pages.length));
  };
  nav.addEventListener("click", ({ target }) => {
    if (target.dataset.step) show(Number(field.value) + Number(target.dataset.step));
  });
  field.addEventListener("change", () => show(Number(field.value)));
  show(1);
  status.textContent = "";
  nav.hidden = false;
}
`;
