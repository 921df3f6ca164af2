import { useRef } from "preact/hooks";
import { describeWorth, type Effect, showMean } from "../../../src/cli/label/effect.ts";
import type { Draw } from "../../../src/cli/label/labels.ts";
import { counted, showCount, showShare } from "../../../src/cli/progress/format.ts";
import type { Source } from "../data/source.ts";
import { CopyButton, cutLine, download, Section } from "../parts.tsx";
import { addressOf } from "../place.ts";
import type { Session, ShownAcceptance } from "./session.ts";

interface EffectsProps {
  readonly source: Source;
  readonly session: Session;
  readonly draw: Draw;
}

/** Shows what the labels so far change, and gives them as a file. */
export function Effects({ source, session, draw }: EffectsProps) {
  const given = session.given.value;
  const effects = session.effects.value;
  const acceptance = session.acceptance.value;
  return (
    <aside class="panel" aria-label="What the labels change">
      {acceptance && <AcceptedSet source={source} session={session} draw={draw} shown={acceptance} />}
      <Section title="Calibration">
        {!effects ? (
          <p class="soft">…</p>
        ) : effects.length === 0 ? (
          <p class="soft">No answer is judged yet. From ten labels on they correct the confidence.</p>
        ) : (
          effects.map((effect) => <Learnt key={effect.name} effect={effect} isOne={effects.length === 1} />)
        )}
      </Section>
      <Section title="Labels" note={given.length === 0 ? undefined : `${showCount(given.length)} of this sitting`}>
        <Export source={source} session={session} />
      </Section>
    </aside>
  );
}

function AcceptedSet({ source, session, draw, shown }: EffectsProps & { readonly shown: ShownAcceptance }) {
  const { counts, sentences, acceptance } = shown;
  const { accepted, review, wrong, failed } = counts;
  const first = useRef(accepted);
  const moved = accepted - first.current;
  const isCertifying = draw === "uniform";
  return (
    <Section title="Accepted set" note={`aim: ${Number((acceptance.precision * 100).toFixed(2))} % right`}>
      <div
        class="field-bar tall"
        role="img"
        aria-label={`accepted ${accepted}, to review ${review}, wrong or without an answer ${wrong + failed}`}
      >
        {accepted > 0 && <span class="agreed" style={{ flexGrow: accepted }} />}
        {review > 0 && <span class="open" style={{ flexGrow: review }} />}
        {wrong + failed > 0 && <span class="other" style={{ flexGrow: wrong + failed }} />}
      </div>
      <ul class="legend">
        <li>
          <span class="key agreed" aria-hidden="true" /> accepted <b data-accepted>{showCount(accepted)}</b>
          {moved !== 0 && (
            <span class="soft">
              {" "}
              ({moved > 0 ? "+" : "−"}
              {Math.abs(moved)} in this sitting)
            </span>
          )}
        </li>
        <li>
          <span class="key open" aria-hidden="true" /> to review <b>{showCount(review)}</b>
        </li>
        {wrong + failed > 0 && (
          <li>
            <span class="key other" aria-hidden="true" /> {failed > 0 ? "wrong or without an answer" : "judged wrong"}{" "}
            <b>{showCount(wrong + failed)}</b>
          </li>
        )}
      </ul>
      {sentences.map((sentence) => (
        <p key={sentence} class="soft">
          {sentence}
        </p>
      ))}
      {!session.review.isAsked && !source.service && (
        <p class="soft">The job was run without --right: this is what --right {acceptance.precision} would accept.</p>
      )}
      {!isCertifying && (
        <p class="soft">
          Answers in this order teach the confidence. Only a draw by chance certifies:{" "}
          <a href={addressOf("review", "", { draw: "uniform", at: undefined })}>judge by chance</a>.
        </p>
      )}
    </Section>
  );
}

function Learnt({ effect, isOne }: { readonly effect: Effect; readonly isOne: boolean }) {
  const { name, judged, before, after, isUsed } = effect;
  const right = judged.filter(({ isRight }) => isRight).length;
  const rows = [["without labels", before] as const, ...(isUsed ? [["with labels", after] as const] : [])];
  return (
    <>
      {!isOne && <h3 class="said">{cutLine(name, 80)}</h3>}
      <p>
        {counted(judged.length, "answer")} judged, <b data-right>{showCount(right)} right</b> (
        {showShare(right / judged.length)})
      </p>
      <table data-calibration>
        <thead>
          <tr>
            <th scope="col">mean confidence</th>
            <th scope="col" class="number">
              of all
            </th>
            <th scope="col" class="number">
              of those judged
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([title, { ofAll, ofJudged }]) => (
            <tr key={title}>
              <th scope="row">{title}</th>
              <td class="number">{showMean(ofAll)}</td>
              <td class="number">{showMean(ofJudged)}</td>
            </tr>
          ))}
          <tr>
            <th scope="row">share that was right</th>
            <td />
            <td class="number">{showShare(right / judged.length)}</td>
          </tr>
        </tbody>
      </table>
      <p class="soft">{describeWorth(effect)}</p>
    </>
  );
}

function Export({ source, session }: { readonly source: Source; readonly session: Session }) {
  const { file } = source.page;
  const name = `${file.replace(/^.*[\\/]/, "")}.labels.jsonl`;
  const isEmpty = session.labels.value.size === 0;
  const unsent = session.unsent.value.size;
  const clear = () => {
    if (confirm("Discard the labels of this sitting?")) session.discard();
  };
  return (
    <>
      <p class="actions">
        <button
          type="button"
          class="main"
          disabled={isEmpty}
          onClick={() => download(name, session.toLines(), "application/jsonl")}
        >
          Download labels
        </button>
        <CopyButton text={() => session.toLines()}>Copy</CopyButton>
        {session.given.value.length > 0 && !source.service && (
          <button type="button" onClick={clear}>
            Discard
          </button>
        )}
      </p>
      {source.service ? (
        unsent === 0 ? (
          <p class="soft">The service takes each label, and judges the next runs by them.</p>
        ) : (
          <p class="bad">
            The service did not take {counted(unsent, "label")}.{" "}
            <button type="button" onClick={() => session.sendAgain()}>
              Send again
            </button>
          </p>
        )
      ) : (
        <p class="soft">
          Put the file beside the answers, as <code class="said">{name}</code>: <code>steer label</code>,{" "}
          <code>steer report</code> and <code>steer run --right</code> read it. The browser keeps the labels until then.
        </p>
      )}
    </>
  );
}
