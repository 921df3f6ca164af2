import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { counted, showCount } from "../../../src/cli/progress/format.ts";
import type { RunRow } from "../../../src/cli/view/viewer-data.ts";
import { noService } from "../data/api.ts";
import type { Service, Source, Strip } from "../data/source.ts";
import { download } from "../parts.tsx";
import { place } from "../place.ts";
import type { Session } from "../review/session.ts";
import { toCsv, toJsonLines } from "./export.ts";
import { type Filters, filtered, filterNames, filtersIn, searchesTexts, withoutTexts } from "./filters.ts";
import { JobPanel } from "./job-panel.tsx";
import { Rows } from "./rows.tsx";
import { ServiceStrip } from "./service-strip.tsx";
import { Chips, Toolbar } from "./toolbar.tsx";

/** State of the list as it was left, by which it comes back the same. */
export interface ListMemory {
  /** Place that it was scrolled to. */
  top: number;
  /** Run that was shown last; `""` where none was. */
  run: string;
  /** Ids in the order that was shown, and the filters that it is of. */
  order: { readonly of: string; readonly ids: readonly string[] } | undefined;
}

interface ListProps {
  readonly source: Source;
  readonly session: Session | undefined;
  readonly memory: ListMemory;
}

/** Every run, filtered and ordered as the address says. */
export function ListScreen({ source, session, memory }: ListProps) {
  const { page, service } = source;
  const rows = source.rows.value;
  const total = source.total.value;
  const usual = service ? "newest" : "unsure";
  const { query } = place.value;
  const wanted = query.toString();
  const filters = useMemo(() => filtersIn(query, usual), [wanted]);
  const fitting = useMemo(() => filtered(rows, filters), [rows, filters]);
  const { shown, newCount, around, onScrolled, release } = useHeld(
    rows,
    fitting,
    wanted,
    memory,
    service !== undefined,
  );
  const isOfTools = rows.some(({ tool }) => tool !== "" && tool !== rows[0]?.tool);
  const problem = service?.strip.value.problem;
  const search = useSearch(service, rows, filters);
  const isFiltered = filterNames.some((name) => query.has(name));
  useEffect(() => {
    document.documentElement.dataset["screen"] = "runs";
  }, []);
  return (
    <div class={service ? "list-screen live" : "list-screen"}>
      {service && <ServiceStrip strip={service.strip.value} />}
      <h1 class="unseen">Runs</h1>
      {page.report && <JobPanel page={page} report={page.report} rows={rows} session={session} />}
      <section class="runs" aria-label="Runs">
        <Toolbar rows={rows} filters={filters} usual={usual} isLive={service !== undefined} />
        <Chips filters={filters} />
        {total > rows.length && (
          <p class="covers soft">
            This page holds the {showCount(rows.length)} that are least sure or failed, of {showCount(total)}.
          </p>
        )}
        {service && <Coverage service={service} filters={filters} search={search} />}
        <div {...around}>
          <div class="list-head">
            <p role="status">
              {isFiltered
                ? `${showCount(shown.length)} of ${counted(rows.length, "run")}`
                : counted(rows.length, "run")}
              {search.isReading && " …"}
            </p>
            {newCount !== undefined && (
              <button type="button" class="main fresh" onClick={release}>
                {newCount > 0 ? `${showCount(newCount)} new` : "Update"}
              </button>
            )}
            <Export source={source} shown={shown} />
            {problem !== undefined && (
              <p class="notice failed said" role="alert">
                {problem}
              </p>
            )}
          </div>
          {shown.length === 0 ? (
            <p class="empty">
              {search.isReading
                ? "Searching …"
                : rows.length > 0
                  ? "No run fits the filters."
                  : describeNone(service?.strip.value)}
            </p>
          ) : (
            <Rows rows={shown} isOfTools={isOfTools} service={service} memory={memory} onScrolled={onScrolled} />
          )}
        </div>
      </section>
    </div>
  );
}

/**
 * Holds the order of a live list while the pointer or the focus is on it, or it is scrolled. Rows change where
 * they stand; new ones wait to be asked for.
 */
