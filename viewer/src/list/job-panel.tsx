import { useEffect, useState } from "preact/hooks";
import { showCount, showShare, showUsd, sourceNotices } from "../../../src/cli/progress/format.ts";
import type { JobReport } from "../../../src/cli/report/job-facts.ts";
import {
  cutShort,
  describeBelow,
  describeConfidence,
  describeContested,
  describeCost,
  describeInputs,
  describeJudged,
  describeMessage,
  describeReuse,
  describeRight,
  describeRivals,
  describeSaved,
  describeSignalCost,
  describeSingle,
  describeTime,
  fixedKNamesOf,
  hasFields,
  heldAgainst,
  limitOf,
  nameOfField,
  partOf,
  titles,
  unknownIn,
  withoutAnswer,
} from "../../../src/cli/report/words.ts";
import { showElapsed } from "../../../src/cli/view/facts.ts";
import type { RunRow, ViewerPage } from "../../../src/cli/view/viewer-data.ts";
import { CalibrationChart, Histogram } from "../charts/job.tsx";
import { CostBars } from "../cost.tsx";
import { cutLine, Figure, Meter, Section } from "../parts.tsx";
import { addressOf } from "../place.ts";
import type { Session } from "../review/session.ts";

interface JobPanelProps {
  readonly page: Omit<ViewerPage, "rows" | "total">;
  readonly report: JobReport;
  readonly rows: readonly RunRow[];
  readonly session: Session | undefined;
}

/** A whole job in short. Each part leads to the runs that it speaks of. */
export function JobPanel({ page, report, rows, session }: JobPanelProps) {
  const { confidence, contested, failures, cost } = report;
  const isWide = useIsWide();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <JobFigures page={page} report={report} rows={rows} session={session} />
      <aside aria-label="The job in short" class="side">
        <details open={isWide || isOpen} onToggle={({ currentTarget: { open } }) => !isWide && setOpen(open)}>
          <summary>The job in short</summary>
          <div class="panel">
            {page.accepted && (
              <Section title="Accepted">
                {page.accepted.map((sentence) => (
                  <p key={sentence}>{sentence}</p>
                ))}
              </Section>
            )}
            {confidence.count > 0 && (
              <Section title={titles.sure}>
                <Histogram bins={confidence.histogram} minConfidence={confidence.minConfidence} />
                <Sentences
                  of={[
                    describeConfidence(confidence),
                    describeBelow(confidence),
                    describeSingle(confidence),
                    describeJudged(confidence),
                  ]}
                />
              </Section>
            )}
            {hasFields(report) ? (
              <ContestedFields contested={contested} />
            ) : (
              contested.fields.length > 0 && (
                <Section title="Where answers differ">
                  <Sentences of={[describeContested(contested.fields)]} />
                </Section>
              )
            )}
            {failures.length > 0 && <Failures kinds={failures} />}
            {cost.fixed.answers > 0 && (
              <Section title="Cost against a fixed K">
                <CostBars cost={cost} names={fixedKNamesOf(cost)} />
              </Section>
            )}
            {page.calibration && (
              <Section title="What confidence has meant">
                <CalibrationChart calibration={page.calibration} />
              </Section>
            )}
            <Origin report={report} />
          </div>
        </details>
      </aside>
    </>
  );
}

/** Tells if the panel has a column of its own, as the window is now. */
function useIsWide(): boolean {
  const [isWide, setWide] = useState(() => matchMedia(besideRows).matches);
  useEffect(() => {
    const query = matchMedia(besideRows);
    const change = () => setWide(query.matches);
    query.addEventListener("change", change);
    return () => query.removeEventListener("change", change);
  }, []);
  return isWide;
}

const besideRows = "(min-width: 72rem)";

