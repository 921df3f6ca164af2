import { useEffect, useMemo } from "preact/hooks";
import { showCount } from "../../../src/cli/progress/format.ts";
import { fixedKNames } from "../../../src/cli/view/expense.ts";
import { showElapsed } from "../../../src/cli/view/facts.ts";
import { isStoppedByRule } from "../../../src/cli/view/stop-reason.ts";
import type { RunRow, ViewerPage } from "../../../src/cli/view/viewer-data.ts";
import { HeatMap, TraceChart } from "../charts/answers.tsx";
import { CalibrationChart } from "../charts/job.tsx";
import { Ceilings, CostBars } from "../cost.tsx";
import { noService } from "../data/api.ts";
import type { Source } from "../data/source.ts";
import { filtered, filtersIn } from "../list/filters.ts";
import { cutLine, isTyping, Section, textOf } from "../parts.tsx";
import { addressOf, goTo, place } from "../place.ts";
import { Answers } from "./answers.tsx";
import { Headline } from "./headline.tsx";
import { Timeline } from "./timeline.tsx";
import { type ShownBundle, Verdict } from "./verdict.tsx";
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
  if (!row && !detail) return <NotThere source={source} id={id} isKnown={detail === null} />;
  return (
    <div class="screen">
      {!isAlone && <Ways source={source} id={id} />}
      <Headline source={source} row={row} detail={detail} id={id} isAlone={isAlone} />
      {detail === undefined && <p class="soft">Asking for its answers …</p>}
      {detail === null && <NotHeld row={row} command={source.commandOf?.(id)} />}
      {detail?.error && (
        <p class="notice failed said">
          <b>{detail.error.category ?? detail.error.type}</b>: {textOf(detail.error.message)}
        </p>
      )}
      {detail?.bundle && <Bundle detail={detail} bundle={detail.bundle} page={source.page} />}
      {detail && !detail.bundle && <Timeline detail={detail} />}
      {detail?.isShortened && source.commandOf && (
        <p class="soft">
          Long texts are cut. <code class="said">{source.commandOf(id)}</code> shows what is in the file.
        </p>
      )}
    </div>
  );
}

interface NotThereProps extends Omit<BundleProps, "isAlone"> {
  /** True where it is known that there is no such run. */
  readonly isKnown: boolean;
}

function NotThere({ source, id, isKnown }: NotThereProps) {
  const title = isKnown
    ? `No run ${cutLine(id, 40)}`
    : source.service?.strip.value.isConnected === false
      ? noService
      : "Opening the run …";
  return (
    <div class="screen">
      <h1>{title}</h1>
      {isKnown && (
        <p class="soft">
          {source.service ? "The service keeps no run of this id (any more)." : "The file has no such line."}
        </p>
      )}
      <p>
        <a href={addressOf("runs")}>All runs</a>
      </p>
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

function Bundle({ detail, bundle, page }: ShownBundle & { readonly page: Omit<ViewerPage, "rows" | "total"> }) {
  const { summary, meta } = bundle;
  const { trace, map, counts, moments } = detail;
  const answers = counts?.answers ?? bundle.replicates.length;
  const isRunning = moments?.isRunning ?? false;
  const uncounted = answers - summary.validCount - summary.invalidCount;
  return (
    <>
      <Verdict detail={detail} bundle={bundle} />
      {summary.validCount > 0 && <Votes summary={summary} k={meta.k} uncounted={isRunning ? uncounted : 0} />}
      <Answers bundle={bundle} total={answers} />
      <div class="pair">
        {trace && trace.points.length > 0 && summary.validCount > 1 && (
          <Section title="As answers arrived">
            <TraceChart trace={trace} k={meta.k} isSettled={isStoppedByRule(meta)} />
          </Section>
        )}
        <Cost detail={detail} bundle={bundle} />
      </div>
      <Timeline bundle={bundle} detail={detail} />
      <div class="pair">
        {map && (
          <Section title="Distance of the answers" class="distances">
            <HeatMap map={map} />
          </Section>
        )}
        {page.calibration && (
          <Section title="What confidence has meant" class="calibration">
            <CalibrationChart calibration={page.calibration} />
          </Section>
        )}
        <Origin bundle={bundle} />
      </div>
    </>
  );
}

/** Spending against the budget, and against K answers each time, where an answer tells what one takes. */
function Cost({ detail: { cost, spending, moments }, bundle: { summary, meta } }: ShownBundle) {
  const isRunning = moments?.isRunning ?? false;
  const isCompared = cost !== undefined && meta.k > 0 && summary.validCount > 0;
  if (!spending && !isCompared) return null;
  return (
    <Section title="Cost against budget and fixed K" class="cost">
      {spending && <Ceilings spending={spending} isRunning={isRunning} />}
      {isCompared && <CostBars cost={cost} names={fixedKNames(cost)} asked={isRunning ? "so far" : "asked"} />}
      {isCompared && meta.escalations && (
        <p class="soft">The answers of the models before are among those asked, and not in the second line.</p>
      )}
    </Section>
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
