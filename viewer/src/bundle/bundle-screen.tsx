import { useEffect, useMemo } from "preact/hooks";
import {
  answersOf,
  counted,
  hasConfidence,
  percent,
  showConfidence,
  showCount,
  showShare,
  showUsd,
} from "../../../src/cli/progress/format.ts";
import { showInput } from "../../../src/cli/report/excerpt.ts";
import {
  fixedKNames,
  isStoppedByRule,
  isWithoutLabels,
  modelsOf,
  showBasis,
  showElapsed,
  showFailedCalls,
} from "../../../src/cli/view/facts.ts";
import type { RunDetail, RunRow, ViewerPage } from "../../../src/cli/view/viewer-data.ts";
import { CalibrationChart, CostBars, HeatMap, TraceChart } from "../charts.tsx";
import { noService } from "../data/api.ts";
import type { Source } from "../data/source.ts";
import { filtered, filtersIn } from "../list/filters.ts";
import { notices } from "../list/job-panel.tsx";
import { Badge, CopyButton, cutLine, download, Figure, isTyping, Section, textOf } from "../parts.tsx";
import { addressOf, goTo, place } from "../place.ts";
import { Answers } from "./answers.tsx";
import { toTypeScript } from "./copy.ts";
import { Timeline } from "./timeline.tsx";
import { Votes } from "./votes.tsx";

interface BundleProps {
  readonly source: Source;
  readonly id: string;
  /** True where the page holds nothing else. */
  readonly isAlone: boolean;
}

/** One run: its consensus, who said what, how sure, why it stopped, what it took. */
export function BundleScreen({ source, id, isAlone }: BundleProps) {
  const row = source.rows.value.find((each) => each.id === id);
  const detail = source.detail(id).value;
  useEffect(() => {
    document.documentElement.dataset["screen"] = "run";
    scrollTo(0, 0);
  }, [id]);
  if (!row && !detail)
    return (
      <div class="screen">
        <h1>
          {detail === null
            ? `No run ${cutLine(id, 40)}`
            : source.service?.strip.value.isConnected === false
              ? noService
              : "…"}
        </h1>
        <p>
          <a href={addressOf("runs")}>All runs</a>
        </p>
      </div>
    );
  return (
    <div class="screen">
      {!isAlone && <Ways source={source} id={id} />}
      <Headline source={source} row={row} detail={detail} id={id} isAlone={isAlone} />
      {detail === null && <NotHeld row={row} command={source.commandOf?.(id)} />}
      {detail?.error && (
        <p class="notice failed said">
          <b>{detail.error.category ?? detail.error.type}</b>: {textOf(detail.error.message)}
        </p>
      )}
      {detail?.bundle && <Bundle detail={detail} bundle={detail.bundle} page={source.page} />}
      {detail?.isShortened && source.commandOf && (
        <p class="soft">
          Long texts are cut. <code class="said">{source.commandOf(id)}</code> shows what is in the file.
        </p>
      )}
    </div>
  );
}

/** Ways to the list and to the runs beside this one, by link and by key. */
function Ways({ source, id }: Pick<BundleProps, "source" | "id">) {
  const { query } = place.value;
  const rows = source.rows.value;
  const shown = useMemo(
    () => filtered(rows, filtersIn(query, source.service ? "newest" : "unsure")),
    [rows, query.toString()],
  );
  const at = shown.findIndex((each) => each.id === id);
  const [before, after] = [shown[at - 1], at === -1 ? undefined : shown[at + 1]];
  useEffect(() => {
    const follow = (event: KeyboardEvent) => {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const next =
        event.key === "n" || event.key === "]" ? after : event.key === "p" || event.key === "[" ? before : undefined;
      if (next) goTo(addressOf("run", next.id));
      else if (event.key === "Escape") goTo(addressOf("runs"));
    };
    addEventListener("keydown", follow);
    return () => removeEventListener("keydown", follow);
  }, [before?.id, after?.id]);
  return (
    <nav class="ways" aria-label="Runs beside this one">
      <a href={addressOf("runs")}>← Runs</a>
      <span class="actions">
        {before && (
          <a href={addressOf("run", before.id)} aria-keyshortcuts="p">
            Previous <kbd>p</kbd>
          </a>
        )}
        {at !== -1 && (
          <span class="soft">
            {showCount(at + 1)} of {showCount(shown.length)}
          </span>
        )}
        {after && (
          <a href={addressOf("run", after.id)} aria-keyshortcuts="n">
            Next <kbd>n</kbd>
          </a>
        )}
      </span>
    </nav>
  );
}

interface HeadlineProps extends BundleProps {
  readonly row: RunRow | undefined;
  readonly detail: RunDetail | null | undefined;
}

/** Longer inputs are shown whole where they are opened. */
const longestAsked = 240;