function JobFigures({ page, report: { inputs, confidence, cost, time, questions }, rows, session }: JobPanelProps) {
  const { mean, below } = confidence;
  const missing = withoutAnswer(inputs);
  const acceptance = page.accepted && session?.acceptance.value;
  const toReview = rows.filter(({ accepted }) => accepted === "review").length;
  const [question] = questions;
  return (
    <section class="figures-band" aria-label="In short">
      {question && question.source !== "live" && (
        <p class={`notice ${question.source}`}>{sourceNotices[question.source]}</p>
      )}
      {page.isCutShort && <p class="notice">{cutShort}</p>}
      <dl class="figures">
        <Figure name="Inputs" value={showCount(inputs.total)}>
          {missing === 0 ? (
            "each with an answer"
          ) : (
            <a class="bad" href={addressOf("runs", "", { state: "unanswered" })}>
              {showCount(missing)} without an answer
            </a>
          )}
        </Figure>
        {mean !== null && (
          <Figure name="Mean confidence" value={showShare(mean)} share={mean}>
            {describeRight(confidence)}
          </Figure>
        )}
        {acceptance ? (
          <Figure
            name="Accepted"
            value={showCount(acceptance.counts.accepted)}
            share={acceptance.counts.accepted / Math.max(1, inputs.total)}
          >
            <a href={addressOf("runs", "", { state: "review", order: "surest" })}>{showCount(toReview)} to review</a>
          </Figure>
        ) : (
          describeBelow(confidence) !== undefined && (
            <Figure
              name={confidence.minConfidence === null ? "Too unsure" : `Below ${limitOf(confidence)}`}
              value={showCount(below)}
              share={below / Math.max(1, heldAgainst(confidence))}
              kind="other"
            >
              {confidence.minConfidence === null ? (
                `below ${limitOf(confidence)}`
              ) : (
                <a href={addressOf("runs", "", { to: String(confidence.minConfidence) })}>
                  of {showCount(heldAgainst(confidence))}
                </a>
              )}
            </Figure>
          )
        )}
        <Figure name="Cost" value={cost.totalUsd === null ? "unknown" : showUsd(cost.totalUsd)}>
          {cost.totalUsd === null ? `no price for ${unknownIn(cost)}` : describeSaved(cost)}
        </Figure>
        {time.medianMs !== null && (
          <Figure name="Time of an input" value={showElapsed(time.medianMs)}>
            the median
            {time.slowest && (
              <>
                ; <a href={addressOf("run", String(time.slowest.line))}>the slowest</a> took{" "}
                {showElapsed(time.slowest.ms)}
              </>
            )}
          </Figure>
        )}
      </dl>
    </section>
  );
}

function Sentences({ of }: { readonly of: readonly (string | undefined)[] }) {
  return (
    <>
      {of
        .filter((sentence) => sentence !== undefined)
        .map((sentence) => (
          <p key={sentence} class="soft">
            {sentence}
          </p>
        ))}
    </>
  );
}

function ContestedFields({ contested: { fields, moreCount } }: Pick<JobReport, "contested">) {
  return (
    <Section title={titles.contested} note="inputs that differ">
      <ul class="contested">
        {fields.map((field) => {
          const { path, contested, inputs, meanConfidence } = field;
          const rivals = describeRivals(field);
          return (
            <li key={path}>
              <a class="said" href={addressOf("runs", "", { field: path })}>
                <code>{cutLine(nameOfField(field), 60)}</code>
              </a>
              <span class="number">{partOf(contested, inputs)}</span>
              <Meter share={contested / inputs} kind="other" />
              <span class="soft said">
                {rivals === "" ? "" : `most often ${cutLine(rivals, 60)} · `}mean confidence {showShare(meanConfidence)}
              </span>
            </li>
          );
        })}
      </ul>
      {moreCount > 0 && <p class="soft">… and {showCount(moreCount)} more</p>}
    </Section>
  );
}

function Failures({ kinds }: { readonly kinds: JobReport["failures"] }) {
  return (
    <Section title={titles.failures}>
      {kinds.map(({ category, count, advice, messages }) => (
        <details key={category} class="failure">
          <summary>
            <b class="bad said">{cutLine(category, 60)}</b> <span class="number">{showCount(count)}</span>
          </summary>
          <p>{advice}</p>
          <ul class="soft">
            {messages.map((message) => (
              <li key={message.message} class="said">
                {describeMessage(message)}
              </li>
            ))}
          </ul>
          <p>
            <a href={addressOf("runs", "", { category })}>Show these runs</a>
          </p>
        </details>
      ))}
    </Section>
  );
}

function Origin({ report: { inputs, cost, time, questions } }: { readonly report: JobReport }) {
  const invalid = cost.invalidAnswers > 0 ? `, ${showCount(cost.invalidAnswers)} of them not valid` : "";
  const facts: (readonly [string, string | undefined])[] = [
    ["Inputs", describeInputs(inputs)],
    ...questions.map(
      ({ task, model, source, count }) =>
        [
          "Asked",
          `${cutLine(task, 80)}, ${cutLine(model, 80)}${source === "live" ? "" : ` (${source})`}: ${showCount(count)}`,
        ] as const,
    ),
    ["Answers", `${showCount(cost.actual.answers)}${invalid}`],
    ["Cost", describeCost(cost)],
    ["Signals", describeSignalCost(cost)],
    ["Saved", cost.reuse && describeReuse(cost)],
    ["Time", describeTime(time)],
  ];
  return (
    <Section title="Origin">
      <dl class="facts">
        {facts.map(
          ([name, value], index) =>
            value !== undefined && (
              <div key={`${name} ${index}`}>
                <dt>{name}</dt>
                <dd class="said">{value}</dd>
              </div>
            ),
        )}
      </dl>
    </Section>
  );
}
