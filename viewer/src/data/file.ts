import { type ReadonlySignal, signal } from "@preact/signals";
import type { ReviewData, RunDetail, ViewerPage } from "../../../src/cli/view/viewer-data.ts";
import type { Source } from "./source.ts";

/** Opens the data that stand in this document; `undefined` where there are none. */
export async function openFile(document: Document): Promise<Source | undefined> {
  const parts = new Map(
    [...document.querySelectorAll<HTMLElement>("script[data-part]")].map((element) => [
      element.dataset["part"],
      element,
    ]),
  );
  const head = parts.get("page");
  if (!head) return undefined;
  const { rows, total, ...page } = await unpacked<Omit<ViewerPage, "review">>(head.textContent);
  const opened = new Map<string, ReadonlySignal<RunDetail | null | undefined>>();
  // The list is there first.
  const review = signal<ReviewData | undefined>(undefined);
  const judged = parts.get("review");
  if (judged) setTimeout(async () => (review.value = await unpacked<ReviewData>(judged.textContent)));
  const file = page.file.replace(/:\d+$/, "");
  return {
    page,
    rows: signal(rows),
    total: signal(total),
    review,
    runOf: ({ line }) => String(line),
    detail(id) {
      const known = opened.get(id);
      if (known) return known;
      const part = parts.get(`run ${id}`);
      const detail = signal<RunDetail | null | undefined>(part ? undefined : null);
      if (part) void unpacked<RunDetail>(part.textContent).then((value) => (detail.value = value));
      opened.set(id, detail);
      return detail;
    },
    commandOf: (id) => `steer view ${file}${page.report ? ` --line ${id}` : ""}`,
  };
}

/** Reads a part as `packed` wrote it. */
async function unpacked<T>(text: string | null): Promise<T> {
  const binary = atob(text ?? "");
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return (await new Response(stream).json()) as T;
}