function Headline({ source, row, detail, id, isAlone }: HeadlineProps) {
  const { service, page } = source;
  const bundle = detail?.bundle;
  const input = detail?.input;
  const line = input === undefined ? (row?.input ?? "") : showInput(input);
  const tool = bundle?.meta.task ?? row?.tool ?? "";
  const origin = bundle?.meta.source && bundle.meta.source !== "live" && bundle.meta.source;
  return (
    <header class="run-head">
      <p class="soft said">
        {cutLine(tool, 120)}
        {bundle && ` · ${cutLine(modelsOf(bundle), 120)}`}
        {!isAlone && ` · ${service ? "run" : "line"} ${cutLine(id, 40)}`}
      </p>
      <h1 class={line.length > 120 ? "said long" : "said"}>{line === "" ? cutLine(tool, 200) : line}</h1>
      <p class="badges">
        {row && <Badge state={row.isRetrying ? "retrying" : row.status} />}
        {row?.accepted !== undefined && (
          <Badge state={row.accepted === true ? "accepted" : row.accepted === false ? "refused" : "review"} />
        )}
        {origin && <span class={`notice ${origin}`}>{notices[origin]}</span>}
        <span class="actions">
          {row && service && (
            <button
              type="button"
              onClick={() =>
                void (row.status === "running"
                  ? service.cancel(id)
                  : service.runAgain(id).then((next) => next !== undefined && goTo(addressOf("run", next))))
              }
            >
              {row.status === "running" ? "Cancel" : "Run again"}
            </button>
          )}
          {input !== undefined && (
            <CopyButton text={() => toTypeScript(tool, input, bundle)}>Copy as TypeScript</CopyButton>
          )}
          {service && input !== undefined && (
            <CopyButton text={() => service.toCurl(tool, input)}>Copy as curl</CopyButton>
          )}
          {detail && (
            <button
              type="button"
              onClick={() =>
                download(
                  `${cutLine(page.title, 40).replace(/[^\w-]+/g, "-")}-${id}.json`,
                  `${JSON.stringify({ input: detail.input, evidenceBundle: bundle, error: detail.error }, null, 2)}\n`,
                  "application/json",
                )
              }
            >
              JSON
            </button>
          )}
        </span>
      </p>
      {service?.strip.value.problem !== undefined && (
        <p class="bad said" role="alert">
          {service.strip.value.problem}
        </p>
      )}
      {input !== undefined && (line.length > longestAsked || line.endsWith("…")) && (
        <details class="input">
          <summary>The whole input</summary>
          <pre tabIndex={0}>{textOf(input)}</pre>
        </details>
      )}
    </header>
  );
}

function NotHeld({ row, command }: { readonly row: RunRow | undefined; readonly command: string | undefined }) {
  return (
    <section class="card">
      <h2>Answer</h2>
      <p class="said">{row?.said}</p>
      {row?.votes !== undefined && <p class="soft said">{row.votes}</p>}
      <p class="soft">
        This page holds the least sure runs whole, and this one as a line.
        {command !== undefined && (
          <>
            {" "}
            <code class="said">{command}</code> shows every answer.
          </>
        )}
      </p>
    </section>
  );
}

interface ShownBundle {
  readonly detail: RunDetail;
  readonly bundle: NonNullable<RunDetail["bundle"]>;
}

function Bundle({ detail, bundle, page }: ShownBundle & { readonly page: Omit<ViewerPage, "rows" | "total"> }) {
  const { summary, meta } = bundle;
  const { trace, map, cost, counts, moments } = detail;
  return (
    <>
      <div class="verdict">
        <Consensus bundle={bundle} isRunning={moments?.isRunning ?? false} />
        <Figures detail={detail} bundle={bundle} />
      </div>
      <p class="stopped">
        <b>
          {moments?.isRunning
            ? "Still asking"
            : meta.k === 0
              ? "Ended early"
              : meta.earlyStopped || meta.earlyStopReason
                ? isStoppedByRule(meta)
                  ? "Stopped here because"
                  : "Cut off:"
                : "Asked to the end"}
        </b>{" "}
        <span class="said">
          {moments?.isRunning
            ? `${counts?.answers ?? 0} of the ${Object.keys(moments.replicates).length} answers that were asked for are there`
            : meta.k === 0
              ? `${counted(bundle.replicates.length, "answer")} had come`
              : cutLine(meta.earlyStopReason ?? "", 300) || `all ${meta.k} were asked for`}
        </span>
        {meta.escalations?.map(({ from, replicateIds, confidence }) => (
          <span key={from} class="soft said">
            {" "}
            Escalated from {cutLine(from, 80)} after {replicateIds.slice(0, 20).join(" ")}, with a confidence of{" "}
            {showShare(confidence)}.
          </span>
        ))}
      </p>
      {summary.validCount > 0 && (
        <Votes summary={summary} k={meta.k} answers={counts?.answers ?? bundle.replicates.length} />
      )}
      <Answers bundle={bundle} total={counts?.answers ?? bundle.replicates.length} />
      <div class="pair">
        {trace && summary.validCount > 0 && (
          <Section title="As answers arrived">
            <TraceChart trace={trace} k={meta.k} isSettled={isStoppedByRule(meta)} />
          </Section>
        )}
        {cost && (
          <Section title="Cost against a fixed K">
            <CostBars cost={cost} names={fixedKNames(cost)} />
          </Section>
        )}
      </div>
      <Timeline bundle={bundle} detail={detail} />
      <div class="pair">
        {map && (
          <Section title="Distance of the answers" class="distances">
            <HeatMap map={map} />
          </Section>
        )}
        {page.calibration && (
          <Section title="What confidence has meant">
            <CalibrationChart calibration={page.calibration} />
          </Section>
        )}
        <Origin bundle={bundle} />
      </div>
    </>
  );
}

