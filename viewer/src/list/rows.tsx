import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { showShare, showUsd } from "../../../src/cli/progress/format.ts";
import { showElapsed, showFailedCalls } from "../../../src/cli/view/facts.ts";
import type { RunRow } from "../../../src/cli/view/viewer-data.ts";
import type { Service } from "../data/source.ts";
import { Badge, Confidence, cutLine, isTyping } from "../parts.tsx";
import { addressOf } from "../place.ts";
import type { ListMemory } from "./list-screen.tsx";

const wide = 56;
const narrow = 96;
/** Rows that are laid out above and below what is seen. */
const beyond = 8;
/** Height of what stays above the rows: the head of the page and that of the list. */
const headHeight = 100;

function rowHeight(): number {
  return matchMedia("(max-width: 44rem)").matches ? narrow : wide;
}

interface RowsProps {
  readonly rows: readonly RunRow[];
  /** True where the rows are of several tools. */
  readonly isOfTools: boolean;
  readonly service: Service | undefined;
  readonly memory: ListMemory;
  /** Hears if the first row is out of sight. */
  readonly onScrolled: (isScrolled: boolean) => void;
}

/**
 * The rows that are seen, in the place that all of them would take. Arrows, j and k go from row to row. After a run, the list
 * is where it was left, with the focus on that run.
 */
