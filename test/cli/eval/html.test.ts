import fc from "fast-check";
import { expect, test } from "vitest";
import { html } from "../../../src/cli/eval/page/html.ts";

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("<", ">", '"', "'", "&", "\0", "\ud800") }),
);

test("no insertion leaves its place: text from outside a template is escaped, in attributes too", () => {
  fc.assert(
    fc.property(text, (insertion) => {
      const inside = html`<p title="${insertion}">`.text.slice('<p title="'.length, -'">'.length);
      expect(inside).not.toMatch(/[<>"'\0]/);
      expect(inside.replace(/&(amp|lt|gt|quot|#39);/g, "")).not.toContain("&");
      expect(inside.isWellFormed()).toBe(true);
    }),
  );
});

test("lists are joined, templates stay as they are, and nothing is written of what is not there", () => {
  const items = ["a<b", "c"].map((item) => html`<li>${item}</li>`);
  expect(html`<ul>${items}${undefined}${false}${0}</ul>`.text).toBe("<ul><li>a&lt;b</li><li>c</li>0</ul>");
});

test("a value that only looks like a template's work is escaped", () => {
  expect(html`${{ text: "<b>" } as never}`.text).not.toContain("<b>");
});