function Consensus({ bundle: { summary }, isRunning }: Pick<ShownBundle, "bundle"> & { readonly isRunning: boolean }) {
  const { consensusJson, consensus, validCount, medoidId } = summary;
  const given = consensusJson ?? consensus;
  return (
    <section class="card consensus">
      <h2>{isRunning ? "Consensus so far" : "Consensus"}</h2>
      {validCount === 0 ? (
        <p class="bad">{isRunning ? "No answer is valid yet." : "No answer is valid."}</p>
      ) : (
        <pre class={typeof given === "string" ? "prose said" : "said"} tabIndex={0}>
          {textOf(given)}
        </pre>
      )}
      {medoidId !== undefined && (
        <p class="soft">As {cutLine(medoidId, 12)} gave it: the fields put together do not fit the schema.</p>
      )}
    </section>
  );
}

function Figures({ detail: { counts }, bundle }: ShownBundle) {
  const { summary, meta, costTotalUsd } = bundle;
  const { confidence, calibratedConfidence, stability, invalidCount, validCount, weakest, allRight } = summary;
  const { disagreements } = summary;
  const asked = counts?.answers ?? bundle.replicates.length;
  const failedCalls = counts?.failedCalls ?? 0;
  const answers = asked - failedCalls;
  const invalid = invalidCount - failedCalls;
  const faults = [
    ...(failedCalls > 0 ? [showFailedCalls(failedCalls)] : []),
    ...(invalid > 0 ? [`${showCount(invalid)} not valid`] : []),
  ];
  const fields = counts?.fields ?? Object.keys(summary.fields).length;
  const contested = new Set(disagreements.map(({ path }) => path)).size;
  const isSure = hasConfidence(summary);
  return (
    <dl class="figures">
      <Figure
        name="Confidence"
        value={showConfidence(summary)}
        share={isSure ? (calibratedConfidence ?? confidence) : undefined}
      >
        {isWithoutLabels(summary) ? `learnt from labels; ${showShare(confidence)} without them` : showBasis(summary)}
      </Figure>
      {validCount > 1 && asked < meta.k && (
        <Figure name="Stability" value={showShare(stability)} share={stability}>
          that the rest of K would keep it
        </Figure>
      )}
      <Figure
        name="Answers"
        value={
          <>
            {showCount(answers)}
            {meta.k > 0 && <small> of {showCount(meta.k)}</small>}
          </>
        }
      >
        {faults.length > 0 ? faults.join(", ") : answersOf(answers, meta.source ?? "live")}
      </Figure>
      {fields > 1 && isSure && allRight !== undefined && (
        <Figure name="All fields right" value={showShare(allRight)} share={allRight}>
          {confidence === allRight ? "that no field is wrong" : "the confidence is the mean of the fields"}
        </Figure>
      )}
      {fields > 1 && validCount > 1 && (
        <Figure
          name="Agreed"
          value={
            <>
              {showCount(fields - contested)}
              <small> of {counted(fields, "field")}</small>
            </>
          }
        >
          {isSure && `the weakest has confidence ${showShare(weakest)}`}
        </Figure>
      )}
      <Figure name="Cost" value={costTotalUsd === null ? "unknown" : showUsd(costTotalUsd)}>
        {asked < meta.k &&
          isStoppedByRule(meta) &&
          `${percent(1 - asked / meta.k)} fewer answers than always ${meta.k}`}
      </Figure>
    </dl>
  );
}

const mostSeeds = 40;

function Origin({ bundle: { meta } }: Pick<ShownBundle, "bundle">) {
  const seeds = `${meta.seeds.slice(0, mostSeeds).join(" ")}${meta.seeds.length > mostSeeds ? " …" : ""}`;
  const facts: (readonly [string, string | undefined])[] = [
    ["Source", meta.source],
    ["Models asked", meta.model],
    ["Schema", meta.schemaUri],
    ["Schema fingerprint", meta.schemaFingerprint],
    ["Time", showElapsed(meta.totalElapsedMs)],
    ["Seeds", seeds],
  ];
  return (
    <Section title="Origin">
      <dl class="facts">
        {facts.map(
          ([name, value]) =>
            value !== undefined &&
            value !== "" && (
              <div key={name}>
                <dt>{name}</dt>
                <dd class="said">{cutLine(value, 300)}</dd>
              </div>
            ),
        )}
      </dl>
    </Section>
  );
}