function useHeld(rows: readonly RunRow[], fitting: readonly RunRow[], of: string, memory: ListMemory, isLive: boolean) {
  // After a run, the focus is about to come to its row.
  const reasons = useRef({ pointer: false, focus: memory.run !== "", scrolled: false });
  const [isHeld, setHeld] = useState(reasons.current.focus);
  const [, setReleased] = useState(0);
  const hold = (change: Partial<typeof reasons.current>) => {
    Object.assign(reasons.current, change);
    setHeld(Object.values(reasons.current).some(Boolean));
  };
  const held = isLive && isHeld && memory.order?.of === of ? memory.order : undefined;
  const heldIds = useMemo(() => held && new Set(held.ids), [held]);
  const kept = useMemo(() => {
    if (!heldIds) return undefined;
    const byId = new Map(rows.map((row) => [row.id, row]));
    const shown: RunRow[] = [];
    for (const id of heldIds) {
      const row = byId.get(id);
      if (row) shown.push(row);
    }
    const newCount = fitting.reduce((count, { id }) => (heldIds.has(id) ? count : count + 1), 0);
    const isSame = newCount === 0 && fitting.length === shown.length && fitting.every((row, at) => row === shown[at]);
    return { shown, newCount: isSame ? undefined : newCount };
  }, [heldIds, rows, fitting]);
  if (!kept && isLive) memory.order = { of, ids: fitting.map(({ id }) => id) };
  const release = () => {
    memory.order = undefined;
    memory.top = 0;
    scrollTo(0, 0);
    document.getElementById("content")?.focus({ preventScroll: true });
    hold({ focus: false });
    setReleased((count) => count + 1);
  };
  const around = {
    onPointerEnter: ({ pointerType }: PointerEvent) => hold({ pointer: pointerType === "mouse" }),
    onPointerLeave: () => hold({ pointer: false }),
    onFocusIn: () => hold({ focus: true }),
    onFocusOut: () => hold({ focus: false }),
  };
  const onScrolled = (scrolled: boolean) => hold({ scrolled });
  return { shown: kept?.shown ?? fitting, newCount: kept?.newCount, around, onScrolled, release };
}

/** Says why there is no run: a service that does not answer may have some. */
function describeNone(strip: Strip | undefined): string {
  if (!strip) return "The file has no run.";
  if (strip.isConnected) return "No run yet. One that a client starts by POST /v1/runs appears here by itself.";
  return strip.isConnected === undefined ? "Asking the service …" : noService;
}

/** Runs of which a search reads what they say, and how many more of them each time that more are wanted. */
const [firstReach, nextReach] = [200, 500];

/** Reads what the first runs say where the filters look at that. */
function useSearch(service: Service | undefined, rows: readonly RunRow[], filters: Filters) {
  const [reach, setReach] = useState(firstReach);
  const isSearch = service !== undefined && searchesTexts(filters);
  const searched = useMemo(() => (isSearch ? filtered(rows, withoutTexts(filters)) : []), [isSearch, rows, filters]);
  const isUnread = ({ id }: RunRow) => service?.isRead(id) === false;
  const due = searched.slice(0, reach).filter(isUnread);
  useEffect(() => {
    if (due.length > 0) void service?.read(due.map(({ id }) => id));
  }, [due.length, searched]);
  const left = searched.slice(reach).filter(isUnread).length;
  return { isReading: due.length > 0, among: searched.length, left, reachOn: () => setReach(reach + nextReach) };
}

interface CoverageProps {
  readonly service: Service;
  readonly filters: Filters;
  readonly search: ReturnType<typeof useSearch>;
}

/** Says of how many runs a search and the filters know, and leads to more. */
function Coverage({ service, filters, search: { among, left, reachOn } }: CoverageProps) {
  const hasOlder = service.hasOlder(filters);
  useEffect(() => service.listFirst(filters), [filters.tool, filters.state, filters.from, filters.to]);
  if (!hasOlder && left === 0) return null;
  return (
    <p class="covers soft" role="status">
      {left > 0 && (
        <>
          The search covers {showCount(among - left)} of {showCount(among)} runs.{" "}
          <button type="button" onClick={reachOn}>
            Search {showCount(Math.min(nextReach, left))} more
          </button>
        </>
      )}
      {hasOlder && (
        <>
          {" "}
          The service has older runs.{" "}
          <button type="button" onClick={() => void service.listOlder(filters)}>
            List older ones
          </button>
        </>
      )}
    </p>
  );
}

/** Saves the runs that the list shows. Of a service, those are read first whose texts were not seen yet. */
function Export({ source, shown }: { readonly source: Source; readonly shown: readonly RunRow[] }) {
  const { service, page } = source;
  const [isReading, setReading] = useState(false);
  const name = page.file.replace(/^.*[\\/]/, "").replace(/\.jsonl$/, "") || "runs";
  const unread = isReading && service ? shown.filter(({ id }) => !service.isRead(id)).length : 0;
  const save = async (to: (rows: readonly RunRow[]) => string, extension: string, type: string) => {
    const ids = shown.map(({ id }) => id);
    setReading(true);
    await service?.read(ids);
    setReading(false);
    const byId = new Map(source.rows.value.map((row) => [row.id, row]));
    const rows = ids.flatMap((id) => byId.get(id) ?? []);
    download(`${name.replaceAll(":", "-")}.runs.${extension}`, to(rows), type);
  };
  return (
    <span class="actions">
      {isReading && unread > 0 && (
        <span class="soft" role="status">
          reading {showCount(unread)} …
        </span>
      )}
      <button
        type="button"
        aria-label="Save as JSONL"
        disabled={isReading}
        onClick={() => void save(toJsonLines, "jsonl", "application/jsonl")}
      >
        JSONL
      </button>
      <button
        type="button"
        aria-label="Save as CSV"
        disabled={isReading}
        onClick={() => void save(toCsv, "csv", "text/csv")}
      >
        CSV
      </button>
    </span>
  );
}
