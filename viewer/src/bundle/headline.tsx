import { sourceNotices } from "../../../src/cli/progress/format.ts";
import { showInput } from "../../../src/cli/report/excerpt.ts";
import { modelsOf } from "../../../src/cli/view/facts.ts";
import type { RunDetail, RunRow } from "../../../src/cli/view/viewer-data.ts";
import type { Service, Source } from "../data/source.ts";
import { Badge, CopyButton, cutLine, download } from "../parts.tsx";
import { addressOf, goTo } from "../place.ts";
import { Reading } from "../reading.tsx";
import { toTypeScript } from "./copy.ts";

interface HeadlineProps {
  readonly source: Source;
  readonly id: string;
  /** True where the page holds nothing else. */
  readonly isAlone: boolean;
  readonly row: RunRow | undefined;
  readonly detail: RunDetail | null | undefined;
}

/** Longer inputs are shown whole where they are opened. */
const longestAsked = 240;

/** Says what was asked, of whom, how it stands, and what can be done with the run. */
export function Headline({ source, row, detail, id, isAlone }: HeadlineProps) {
  const { service } = source;
  const bundle = detail?.bundle;
  const input = detail?.input;
  const line = input === undefined ? (row?.input ?? "") : showInput(input);
  const tool = bundle?.meta.task ?? row?.tool ?? "";
  const models = bundle ? modelsOf(bundle) : "";
  const origin = bundle?.meta.source && bundle.meta.source !== "live" && bundle.meta.source;
  const facts = [tool, ...(models === tool ? [] : [models]), ...(isAlone ? [] : [`${service ? "run" : "line"} ${id}`])];
  const hasFields = typeof input === "object" && input !== null && Object.keys(input).length > 1;
  const hasMore = hasFields || line.length > longestAsked || line.endsWith("…");
  return (
    <header class="run-head">
      <p class="soft said">
        {facts
          .filter((fact) => fact !== "")
          .map((fact) => cutLine(fact, 120))
          .join(" · ")}
      </p>
      <h1 class={line.length > 120 ? "said long" : "said"}>{line === "" ? cutLine(tool, 200) : line}</h1>
      <div class="badges">
        {row && <Badge state={row.isRetrying ? "retrying" : row.status} />}
        {row?.accepted !== undefined && (
          <Badge state={row.accepted === true ? "accepted" : row.accepted === false ? "refused" : "review"} />
        )}
        {origin && <span class={`notice ${origin}`}>{sourceNotices[origin]}</span>}
        <span class="actions">
          {row && service && <RunAction row={row} service={service} />}
          {input !== undefined && (
            <CopyButton text={() => toTypeScript(tool, input, bundle)}>Copy as TypeScript</CopyButton>
          )}
          {service && input !== undefined && (
            <CopyButton text={() => service.toCurl(tool, input)}>Copy as curl</CopyButton>
          )}
          {detail && <DownloadButton title={source.page.title} id={id} detail={detail} />}
        </span>
      </div>
      {service?.strip.value.problem !== undefined && (
        <p class="bad said" role="alert">
          {service.strip.value.problem}
        </p>
      )}
      {input !== undefined && hasMore && (
        <details class="input">
          <summary>The whole input</summary>
          <div class="card">
            <Reading value={input} />
          </div>
        </details>
      )}
    </header>
  );
}

function RunAction({ row: { id, status }, service }: { readonly row: RunRow; readonly service: Service }) {
  const isRunning = status === "running";
  const act = async () => {
    if (isRunning) return service.cancel(id);
    const next = await service.runAgain(id);
    if (next !== undefined) goTo(addressOf("run", next));
  };
  return (
    <button type="button" onClick={() => void act()}>
      {isRunning ? "Cancel" : "Run again"}
    </button>
  );
}

interface DownloadProps {
  readonly title: string;
  readonly id: string;
  readonly detail: RunDetail;
}

function DownloadButton({ title, id, detail: { input, bundle, error } }: DownloadProps) {
  const save = () =>
    download(
      `${cutLine(title, 40).replace(/[^\w-]+/g, "-")}-${id}.json`,
      `${JSON.stringify({ input, evidenceBundle: bundle, error }, null, 2)}\n`,
      "application/json",
    );
  return (
    <button type="button" onClick={save}>
      JSON
    </button>
  );
}
