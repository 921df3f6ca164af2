import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { showShare, showUsd } from "../../../src/cli/progress/format.ts";
import { showElapsed, showFailedCalls } from "../../../src/cli/view/facts.ts";
import type { RunRow } from "../../../src/cli/view/viewer-data.ts";
import type { Service } from "../data/source.ts";
import { Badge, Confidence, cutLine, isTyping } from "../parts.tsx";
import { addressOf } from "../place.ts";

const wide = 56;
const narrow = 96;
/** Rows that are laid out above and below what is seen. */
const beyond = 8;

interface RowsProps {
  readonly rows: readonly RunRow[];
  readonly service: Service | undefined;
}

/** The rows that are seen, in the place that all of them would take. Arrows, j and k go from row to row. */
export function Rows({ rows, service }: RowsProps) {
  const list = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(wide);
  const [seen, setSeen] = useState({ first: 0, last: 30 });
  const wanted = useRef<number>(undefined);
  useLayoutEffect(() => {
    const look = () => {
      const element = list.current;
      if (!element) return;
      const next = matchMedia("(max-width: 44rem)").matches ? narrow : wide;
      const { top } = element.getBoundingClientRect();
      const first = Math.max(0, Math.floor(-top / next) - beyond);
      const last = Math.max(first, Math.ceil((innerHeight - top) / next) + beyond);
      setHeight(next);
      setSeen((before) => (before.first === first && before.last === last ? before : { first, last }));
    };
    look();
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [rows.length]);
  useEffect(() => {
    if (wanted.current === undefined) return;
    list.current?.querySelector<HTMLElement>(`[data-at="${wanted.current}"] a`)?.focus();
    wanted.current = undefined;
  });
  useEffect(() => {
    const move = (event: KeyboardEvent) => {
      const step =
        event.key === "ArrowDown" || event.key === "j" ? 1 : event.key === "ArrowUp" || event.key === "k" ? -1 : 0;
      if (step === 0 || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const focused = document.activeElement?.closest<HTMLElement>("[data-at]")?.dataset["at"];
      if (focused === undefined && event.key.startsWith("Arrow")) return;
      const next = focused === undefined ? 0 : Math.max(0, Math.min(rows.length - 1, Number(focused) + step));
      event.preventDefault();
      const element = list.current as HTMLElement;
      const top = element.getBoundingClientRect().top + scrollY + next * height;
      if (top < scrollY + 64) scrollTo({ top: top - 64 });
      else if (top + height > scrollY + innerHeight) scrollTo({ top: top + height - innerHeight + 8 });
      const link = element.querySelector<HTMLElement>(`[data-at="${next}"] a`);
      if (link) link.focus();
      else wanted.current = next;
    };
    addEventListener("keydown", move);
    return () => removeEventListener("keydown", move);
  }, [rows, height]);
  const shown = rows.slice(seen.first, seen.last);
  useEffect(() => service?.look(shown.map(({ id }) => id)), [shown.map(({ id, status }) => id + status).join()]);
  return (
    <div class="table" role="table" aria-label="Runs" aria-rowcount={rows.length + 1}>
      <div role="rowgroup">
        <div class="row row-head" role="row" aria-rowindex={1}>
          {["state", "run", "input and answer", "confidence", "answers", "cost", "time"].map((name) => (
            <span key={name} role="columnheader">
              {name}
            </span>
          ))}
        </div>
      </div>
      <div class="body" role="rowgroup" ref={list} style={{ height: `${rows.length * height}px` }}>
        {shown.map((row, index) => {
          const at = seen.first + index;
          return <Row key={row.id} row={row} at={at} top={at * height} height={height} service={service} />;
        })}
      </div>
    </div>
  );
}

interface RowProps {
  readonly row: RunRow;
  readonly at: number;
  readonly top: number;
  readonly height: number;
  readonly service: Service | undefined;
}

function Row({ row, at, top, height, service }: RowProps) {
  const { id, status, isRetrying, input, said, votes, confidence, answers, failedCalls, k } = row;
  const { costUsd, elapsedMs, category, accepted } = row;
  const state = isRetrying ? "retrying" : status;
  const verdict =
    accepted === undefined ? undefined : accepted === true ? "accepted" : accepted === false ? "refused" : "review";
  return (
    <div
      class="row"
      role="row"
      aria-rowindex={at + 2}
      data-at={at}
      style={{ transform: `translateY(${top}px)`, height: `${height}px` }}
    >
      <span role="cell" class="state">
        <Badge state={verdict ?? state} />
      </span>
      <span role="cell" class="id">
        <a href={addressOf("run", id)} aria-label={`Run ${id}`}>
          {cutLine(id.length > 10 ? id.slice(0, 8) : id, 10)}
        </a>
      </span>
      <span role="cell" class="texts">
        <span class="said asked">{input === "" ? "–" : input}</span>
        <span class={`said soft ${category === undefined ? "" : "bad"}`}>
          {category !== undefined && <b>{category}: </b>}
          {said}
          {failedCalls !== undefined && <span> · {showFailedCalls(failedCalls)}</span>}
          {votes !== undefined && <span class="votes-line"> · {votes}</span>}
        </span>
      </span>
      <span role="cell" class="number">
        <Confidence value={confidence} />
      </span>
      <span role="cell" class="number">
        {k === 0 ? (
          <span class="soft">–</span>
        ) : (
          <>
            {answers}
            <span class="soft"> of {k}</span>
          </>
        )}
      </span>
      <span role="cell" class="number cost">
        {costUsd === null ? <span class="soft">unknown</span> : showUsd(costUsd)}
      </span>
      <span role="cell" class="number time">
        {elapsedMs === null ? "–" : showElapsed(elapsedMs)}
        {service && <RowAction row={row} service={service} />}
      </span>
    </div>
  );
}

function RowAction({ row: { id, status, confidence }, service }: { readonly row: RunRow; readonly service: Service }) {
  const isRunning = status === "running";
  const told = confidence === undefined ? "" : `, confidence ${showShare(confidence)}`;
  return (
    <button
      type="button"
      class="row-action"
      aria-label={`${isRunning ? "Cancel" : "Run again"} ${id}${told}`}
      onClick={() => void (isRunning ? service.cancel(id) : service.runAgain(id))}
    >
      {isRunning ? "cancel" : "again"}
    </button>
  );
}
