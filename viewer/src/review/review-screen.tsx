import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Answer } from "../../../src/cli/label/answer.ts";
import { verdictOnAll } from "../../../src/cli/label/effect.ts";
import { type Draw, draws, type LabelLine, type Verdict } from "../../../src/cli/label/labels.ts";
import { counted, showCount, showOnLine } from "../../../src/cli/progress/format.ts";
import type { RunDetail } from "../../../src/cli/view/viewer-data.ts";
import { Votes } from "../bundle/votes.tsx";
import type { Source } from "../data/source.ts";
import { Badge, cutLine, isTyping, textOf } from "../parts.tsx";
import { addressOf, changeQuery, place } from "../place.ts";
import { Effects } from "./effects.tsx";
import type { Session } from "./session.ts";

interface ReviewProps {
  readonly source: Source;
  readonly session: Session;
}

const drawWords: Readonly<Record<Draw, string>> = {
  "least-sure": "least sure first",
  uniform: "by chance, which certifies",
  stratified: "spread over all confidences",
};

/** One answer after the other, judged by keys. The confidence is not shown before the verdict: a label says what it is worth. */
export function ReviewScreen({ source, session }: ReviewProps) {
  const { query } = place.value;
  const last = session.review.labels.at(-1);
  const draw = draws.find((each) => each === query.get("draw")) ?? "least-sure";
  const seed = Number.parseInt(query.get("seed") ?? "", 10) || last?.seed || session.seed;
  const order = useMemo(() => session.orderOf(draw, seed), [session, draw, seed]);
  const labels = session.labels.value;
  const judged = [...labels.values()].filter(({ label }) => label !== null).length;
  const at = query.get("at");
  const chosen = order.find((each) => source.runOf(each) === at);
  const answer = chosen ?? order.find((each) => !session.labelOf(each));
  const [told, setTold] = useState<{ readonly answer: Answer; readonly verdict: Verdict }>();
  useEffect(() => {
    document.documentElement.dataset["screen"] = "review";
  }, []);

  const judge = (verdict: Verdict) => {
    if (!answer) return;
    session.judge(answer, verdict, draw, seed);
    setTold({ answer, verdict });
    const next = order.find((each) => each !== answer && !session.labelOf(each));
    changeQuery({ draw, seed: String(seed), at: next && source.runOf(next) });
    scrollTo(0, 0);
  };
  const back = () => {
    const shown = [...labels.values()].flatMap((label) => order.find((each) => session.labelOf(each) === label) ?? []);
    const place = answer ? shown.indexOf(answer) : -1;
    const before = shown.at(place === -1 ? -1 : place - 1);
    if (before && place !== 0) changeQuery({ draw, seed: String(seed), at: source.runOf(before) });
  };
  return (
    <div class="review-screen">
      <section class="judging" aria-label="Judge answers">
        <h1 class="unseen">Review</h1>
        <div class="toolbar">
          <label class="grow">
            <span>Order</span>
            <select
              value={draw}
              onChange={({ currentTarget: { value } }) =>
                changeQuery({ draw: value, seed: String(seed), at: undefined })
              }
            >
              {(["least-sure", "uniform", "stratified"] as const).map((each) => (
                <option key={each} value={each}>
                  {drawWords[each]}
                </option>
              ))}
            </select>
          </label>
          <span class="soft">
            {showCount(judged)} of {showCount(order.length)} judged
            {labels.size > judged && `, ${showCount(labels.size - judged)} skipped`}
          </span>
        </div>
        <Told told={told} unsent={told && session.unsentOf(told.answer)} />
        {answer ? (
          <Question
            key={source.runOf(answer)}
            source={source}
            answer={answer}
            label={session.labelOf(answer)}
            judge={judge}
            back={back}
          />
        ) : (
          <p class="empty">
            {order.length === 0 ? "There is no answer to judge yet." : "Every answer is judged."}{" "}
            <button type="button" onClick={back}>
              Back <kbd>b</kbd>
            </button>
          </p>
        )}
      </section>
      <Effects source={source} session={session} draw={draw} />
    </div>
  );
}

interface ToldProps {
  readonly told: { readonly answer: Answer; readonly verdict: Verdict } | undefined;
  /** Reason for which the service did not take the verdict. */
  readonly unsent: string | undefined;
}

/** Says what was judged, and now also how sure the answer was. */
function Told({ told, unsent }: ToldProps) {
  return (
    <p class="told" role="status">
      {told && (
        <>
          <span class="said">{cutLine(told.answer.id, 40)}</span>{" "}
          <b>{unsent === undefined ? describeVerdict(told.verdict) : "not sent"}</b>
          {unsent !== undefined && <span class="bad said">: {unsent}</span>}
          <span class="soft">. Its confidence was {told.answer.confidence.toFixed(2)}.</span>
        </>
      )}
    </p>
  );
}

function describeVerdict(verdict: Verdict): string {
  if (verdict === null) return "skipped";
  if (typeof verdict === "boolean") return verdict ? "judged right" : "judged wrong";
  const wrong = Object.entries(verdict).flatMap(([field, isRight]) => (isRight ? [] : [showOnLine(field)]));
  return wrong.length === 0 ? "judged right by field" : `judged wrong in ${wrong.join(", ")}`;
}

interface QuestionProps {
  readonly source: Source;
  readonly answer: Answer;
  readonly label: LabelLine | undefined;
  readonly judge: (verdict: Verdict) => void;
  readonly back: () => void;
}

