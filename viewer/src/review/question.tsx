import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Answer } from "../../../src/cli/label/answer.ts";
import { verdictOnAll } from "../../../src/cli/label/effect.ts";
import type { LabelLine, Verdict } from "../../../src/cli/label/labels.ts";
import { counted, showOnLine } from "../../../src/cli/progress/format.ts";
import type { RunDetail } from "../../../src/cli/view/viewer-data.ts";
import { Votes } from "../bundle/votes.tsx";
import type { Source } from "../data/source.ts";
import { Badge, cutLine, isTyping } from "../parts.tsx";
import { addressOf } from "../place.ts";
import { Reading } from "../reading.tsx";

interface QuestionProps {
  readonly source: Source;
  readonly answer: Answer;
  readonly label: LabelLine | undefined;
  readonly judge: (verdict: Verdict) => void;
  readonly back: () => void;
}

type FieldVerdicts = Readonly<Record<string, boolean>>;

/** An answer to judge: what was asked, what the answers agree on, and their votes. */
export function Question({ source, answer, label, judge, back }: QuestionProps) {
  const id = source.runOf(answer);
  const detail = source.detail(id).value;
  const row = source.rows.value.find((each) => each.id === id);
  const fields = Object.keys(answer.votes.fields);
  const [byField, setByField] = useState<FieldVerdicts>();
  // An answer that was judged by field is judged on from there.
  const begun = typeof label?.label === "object" && label.label !== null ? label.label : {};
  const keep = (verdicts: FieldVerdicts) => judge(Object.keys(verdicts).length === 0 ? null : verdicts);
  const set = (field: string, verdict: boolean | undefined) =>
    setByField(({ [field]: _, ...others } = {}) => (verdict === undefined ? others : { ...others, [field]: verdict }));
  const onFocused = (verdict: boolean | undefined) => () => {
    const row = document.activeElement?.closest<HTMLElement>("[data-field]");
    if (!row) return;
    set(row.dataset["field"] as string, verdict);
    // On to the next field, and from the last one to the button.
    const next = row.nextElementSibling?.querySelector<HTMLElement>("input:checked, button");
    next?.focus();
  };
  const whole = { r: () => judge(true), w: () => judge(false), u: () => judge(null) };
  const ofField = { r: onFocused(true), w: onFocused(false), u: onFocused(undefined) };
  const keys: Readonly<Record<string, (() => void) | undefined>> = {
    ...(byField ? ofField : whole),
    b: back,
    f: fields.length > 1 ? () => setByField((before) => (before ? undefined : begun)) : undefined,
    Enter: byField && (() => keep(byField)),
  };
  const latest = useRef(keys);
  latest.current = keys;
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
      <p class="soft said where-from">
        {cutLine(answer.id, 60)} · <a href={addressOf("run", id)}>{source.service ? "the run" : `line ${id}`}</a>
        {label && (
          <>
            {" "}
            · <b>{describeVerdict(label.label)}</b> before
          </>
        )}
      </p>
      <h2 class="eyebrow">Question</h2>
      <div class="asked-text">
        <Reading value={withoutId(detail?.input ?? row?.input ?? "", answer.id)} />
      </div>
      <h2 class="eyebrow">Answer</h2>
      <div class="given">
        <Reading value={consensusOf(detail) ?? row?.said ?? ""} />
      </div>
      {byField ? (
        <ByField
          fields={fields}
          verdicts={byField}
          detail={detail}
          set={set}
          keep={() => keep(byField)}
          leave={() => setByField(undefined)}
        />
      ) : (
        <div class="verdicts">
          <VerdictButton name="Right" keyName="r" kind="right" act={() => judge(true)} />
          <VerdictButton name="Wrong" keyName="w" kind="wrong" act={() => judge(false)} />
          {fields.length > 1 && <VerdictButton name="By field" keyName="f" act={() => setByField(begun)} />}
          <VerdictButton name="Unsure" keyName="u" act={() => judge(null)} />
          <VerdictButton name="Back" keyName="b" act={back} />
        </div>
      )}
      {detail?.bundle && <Votes isBlind summary={detail.bundle.summary} k={detail.bundle.meta.k} />}
      {detail === null && row?.votes !== undefined && <p class="soft said">{row.votes}</p>}
    </article>
  );
}