export function Rows({ rows, isOfTools, service, memory, onScrolled }: RowsProps) {
  const list = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(rowHeight);
  const [seen, setSeen] = useState({ first: 0, last: 30 });
  const wanted = useRef<number>(undefined);
  const [focused, setFocused] = useState<string>();
  const bringIntoView = (at: number) => {
    const top = (list.current?.getBoundingClientRect().top ?? 0) + scrollY + at * height;
    if (top < scrollY + headHeight) scrollTo({ top: top - headHeight });
    else if (top + height > scrollY + innerHeight) scrollTo({ top: top + height - innerHeight + 8 });
  };
  useLayoutEffect(() => {
    scrollTo({ top: memory.top });
    const at = memory.run === "" ? -1 : rows.findIndex(({ id }) => id === memory.run);
    if (at === -1) return;
    bringIntoView(at);
    wanted.current = at;
    memory.run = "";
  }, []);
  useLayoutEffect(() => {
    const look = () => {
      const element = list.current;
      if (!element) return;
      const next = rowHeight();
      const { top } = element.getBoundingClientRect();
      memory.top = scrollY;
      onScrolled(top < headHeight - next);
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
    const link = list.current?.querySelector<HTMLElement>(`[data-at="${wanted.current}"] a`);
    if (!link) return;
    link.focus({ preventScroll: true });
    wanted.current = undefined;
  });
  useEffect(() => {
    const move = (event: KeyboardEvent) => {
      if (event.key === "Escape" && list.current?.contains(document.activeElement))
        (document.activeElement as HTMLElement).blur();
      const step =
        event.key === "ArrowDown" || event.key === "j" ? 1 : event.key === "ArrowUp" || event.key === "k" ? -1 : 0;
      if (step === 0 || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const focused = document.activeElement?.closest<HTMLElement>("[data-at]")?.dataset["at"];
      if (focused === undefined && event.key.startsWith("Arrow")) return;
      // The first key goes to the first row that is seen.
      const top = list.current?.getBoundingClientRect().top ?? 0;
      const from = focused === undefined ? Math.ceil((headHeight - top) / height) : Number(focused) + step;
      const next = Math.max(0, Math.min(rows.length - 1, from));
      event.preventDefault();
      bringIntoView(next);
      const link = list.current?.querySelector<HTMLElement>(`[data-at="${next}"] a`);
      if (link) link.focus({ preventScroll: true });
      else wanted.current = next;
    };
    addEventListener("keydown", move);
    return () => removeEventListener("keydown", move);
  }, [rows, height]);
  // A row that has the focus stays, wherever the list is scrolled to.
  const focusedAt = focused === undefined ? -1 : rows.findIndex(({ id }) => id === focused);
  const places = rows.slice(seen.first, seen.last).map((_, index) => seen.first + index);
  if (focusedAt !== -1 && focusedAt < seen.first) places.unshift(focusedAt);
  if (focusedAt >= seen.last) places.push(focusedAt);
  const shown = places.map((at) => rows[at] as RunRow);
  useEffect(() => service?.look(shown.map(({ id }) => id)), [shown.map(({ id, status }) => id + status).join()]);
  return (
    <div
      class="table"
      role="table"
      aria-label="Runs"
      aria-rowcount={rows.length + 1}
      onFocusIn={({ target }) => setFocused((target as HTMLElement).closest<HTMLElement>("[data-id]")?.dataset["id"])}
      onFocusOut={() => setFocused(undefined)}
    >
      <div role="rowgroup">
        <div class="row row-head" role="row" aria-rowindex={1}>
          {["state", "run", "input and answer", "confidence", "answers", "cost", "time"].map((name) => (
            <span key={name} role="columnheader">
              {name}
            </span>
          ))}
          {service && (
            <span role="columnheader">
              <span class="unseen">action</span>
            </span>
          )}
        </div>
      </div>
      <div class="body" role="rowgroup" ref={list} style={{ height: `${rows.length * height}px` }}>
        {shown.map((row, index) => {
          const at = places[index] as number;
          const tool = isOfTools ? row.tool : "";
          return <Row key={row.id} row={row} tool={tool} at={at} top={at * height} height={height} service={service} />;
        })}
      </div>
    </div>
  );
}

interface RowProps {
  readonly row: RunRow;
  /** Tool where it is to be named; otherwise `""`. */
  readonly tool: string;
  readonly at: number;
  readonly top: number;
  readonly height: number;
  readonly service: Service | undefined;
}

function Row({ row, tool, at, top, height, service }: RowProps) {
  const { id, status, isRetrying, input, said, votes, confidence, answers, failedCalls, k } = row;
  const { costUsd, elapsedMs, category, accepted, startedAt } = row;
  const state = isRetrying ? "retrying" : status;
  const isPending = service && !service.isRead(id);
  const verdict =
    accepted === undefined ? undefined : accepted === true ? "accepted" : accepted === false ? "refused" : "review";
  return (
    <div
      class="row"
      role="row"
      aria-rowindex={at + 2}
      data-at={at}
      data-id={id}
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
        <span class="said asked">{input !== "" ? input : isPending ? <span class="soft">…</span> : "–"}</span>
        <span class={`said soft ${category === undefined ? "" : "bad"}`}>
          {tool !== "" && <span class="soft">{`${cutLine(tool, 24)}${said === "" ? "" : " · "}`}</span>}
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
        {costUsd === null ? <span class="soft">{status === "running" ? "–" : "unknown"}</span> : showUsd(costUsd)}
      </span>
      <span role="cell" class="number time">
        {elapsedMs === null ? <span class="soft">–</span> : showElapsed(elapsedMs)}
        {startedAt !== undefined && (
          <time class="soft" dateTime={startedAt} title={`Started ${startedAt}`}>
            {showStart(startedAt)}
          </time>
        )}
      </span>
      {service && (
        <span role="cell" class="act">
          <RowAction row={row} service={service} />
        </span>
      )}
    </div>
  );
}

/** A start as people read clocks: of today its time, of another day its date. */
function showStart(iso: string): string {
  const start = new Date(iso);
  return start.toDateString() === new Date().toDateString() ? timeOfDay.format(start) : dayOfYear.format(start);
}

const timeOfDay = new Intl.DateTimeFormat("en", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const dayOfYear = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });

function RowAction({ row: { id, status, confidence }, service }: { readonly row: RunRow; readonly service: Service }) {
  const [next, setNext] = useState<string>();
  const isRunning = status === "running";
  const told = confidence === undefined ? "" : `, confidence ${showShare(confidence)}`;
  if (next !== undefined)
    return (
      <a class="row-action" href={addressOf("run", next)} aria-label={`Open new run of ${id}`}>
        open new
      </a>
    );
  return (
    <button
      type="button"
      class="row-action"
      aria-label={`${isRunning ? "Cancel" : "Run again"} ${id}${told}`}
      onClick={() => void (isRunning ? service.cancel(id) : service.runAgain(id).then(setNext))}
    >
      {isRunning ? "cancel" : "again"}
    </button>
  );
}