function Question({ source, answer, label, judge, back }: QuestionProps) {
  const id = source.runOf(answer);
  const detail = source.detail(id).value;
  const row = source.rows.value.find((each) => each.id === id);
  const fields = Object.keys(answer.votes.fields);
  const [byField, setByField] = useState<Readonly<Record<string, boolean>>>();
  const keep = (verdicts: Readonly<Record<string, boolean>>) =>
    judge(Object.keys(verdicts).length === 0 ? null : verdicts);
  const keys: Readonly<Record<string, (() => void) | undefined>> = {
    r: () => judge(true),
    w: () => judge(false),
    u: () => judge(null),
    b: back,
    f: fields.length > 1 ? () => setByField((before) => (before ? undefined : {})) : undefined,
  };
  const latest = useRef(keys);
  latest.current = byField ? { b: back, f: keys["f"], Enter: () => keep(byField) } : keys;
  // Before the next key: one that comes while the screen is drawn would else be lost.
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const isOnControl =
        event.key === "Enter" && event.target instanceof Element && event.target.closest("a, button, summary") !== null;
      const act = isOnControl ? undefined : latest.current[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  return (
    <article class="question" aria-label={`Answer ${cutLine(answer.id, 40)}`}>
      <p class="soft said">
        {cutLine(answer.id, 60)} · <a href={addressOf("run", id)}>{source.service ? "the run" : `line ${id}`}</a>
        {label && (
          <>
            {" "}
            · <b>{describeVerdict(label.label)}</b> before
          </>
        )}
      </p>
      <h2 class="eyebrow">Question</h2>
      <Asked input={detail?.input ?? row?.input ?? ""} id={answer.id} />
      <h2 class="eyebrow">Answer</h2>
      <Given detail={detail} fallback={row?.said ?? ""} />
      {byField ? (
        <ByField
          fields={fields}
          verdicts={byField}
          change={setByField}
          keep={() => keep(byField)}
          leave={() => setByField(undefined)}
        />
      ) : (
        <div class="verdicts">
          <VerdictButton name="Right" keyName="r" kind="right" act={() => judge(true)} />
          <VerdictButton name="Wrong" keyName="w" kind="wrong" act={() => judge(false)} />
          {fields.length > 1 && <VerdictButton name="By field" keyName="f" act={() => setByField({})} />}
          <VerdictButton name="Unsure" keyName="u" act={() => judge(null)} />
          <VerdictButton name="Back" keyName="b" act={back} />
        </div>
      )}
      {detail?.bundle && (
        <Votes isBlind summary={detail.bundle.summary} k={detail.bundle.meta.k} answers={detail.counts?.answers ?? 0} />
      )}
      {detail === null && row?.votes !== undefined && <p class="soft said">{row.votes}</p>}
    </article>
  );
}

interface VerdictProps {
  readonly name: string;
  readonly keyName: string;
  readonly kind?: string;
  readonly act: () => void;
}

function VerdictButton({ name, keyName, kind = "", act }: VerdictProps) {
  return (
    <button type="button" class={kind} onClick={act} aria-keyshortcuts={keyName}>
      {name} <kbd aria-hidden="true">{keyName}</kbd>
    </button>
  );
}

/** Each field of the input by its name, but for the id, which stands above. */
function Asked({ input, id }: { readonly input: unknown; readonly id: string }) {
  if (typeof input !== "object" || input === null || Array.isArray(input))
    return <p class="asked-text said">{textOf(input)}</p>;
  return (
    <dl class="asked-fields">
      {Object.entries(input).map(([name, value]) =>
        name === "id" && String(value) === id ? null : (
          <div key={name}>
            <dt class="said">{cutLine(name, 60)}</dt>
            <dd class="said">{textOf(value)}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function Given({ detail, fallback }: { readonly detail: RunDetail | null | undefined; readonly fallback: string }) {
  const summary = detail?.bundle?.summary;
  const given = summary ? (summary.consensusJson ?? summary.consensus) : fallback;
  return (
    <pre class={typeof given === "string" ? "prose given said" : "given said"} tabIndex={0}>
      {textOf(given)}
    </pre>
  );
}

interface ByFieldProps {
  readonly fields: readonly string[];
  readonly verdicts: Readonly<Record<string, boolean>>;
  readonly change: (verdicts: Readonly<Record<string, boolean>>) => void;
  readonly keep: () => void;
  readonly leave: () => void;
}

function ByField({ fields, verdicts, change, keep, leave }: ByFieldProps) {
  const first = useRef<HTMLSelectElement>(null);
  useEffect(() => first.current?.focus(), []);
  const set = (field: string, value: string) => {
    const { [field]: _, ...others } = verdicts;
    change(value === "unsure" ? others : { ...others, [field]: value === "right" });
  };
  const whole = verdictOnAll(Object.fromEntries(fields.map((field) => [field, 0])), verdicts);
  return (
    <fieldset class="by-field">
      <legend>Verdict on each field</legend>
      {fields.map((field, index) => {
        const value = Object.hasOwn(verdicts, field) ? (verdicts[field] ? "right" : "wrong") : "unsure";
        return (
          <label key={field}>
            <code class="said">{cutLine(field, 80)}</code>
            <select
              value={value}
              ref={index === 0 ? first : null}
              onChange={({ currentTarget }) => set(field, currentTarget.value)}
            >
              <option value="unsure">unsure</option>
              <option value="right">right</option>
              <option value="wrong">wrong</option>
            </select>
          </label>
        );
      })}
      <div class="verdicts">
        <button type="button" onClick={keep}>
          Keep <kbd aria-hidden="true">Enter</kbd>
        </button>
        <button type="button" onClick={leave}>
          Judge as a whole <kbd aria-hidden="true">f</kbd>
        </button>
        {whole !== undefined && <Badge state={whole ? "right" : "wrong"} />}
      </div>
      <p class="soft">{counted(Object.keys(verdicts).length, "field")} judged; an unsure field counts for nothing.</p>
    </fieldset>
  );
}