/** A verdict in words. */
export function describeVerdict(verdict: Verdict): string {
  if (verdict === null) return "skipped";
  if (typeof verdict === "boolean") return verdict ? "judged right" : "judged wrong";
  const wrong = Object.entries(verdict).flatMap(([field, isRight]) => (isRight ? [] : [showOnLine(field)]));
  return wrong.length === 0 ? "judged right by field" : `judged wrong in ${wrong.join(", ")}`;
}

/** Leaves out the id of an input, which stands above, and the name of a text that is all of the rest. */
function withoutId(input: unknown, id: string): unknown {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return input;
  const fields = Object.entries(input).filter(([name, value]) => name !== "id" || String(value) !== id);
  const [only] = fields;
  return fields.length === 1 && typeof only?.[1] === "string" ? only[1] : Object.fromEntries(fields);
}

function consensusOf(detail: RunDetail | null | undefined): unknown {
  const summary = detail?.bundle?.summary;
  return summary && (summary.consensusJson ?? summary.consensus);
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

interface ByFieldProps {
  readonly fields: readonly string[];
  readonly verdicts: FieldVerdicts;
  readonly detail: RunDetail | null | undefined;
  readonly set: (field: string, verdict: boolean | undefined) => void;
  readonly keep: () => void;
  readonly leave: () => void;
}

const choices = [
  ["right", true],
  ["wrong", false],
  ["unsure", undefined],
] as const;

/** One line a field; r, w and u judge the field that has the focus, and go on to the next. */
function ByField({ fields, verdicts, detail, set, keep, leave }: ByFieldProps) {
  const list = useRef<HTMLFieldSetElement>(null);
  useEffect(() => list.current?.querySelector<HTMLElement>("input:checked")?.focus(), []);
  const whole = verdictOnAll(Object.fromEntries(fields.map((field) => [field, 0])), verdicts);
  const summary = detail?.bundle?.summary;
  return (
    <fieldset class="by-field" ref={list}>
      <legend>
        Each field by itself: <kbd>r</kbd> right, <kbd>w</kbd> wrong, <kbd>u</kbd> unsure
      </legend>
      {fields.map((field, index) => {
        const given =
          summary && Object.hasOwn(summary.fields, field) ? summary.fields[field]?.distribution[0] : undefined;
        const verdict = Object.hasOwn(verdicts, field) ? verdicts[field] : undefined;
        return (
          <div key={field} class="field-verdict" role="radiogroup" aria-label={cutLine(field, 80)} data-field={field}>
            <code class="said">{cutLine(field, 80)}</code>
            <span class="said line">{given && ("value" in given ? cutLine(given.value, 120) : <i>absent</i>)}</span>
            <span class="options">
              {choices.map(([name, value]) => (
                <label key={name} class={name}>
                  <input
                    type="radio"
                    name={`verdict ${index}`}
                    checked={verdict === value}
                    onChange={() => set(field, value)}
                  />
                  {name}
                </label>
              ))}
            </span>
          </div>
        );
      })}
      <div class="verdicts">
        <button type="button" class="main" onClick={keep}>
          Keep <kbd aria-hidden="true">Enter</kbd>
        </button>
        <button type="button" onClick={leave}>
          Judge as a whole <kbd aria-hidden="true">f</kbd>
        </button>
        <span class="soft">
          {counted(Object.keys(verdicts).length, "field")} judged
          {whole !== undefined && (
            <>
              , as a whole <Badge state={whole ? "right" : "wrong"} />
            </>
          )}
        </span>
      </div>
    </fieldset>
  );
}
